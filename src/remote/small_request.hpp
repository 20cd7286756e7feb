#pragma once
// Small requests: to services that hand out credentials.

#include "remote/request.hpp"
#include "remote/secret_text.hpp"
#include "weightseal/io/remote_source.hpp"

#include <chrono>

namespace weightseal::remote {

struct SmallAnswer {
    unsigned status = 0; ///< 0: there was none
    SecretText body;
};

/// Sends a request and waits for its answer, at most `timeout`. Never through a proxy where `is_local`. A body of more
/// than 64 KiB counts as no answer. Redirects are not followed.
[[nodiscard]] SmallAnswer ask(const HttpRequest& request, const HttpOptions& options, std::chrono::milliseconds timeout,
                              bool is_local);

} // namespace weightseal::remote

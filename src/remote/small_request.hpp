#pragma once
// Small requests: to services that hand out credentials.

#include "remote/request.hpp"
#include "remote/secret_text.hpp"
#include "weightseal/io/remote_source.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace weightseal::remote {

struct SmallAnswer {
    unsigned status = 0; ///< 0: there was none
    SecretText body;
    std::string failure;    ///< why there was none
    std::string version_id; ///< S3: of the object that was written
};

/// Sends a request and waits for its answer, at most `timeout`. Never through a proxy where `is_local`. A body of more
/// than 64 KiB counts as no answer. Redirects are not followed.
[[nodiscard]] SmallAnswer ask(const HttpRequest& request, const HttpOptions& options, std::chrono::milliseconds timeout,
                              bool is_local);

/// Throws `key_source_failed` unless the status is 200; `subject` is what the error calls the service.
void require_ok(const SmallAnswer& answer, std::string_view subject);

} // namespace weightseal::remote

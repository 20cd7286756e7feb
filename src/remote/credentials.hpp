#pragma once
// Credentials of AWS: who signs, and until when.

#include "remote/secret_text.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace weightseal::remote {

using Time = std::chrono::system_clock::time_point;

struct Credentials {
    std::string key_id;
    SecretText secret;
    SecretText token;            ///< of a session; or empty
    std::optional<Time> expires; ///< empty: never
};

/// One way to come by credentials.
class CredentialSource {
  public:
    virtual ~CredentialSource() = default;
    /// May wait for seconds. Nothing where the source is not set up; throws `key_source_failed` where it is and fails.
    [[nodiscard]] virtual std::optional<Credentials> load() = 0;
};

} // namespace weightseal::remote

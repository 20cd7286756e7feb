#pragma once
// Credentials in the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.

#include "remote/credentials.hpp"

namespace weightseal::remote {

[[nodiscard]] std::unique_ptr<CredentialSource> environment_credentials();

} // namespace weightseal::remote

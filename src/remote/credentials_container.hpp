#pragma once
// Credentials of a container's role: ECS, EKS Pod Identity.

#include "remote/credentials.hpp"

namespace weightseal::remote {

/// From where AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI says, with the token of
/// AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN. A full URI that is not https must be of
/// this machine or of the addresses of ECS and EKS.
[[nodiscard]] std::unique_ptr<CredentialSource> container_credentials();

} // namespace weightseal::remote

#pragma once
// Credentials of an instance's role: the metadata service of EC2, version 2 only.

#include "remote/credentials.hpp"

namespace weightseal::remote {

/// Not where AWS_EC2_METADATA_DISABLED is "true". Its address may be set by AWS_EC2_METADATA_SERVICE_ENDPOINT.
[[nodiscard]] std::unique_ptr<CredentialSource> instance_credentials();

} // namespace weightseal::remote

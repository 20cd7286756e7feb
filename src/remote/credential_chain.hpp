#pragma once
// The chain of credential sources, in the order of AWS's own tools.

#include "remote/credentials.hpp"
#include "weightseal/io/remote_source.hpp"

namespace weightseal::remote {

[[nodiscard]] std::unique_ptr<CredentialSource> credential_chain(const S3Options& options);

} // namespace weightseal::remote

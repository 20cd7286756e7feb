#pragma once
// Credentials of a profile: keys that stand in it, or the output of its credential_process.

#include "remote/credentials.hpp"

namespace weightseal::remote {

[[nodiscard]] std::unique_ptr<CredentialSource> profile_credentials(std::string name);

} // namespace weightseal::remote

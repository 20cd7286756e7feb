#pragma once
// Credentials of a profile: keys that stand in it, or the output of its credential_process.

#include "remote/credentials.hpp"

namespace weightseal::remote {

/// Of a profile that somebody named: without credentials, or where there is no such profile, it fails.
[[nodiscard]] std::unique_ptr<CredentialSource> profile_credentials(std::string name);

/// Of the profile "default", which need not be there.
[[nodiscard]] std::unique_ptr<CredentialSource> default_profile_credentials();

} // namespace weightseal::remote

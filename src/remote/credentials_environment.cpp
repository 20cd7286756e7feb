#include "remote/credentials_environment.hpp"

#include "remote/environment.hpp"
#include "weightseal/core/error.hpp"

#include <cstdlib>

namespace weightseal::remote {
namespace {

// Straight from the environment into wiped memory.
SecretText secret(const char* name) {
    const char* const value = std::getenv(name);
    return SecretText(value == nullptr ? std::string_view() : value);
}

class EnvironmentCredentials final : public CredentialSource {
  public:
    [[nodiscard]] std::optional<Credentials> load() override {
        Credentials credentials;
        credentials.key_id = environment({"AWS_ACCESS_KEY_ID"});
        if (credentials.key_id.empty()) return std::nullopt;
        credentials.secret = secret("AWS_SECRET_ACCESS_KEY");
        if (credentials.secret.empty())
            throw Error(Errc::key_source_failed, "AWS_SECRET_ACCESS_KEY", "is not set, and AWS_ACCESS_KEY_ID is");
        credentials.token = secret("AWS_SESSION_TOKEN");
        return credentials;
    }
};

} // namespace

std::unique_ptr<CredentialSource> environment_credentials() {
    return std::make_unique<EnvironmentCredentials>();
}

} // namespace weightseal::remote

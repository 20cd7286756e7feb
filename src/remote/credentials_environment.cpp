#include "remote/credentials_environment.hpp"

#include "remote/environment.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal::remote {
namespace {

class EnvironmentCredentials final : public CredentialSource {
  public:
    [[nodiscard]] std::optional<Credentials> load() override {
        Credentials credentials;
        credentials.key_id = environment({"AWS_ACCESS_KEY_ID"});
        if (credentials.key_id.empty()) return std::nullopt;
        credentials.secret = secret_environment("AWS_SECRET_ACCESS_KEY");
        if (credentials.secret.empty())
            throw Error(Errc::key_source_failed, "AWS_SECRET_ACCESS_KEY", "is not set, and AWS_ACCESS_KEY_ID is");
        credentials.token = secret_environment("AWS_SESSION_TOKEN");
        return credentials;
    }
};

} // namespace

std::unique_ptr<CredentialSource> environment_credentials() {
    return std::make_unique<EnvironmentCredentials>();
}

} // namespace weightseal::remote

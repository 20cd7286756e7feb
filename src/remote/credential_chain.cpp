#include "remote/credential_chain.hpp"

#include "remote/credentials_container.hpp"
#include "remote/credentials_environment.hpp"
#include "remote/credentials_instance.hpp"
#include "remote/credentials_profile.hpp"
#include "remote/credentials_web_identity.hpp"
#include "remote/environment.hpp"

#include <vector>

namespace weightseal::remote {
namespace {

class Chain final : public CredentialSource {
  public:
    void add(std::unique_ptr<CredentialSource> source) { sources_.push_back(std::move(source)); }
    [[nodiscard]] std::optional<Credentials> load() override {
        for (const auto& source : sources_)
            if (auto credentials = source->load()) return credentials;
        return std::nullopt;
    }

  private:
    std::vector<std::unique_ptr<CredentialSource>> sources_;
};

} // namespace

std::unique_ptr<CredentialSource> credential_chain(const S3Options& options) {
    // Who names a profile means it, whatever the environment happens to hold.
    if (!options.profile.empty()) return profile_credentials(options.profile);
    auto chain = std::make_unique<Chain>();
    chain->add(environment_credentials());
    chain->add(web_identity_credentials(options));
    const std::string profile = environment({"AWS_PROFILE", "AWS_DEFAULT_PROFILE"});
    chain->add(profile.empty() ? default_profile_credentials() : profile_credentials(profile));
    chain->add(container_credentials());
    chain->add(instance_credentials());
    return chain;
}

} // namespace weightseal::remote

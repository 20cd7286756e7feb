#include "remote/credential_chain.hpp"

#include "remote/credentials_environment.hpp"

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

std::unique_ptr<CredentialSource> credential_chain(const S3Options&) {
    auto chain = std::make_unique<Chain>();
    chain->add(environment_credentials());
    return chain;
}

} // namespace weightseal::remote

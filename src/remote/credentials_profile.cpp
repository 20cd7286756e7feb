#include "remote/credentials_profile.hpp"

#include "platform/process.hpp"
#include "remote/credentials_json.hpp"
#include "remote/profile.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal::remote {
namespace {

constexpr const char* subject = "credential_process";
constexpr std::size_t longest_output = std::size_t{64} << 10;

Credentials ask_process(const std::string& command) {
    AlignedBuffer output(longest_output, {.huge_pages = false, .wipe = true});
    try {
        const std::size_t size = platform::read_command(command, output.bytes(), subject);
        return credentials_of_json(as_text(output.bytes().first(size)), subject);
    } catch (const Error& error) {
        if (error.errc() == Errc::key_source_failed) throw;
        throw Error(Errc::key_source_failed, subject, error.what());
    }
}

class ProfileCredentials final : public CredentialSource {
  public:
    ProfileCredentials(std::string name, bool is_wanted) : name_(std::move(name)), is_wanted_(is_wanted) {}

    [[nodiscard]] std::optional<Credentials> load() override {
        const Settings settings = read_profile(name_); // again each time: others renew them
        Credentials credentials;
        credentials.key_id = setting(settings, "aws_access_key_id");
        if (!credentials.key_id.empty()) {
            const auto secret = settings.find("aws_secret_access_key");
            if (secret == settings.end() || secret->second.empty())
                throw Error(Errc::key_source_failed, "profile " + name_, "has a key id and no aws_secret_access_key");
            credentials.secret = secret->second;
            if (const auto token = settings.find("aws_session_token"); token != settings.end())
                credentials.token = token->second;
            return credentials;
        }
        if (const std::string command = setting(settings, "credential_process"); !command.empty())
            return ask_process(command);
        if (is_wanted_)
            throw Error(Errc::key_source_failed, "profile " + name_, "has neither keys nor a credential_process");
        return std::nullopt;
    }

  private:
    std::string name_;
    bool is_wanted_;
};

} // namespace

std::unique_ptr<CredentialSource> profile_credentials(std::string name) {
    return std::make_unique<ProfileCredentials>(std::move(name), true);
}

std::unique_ptr<CredentialSource> default_profile_credentials() {
    return std::make_unique<ProfileCredentials>("default", false);
}

} // namespace weightseal::remote

#include "remote/credentials_web_identity.hpp"

#include "remote/credentials_json.hpp"
#include "remote/environment.hpp"
#include "remote/secret_file.hpp"
#include "remote/small_request.hpp"
#include "remote/url.hpp"
#include "weightseal/core/error.hpp"

#include <fmt/format.h>

namespace weightseal::remote {
namespace {

constexpr const char* subject = "web identity";
constexpr std::chrono::seconds timeout{10};

// What stands between the tags of an element that has no elements in it. The service's values need no unescaping.
std::string_view element(std::string_view xml, const std::string& name) {
    const std::string opening = "<" + name + ">";
    const std::size_t begin = xml.find(opening);
    if (begin == xml.npos) return {};
    xml.remove_prefix(begin + opening.size());
    const std::size_t end = xml.find('<');
    return end != xml.npos && xml.substr(end).starts_with("</" + name + ">") ? xml.substr(0, end) : std::string_view();
}

class WebIdentityCredentials final : public CredentialSource {
  public:
    explicit WebIdentityCredentials(const S3Options& options) : region_(options.region), http_(options.http) {}

    [[nodiscard]] std::optional<Credentials> load() override {
        const std::string token_file = environment({"AWS_WEB_IDENTITY_TOKEN_FILE"});
        const std::string role = environment({"AWS_ROLE_ARN"});
        if (token_file.empty() || role.empty()) return std::nullopt;
        std::string session = environment({"AWS_ROLE_SESSION_NAME"});
        if (session.empty()) session = "weightseal";
        const SecretText token = read_token_file(token_file);
        // The token is longer than a URL should be, and must not be in one: it goes as the body.
        const std::string form = fmt::format(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}"
            "&WebIdentityToken={}",
            percent_encoded(role, false), percent_encoded(session, false), percent_encoded(token.view(), false));
        HttpRequest request{
            "POST", service(), {{"content-type", "application/x-www-form-urlencoded"}}, SecretText(form)};
        const SmallAnswer answer = ask(request, http_, timeout, false);
        require_ok(answer, subject);
        return credentials_of_sts(answer.body.view());
    }

  private:
    [[nodiscard]] std::string service() const {
        const std::string endpoint = environment({"AWS_ENDPOINT_URL_STS"});
        if (!endpoint.empty()) return parse_http_url(endpoint).text();
        return fmt::format("https://sts.{}.amazonaws.com{}/", region_, region_.starts_with("cn-") ? ".cn" : "");
    }

    std::string region_;
    HttpOptions http_;
};

} // namespace

Credentials credentials_of_sts(std::string_view xml) {
    const auto fail = [](const char* what) { return Error(Errc::key_source_failed, subject, what); };
    Credentials credentials;
    credentials.key_id = element(xml, "AccessKeyId");
    credentials.secret = SecretText(element(xml, "SecretAccessKey"));
    credentials.token = SecretText(element(xml, "SessionToken"));
    credentials.expires = parse_expiration(element(xml, "Expiration"));
    if (credentials.key_id.empty() || credentials.secret.empty() || credentials.token.empty() || !credentials.expires)
        throw fail("the Security Token Service gives no credentials that can be read");
    return credentials;
}

std::unique_ptr<CredentialSource> web_identity_credentials(const S3Options& options) {
    return std::make_unique<WebIdentityCredentials>(options);
}

} // namespace weightseal::remote

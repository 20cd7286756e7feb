#include "remote/credentials_container.hpp"

#include "remote/credentials_json.hpp"
#include "remote/environment.hpp"
#include "remote/secret_file.hpp"
#include "remote/small_request.hpp"
#include "remote/url.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <array>

namespace weightseal::remote {
namespace {

constexpr const char* subject = "container credentials";
constexpr std::chrono::seconds timeout{5};
constexpr std::array<std::string_view, 6> trusted_hosts{"localhost",     "127.0.0.1",      "[::1]",
                                                        "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};

std::string service_url() {
    if (const std::string path = environment({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}); !path.empty())
        return "http://169.254.170.2" + path;
    return environment({"AWS_CONTAINER_CREDENTIALS_FULL_URI"});
}

SecretText service_token() {
    if (const std::string path = environment({"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}); !path.empty())
        return read_token_file(path);
    return secret_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
}

class ContainerCredentials final : public CredentialSource {
  public:
    [[nodiscard]] std::optional<Credentials> load() override {
        const std::string text = service_url();
        if (text.empty()) return std::nullopt;
        const HttpUrl url = parse_http_url(text);
        if (!url.is_tls && std::ranges::find(trusted_hosts, url.host) == trusted_hosts.end())
            throw Error(Errc::key_source_failed, subject, "the URI is neither https nor of this machine");
        HttpRequest request{"GET", url.text(), {}};
        if (const SecretText token = service_token(); !token.empty())
            request.headers.push_back({"authorization", std::string(token.view())});
        const SmallAnswer answer = ask(request, {}, timeout, true);
        require_ok(answer, subject);
        return credentials_of_json(answer.body.view(), subject);
    }
};

} // namespace

std::unique_ptr<CredentialSource> container_credentials() {
    return std::make_unique<ContainerCredentials>();
}

} // namespace weightseal::remote

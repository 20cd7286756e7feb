#include "remote/credentials_instance.hpp"

#include "remote/credentials_json.hpp"
#include "remote/environment.hpp"
#include "remote/small_request.hpp"
#include "remote/url.hpp"

namespace weightseal::remote {
namespace {

constexpr const char* subject = "instance metadata";
constexpr std::chrono::seconds timeout{1}; // it is next door, or this is no instance

class InstanceCredentials final : public CredentialSource {
  public:
    [[nodiscard]] std::optional<Credentials> load() override {
        if (environment({"AWS_EC2_METADATA_DISABLED"}) == "true") return std::nullopt;
        std::string service = environment({"AWS_EC2_METADATA_SERVICE_ENDPOINT"});
        if (service.empty()) service = "http://169.254.169.254";
        HttpUrl url = parse_http_url(service);
        const auto send = [&](const char* method, const std::string& path, HttpHeader header) {
            url.path = path;
            return ask({method, url.text(), {std::move(header)}}, {}, timeout, true);
        };
        const SmallAnswer token = send("PUT", "/latest/api/token", {"x-aws-ec2-metadata-token-ttl-seconds", "300"});
        if (token.status == 0 || token.status == 404) return std::nullopt; // no instance
        require_ok(token, subject);
        const auto get = [&](const std::string& path) {
            return send("GET", "/latest/meta-data/iam/security-credentials/" + path,
                        {"x-aws-ec2-metadata-token", std::string(token.body.view())});
        };
        const SmallAnswer roles = get("");
        if (roles.status == 404) return std::nullopt; // an instance without a role
        require_ok(roles, subject);
        const std::string_view role = roles.body.view().substr(0, roles.body.view().find('\n'));
        const SmallAnswer answer = get(percent_encoded(role, false));
        require_ok(answer, subject);
        return credentials_of_json(answer.body.view(), subject);
    }
};

} // namespace

std::unique_ptr<CredentialSource> instance_credentials() {
    return std::make_unique<InstanceCredentials>();
}

} // namespace weightseal::remote

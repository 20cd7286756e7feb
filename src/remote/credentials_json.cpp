#include "remote/credentials_json.hpp"

#include "core/date_time.hpp"
#include "weightseal/core/error.hpp"

#include <nlohmann/json.hpp>

namespace weightseal::remote {

std::optional<Time> parse_expiration(std::string_view text) noexcept {
    const auto time = parse_recent_time(text);
    return time ? std::optional<Time>(std::chrono::floor<std::chrono::seconds>(*time)) : std::nullopt;
}

Credentials credentials_of_json(std::string_view text, std::string_view subject) {
    const auto fail = [&](const char* what) { return Error(Errc::key_source_failed, subject, what); };
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) throw fail("gives no JSON of credentials");
    const auto member = [&](const char* name) -> std::string_view {
        const auto found = json.find(name);
        if (found == json.end() || found->is_null()) return {};
        if (!found->is_string()) throw fail("gives JSON with something other than text for a member");
        return found->get_ref<const std::string&>();
    };
    Credentials credentials;
    credentials.key_id = member("AccessKeyId");
    credentials.secret = SecretText(member("SecretAccessKey"));
    const std::string_view token = member("Token");
    credentials.token = SecretText(token.empty() ? member("SessionToken") : token);
    if (credentials.key_id.empty() || credentials.secret.empty()) throw fail("gives JSON without a key");
    if (const std::string_view expiration = member("Expiration"); !expiration.empty()) {
        credentials.expires = parse_expiration(expiration);
        if (!credentials.expires) throw fail("gives a time of expiration that cannot be read");
    }
    return credentials;
}

} // namespace weightseal::remote

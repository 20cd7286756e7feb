#include "remote/credentials_json.hpp"

#include "core/date_time.hpp"
#include "weightseal/core/error.hpp"

#include <map>
#include <nlohmann/json.hpp>

namespace weightseal::remote {
namespace {

using Json = nlohmann::json;

// Takes the strings of the outermost object one by one, each straight into wiped memory: a document of them would keep
// secrets in memory that nobody wipes.
class Strings final : public nlohmann::json_sax<Json> {
  public:
    [[nodiscard]] SecretText at(const char* name) const {
        const auto found = values_.find(name);
        return found == values_.end() ? SecretText() : found->second;
    }

    bool start_object(std::size_t) override { return ++depth_ <= most_depth; }
    bool end_object() override { return --depth_, true; }
    bool start_array(std::size_t) override { return ++depth_ <= most_depth; }
    bool end_array() override { return --depth_, true; }
    bool key(std::string& name) override {
        name_ = name;
        return true;
    }
    bool string(std::string& value) override {
        if (depth_ == 1) values_[name_] = SecretText(value);
        wipe(std::as_writable_bytes(std::span(value)));
        return true;
    }
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool parse_error(std::size_t, const std::string&, const Json::exception&) override { return false; }

  private:
    static constexpr int most_depth = 16;
    int depth_ = 0;
    std::string name_;
    std::map<std::string, SecretText> values_;
};

} // namespace

std::optional<Time> parse_expiration(std::string_view text) noexcept {
    const auto time = parse_recent_time(text);
    return time ? std::optional<Time>(std::chrono::floor<std::chrono::seconds>(*time)) : std::nullopt;
}

Credentials credentials_of_json(std::string_view text, std::string_view subject) {
    const auto fail = [&](const char* what) { return Error(Errc::key_source_failed, subject, what); };
    Strings strings;
    if (text.find('\0') != text.npos || !Json::sax_parse(text.begin(), text.end(), &strings))
        throw fail("gives no JSON of credentials");
    Credentials credentials;
    credentials.key_id = strings.at("AccessKeyId").view();
    credentials.secret = strings.at("SecretAccessKey");
    credentials.token = strings.at("Token");
    if (credentials.token.empty()) credentials.token = strings.at("SessionToken");
    if (credentials.key_id.empty() || credentials.secret.empty()) throw fail("gives JSON without a key");
    if (const SecretText expiration = strings.at("Expiration"); !expiration.empty()) {
        credentials.expires = parse_expiration(expiration.view());
        if (!credentials.expires) throw fail("gives a time of expiration that cannot be read");
    }
    return credentials;
}

} // namespace weightseal::remote

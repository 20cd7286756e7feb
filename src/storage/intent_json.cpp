#include "storage/intent_json.hpp"

#include "weightseal/core/error.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

struct TextField {
    std::string_view name;
    std::string Intent::*member;
};
struct MembersField {
    std::string_view name;
    std::vector<Member> Intent::*member;
};

constexpr std::array text_fields{
    TextField{"bucket", &Intent::bucket},   TextField{"prefix", &Intent::prefix},
    TextField{"region", &Intent::region},   TextField{"partition", &Intent::partition},
    TextField{"account", &Intent::account}, TextField{"key", &Intent::key},
};
constexpr std::array member_fields{
    MembersField{"readers", &Intent::readers},
    MembersField{"publishers", &Intent::publishers},
    MembersField{"break_glass", &Intent::break_glass},
    MembersField{"administrators", &Intent::administrators},
};
constexpr std::size_t max_members = 100;

std::string text_of(const Json& json, std::string_view name, std::string_view subject) {
    if (!json.is_string()) throw Error(Errc::policy_field_type, subject, fmt::format("{} is not a text", name));
    return json.get<std::string>();
}

std::vector<std::string> texts_of(const Json& json, std::string_view name, std::string_view subject) {
    if (!json.is_array())
        throw Error(Errc::policy_field_type, subject, fmt::format("{} is not an array of texts", name));
    if (json.size() > max_members)
        throw Error(Errc::policy_too_large, subject, fmt::format("{} holds more than {}", name, max_members));
    std::vector<std::string> list;
    for (const Json& item : json)
        list.push_back(text_of(item, name, subject));
    return list;
}

Provider provider_of(const std::string& name, std::string_view subject) {
    for (const Provider provider : {Provider::aws, Provider::gcs, Provider::azure})
        if (provider_name(provider) == name) return provider;
    throw Error(Errc::bad_policy_value, subject, fmt::format("provider is '{}'; there are aws, gcs and azure", name));
}

} // namespace

Intent read_intent(const Json& json, std::string_view subject) {
    if (!json.is_object()) throw Error(Errc::policy_field_type, subject, "is not an object");
    Intent intent;
    for (const auto& [name, value] : json.items()) {
        const auto text = std::ranges::find(text_fields, name, &TextField::name);
        const auto members = std::ranges::find(member_fields, name, &MembersField::name);
        if (name == "provider")
            intent.provider = provider_of(text_of(value, name, subject), subject);
        else if (name == "vpc_endpoints")
            intent.vpc_endpoints = texts_of(value, name, subject);
        else if (text != text_fields.end())
            intent.*text->member = text_of(value, name, subject);
        else if (members != member_fields.end())
            for (const std::string& member : texts_of(value, name, subject))
                (intent.*members->member).push_back(Member::parse(member));
        else
            throw Error(Errc::unknown_policy_field, subject,
                        fmt::format("has the field '{}', which intents have not", name));
    }
    intent.complete();
    return intent;
}

Json write_intent(const Intent& intent) {
    Json json{{"provider", provider_name(intent.provider)}};
    for (const TextField& field : text_fields)
        if (!(intent.*field.member).empty()) json[std::string(field.name)] = intent.*field.member;
    for (const MembersField& field : member_fields) {
        Json& list = json[std::string(field.name)] = Json::array();
        for (const Member& member : intent.*field.member)
            list.push_back(member.text());
    }
    json["vpc_endpoints"] = intent.vpc_endpoints;
    return json;
}

Intent Intent::parse(std::string_view json, std::string_view subject) {
    return read_intent(parse_json(json, subject), subject);
}

std::string Intent::json() const {
    return write_intent(*this).dump();
}

} // namespace weightseal::storage

// Reading policy documents, which are untrusted.

#include "storage/policy_reader.hpp"
#include "storage/text.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <initializer_list>

namespace weightseal::storage {
namespace {

// AWS takes 20 KiB of a bucket policy and 32 KiB of a key policy.
constexpr std::size_t max_values = 10'000;
constexpr std::size_t max_value_size = 2'048; // keys of objects have 1,024 bytes at most

struct OperatorName {
    std::string_view name;
    Operator op;
    bool negated = false;
};

constexpr std::array operators{
    OperatorName{"stringequals", Operator::string_equals},
    OperatorName{"stringnotequals", Operator::string_equals, true},
    OperatorName{"stringequalsignorecase", Operator::string_equals_ignore_case},
    OperatorName{"stringnotequalsignorecase", Operator::string_equals_ignore_case, true},
    OperatorName{"stringlike", Operator::string_like},
    OperatorName{"stringnotlike", Operator::string_like, true},
    OperatorName{"numericequals", Operator::numeric_equals},
    OperatorName{"numericnotequals", Operator::numeric_equals, true},
    OperatorName{"numericlessthan", Operator::numeric_less},
    OperatorName{"numericlessthanequals", Operator::numeric_less_equals},
    OperatorName{"numericgreaterthan", Operator::numeric_greater},
    OperatorName{"numericgreaterthanequals", Operator::numeric_greater_equals},
    OperatorName{"dateequals", Operator::date_equals},
    OperatorName{"datenotequals", Operator::date_equals, true},
    OperatorName{"datelessthan", Operator::date_less},
    OperatorName{"datelessthanequals", Operator::date_less_equals},
    OperatorName{"dategreaterthan", Operator::date_greater},
    OperatorName{"dategreaterthanequals", Operator::date_greater_equals},
    OperatorName{"bool", Operator::boolean},
    OperatorName{"binaryequals", Operator::binary_equals},
    OperatorName{"ipaddress", Operator::ip_address},
    OperatorName{"notipaddress", Operator::ip_address, true},
    OperatorName{"arnequals", Operator::arn_like},
    OperatorName{"arnlike", Operator::arn_like},
    OperatorName{"arnnotequals", Operator::arn_like, true},
    OperatorName{"arnnotlike", Operator::arn_like, true},
    OperatorName{"null", Operator::null},
};

// Sets all but key and values.
void read_operator(std::string_view text, Condition& condition) {
    condition.operator_text = text;
    std::string name = lower(text);
    constexpr std::string_view all = "forallvalues:", any = "foranyvalue:", if_exists = "ifexists";
    if (name.starts_with(all)) {
        condition.quantifier = Quantifier::for_all_values;
        name.erase(0, all.size());
    } else if (name.starts_with(any)) {
        condition.quantifier = Quantifier::for_any_value;
        name.erase(0, any.size());
    }
    if (name.ends_with(if_exists)) {
        condition.if_exists = true;
        name.erase(name.size() - if_exists.size());
    }
    const auto found = std::ranges::find(operators, name, &OperatorName::name);
    if (found == operators.end()) return;
    if (found->op == Operator::null && (condition.if_exists || condition.quantifier != Quantifier::none)) return;
    condition.op = found->op;
    condition.negated = found->negated;
}

class Reader {
  public:
    explicit Reader(std::string_view subject) : subject_(subject) {}

    Policy policy(const Json& json) {
        place_ = "the document";
        fields(json, {"Version", "Id", "Statement"});
        Policy policy;
        policy.version = json.contains("Version") ? text(json["Version"], "Version") : "2008-10-17";
        if (policy.version != "2012-10-17" && policy.version != "2008-10-17")
            refuse(Errc::bad_policy_value, fmt::format("Version is '{}', which AWS does not know", policy.version));
        if (json.contains("Id")) policy.id = text(json["Id"], "Id");
        const auto found = json.find("Statement");
        if (found == json.end()) refuse(Errc::missing_policy_field, "has no Statement");
        if (found->is_array())
            for (const Json& item : *found)
                add(policy, item);
        else
            add(policy, *found);
        return policy;
    }

  private:
    [[noreturn]] void refuse(Errc code, std::string_view what) const {
        throw Error(code, subject_, fmt::format("{} {}", place_, what));
    }

    void fields(const Json& json, std::initializer_list<std::string_view> known) const {
        if (!json.is_object()) refuse(Errc::policy_field_type, "is not an object");
        for (const auto& [name, value] : json.items())
            if (std::ranges::find(known, name) == known.end())
                refuse(Errc::unknown_policy_field, fmt::format("has the field '{}', which policies have not", name));
    }

    std::string text(const Json& json, std::string_view name) const {
        if (!json.is_string()) refuse(Errc::policy_field_type, fmt::format("has a {} that is not a text", name));
        return json.get<std::string>();
    }

    // A text or an array of texts; conditions also hold numbers and truths.
    std::vector<std::string> texts(const Json& json, std::string_view name, bool scalars = false) {
        std::vector<std::string> list;
        const auto add_one = [&](const Json& item) {
            if (++values_ > max_values) throw Error(Errc::policy_too_large, subject_, "holds more than 10,000 values");
            if (scalars && (item.is_boolean() || item.is_number()))
                list.push_back(item.dump());
            else
                list.push_back(text(item, name));
            if (list.back().size() > max_value_size)
                throw Error(Errc::policy_too_large, subject_, "holds a value of more than 2,048 bytes");
        };
        if (json.is_array())
            for (const Json& item : json)
                add_one(item);
        else
            add_one(json);
        if (list.empty()) refuse(Errc::bad_policy_value, fmt::format("has an empty {}", name));
        return list;
    }

    // The name that is there of a pair, the second of which negates.
    std::string_view one_of(const Json& json, std::string_view name, std::string_view negation, bool& negated) const {
        negated = json.contains(negation);
        if (negated && json.contains(name))
            refuse(Errc::bad_policy_value, fmt::format("has both {} and {}", name, negation));
        if (!negated && !json.contains(name)) return {};
        return negated ? negation : name;
    }

    void principals(const Json& json, std::string_view name, Statement& statement) {
        if (json.is_string()) {
            if (json != "*") refuse(Errc::bad_policy_value, fmt::format("has a {} that is a text other than *", name));
            statement.principals.push_back({PrincipalKind::everyone, "*"});
            return;
        }
        if (!json.is_object()) refuse(Errc::policy_field_type, fmt::format("has a {} that is no object", name));
        for (const auto& [kind, value] : json.items())
            for (std::string& one : texts(value, name))
                statement.principals.push_back(principal(kind, std::move(one)));
        if (statement.principals.empty()) refuse(Errc::bad_policy_value, fmt::format("has an empty {}", name));
    }

    Principal principal(std::string_view kind, std::string value) const {
        if (kind == "AWS") return {value == "*" ? PrincipalKind::everyone : PrincipalKind::aws, std::move(value)};
        if (kind == "Service") return {PrincipalKind::service, std::move(value)};
        if (kind == "Federated") return {PrincipalKind::federated, std::move(value)};
        if (kind == "CanonicalUser") return {PrincipalKind::canonical_user, std::move(value)};
        refuse(Errc::unknown_policy_field,
               fmt::format("has principals of the kind '{}', which AWS does not know", kind));
    }

    void conditions(const Json& json, Statement& statement) {
        if (!json.is_object()) refuse(Errc::policy_field_type, "has a Condition that is no object");
        for (const auto& [op, keys] : json.items()) {
            if (!keys.is_object())
                refuse(Errc::policy_field_type, fmt::format("has a Condition '{}' that is no object", op));
            for (const auto& [key, value] : keys.items()) {
                Condition condition;
                read_operator(op, condition);
                condition.key = lower(key);
                condition.values = texts(value, fmt::format("Condition of '{}'", key), true);
                statement.conditions.push_back(std::move(condition));
            }
        }
    }

    void add(Policy& policy, const Json& json) {
        place_ = fmt::format("statement {}", policy.statements.size() + 1);
        fields(json, {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource",
                      "Condition"});
        Statement statement;
        if (json.contains("Sid")) statement.sid = text(json["Sid"], "Sid");
        if (!json.contains("Effect")) refuse(Errc::missing_policy_field, "has no Effect");
        const std::string effect = text(json["Effect"], "Effect");
        if (effect != "Allow" && effect != "Deny")
            refuse(Errc::bad_policy_value, fmt::format("has the Effect '{}'", effect));
        statement.effect = effect == "Allow" ? Effect::allow : Effect::deny;
        if (const auto name = one_of(json, "Principal", "NotPrincipal", statement.not_principal); !name.empty())
            principals(json[name], name, statement);
        const auto action = one_of(json, "Action", "NotAction", statement.not_action);
        if (action.empty()) refuse(Errc::missing_policy_field, "has neither Action nor NotAction");
        for (const std::string& pattern : texts(json[action], action))
            statement.actions.push_back(lower(pattern));
        const auto resource = one_of(json, "Resource", "NotResource", statement.not_resource);
        if (resource.empty()) refuse(Errc::missing_policy_field, "has neither Resource nor NotResource");
        statement.resources = texts(json[resource], resource);
        if (json.contains("Condition")) conditions(json["Condition"], statement);
        policy.statements.push_back(std::move(statement));
    }

    std::string_view subject_;
    std::string place_;
    std::size_t values_ = 0;
};

} // namespace

Policy read_policy(const Json& json, std::string_view subject) {
    return Reader(subject).policy(json);
}

Policy Policy::parse(std::string_view json, std::string_view subject) {
    return read_policy(parse_json(json, subject), subject);
}

std::string statement_name(const Policy& policy, std::size_t i) {
    const std::string& sid = policy.statements[i].sid;
    return sid.empty() ? fmt::format("statement {}", i + 1) : fmt::format("statement {} '{}'", i + 1, sid);
}

} // namespace weightseal::storage

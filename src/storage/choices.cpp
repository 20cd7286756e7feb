#include "storage/choices.hpp"

#include "storage/bounds.hpp"
#include "storage/condition.hpp"
#include "storage/network.hpp"
#include "storage/pattern.hpp"
#include "storage/text.hpp"

#include <algorithm>

namespace weightseal::storage {
namespace {

bool is_integer(std::string_view text) {
    return !text.empty() && text.size() < 16 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

class Choosing {
  public:
    Choosing(std::string_view key, const Policy& policy) : has_variables_(policy.has_variables()) {
        choice_.key = key;
        for (const Statement& statement : policy.statements)
            for (const Condition& condition : statement.conditions)
                if (condition.key == key) look_at(condition);
        is_variable_ = has_variables_ && keys_of_resources(policy).contains(std::string(key));
    }

    Choice choose() {
        if (choice_.key == "aws:multifactorauthpresent") return only({"true", "false"});
        if (choice_.key == "s3:tlsversion") return only({"1.2", "1.3"});
        require_at_most(max_values, values_.size(), "values of a key"); // before all are held against all
        static_cast<void>(is_new(nullptr));                             // absent
        const Filler filler(values_);
        if (choice_.key == "aws:vpcsourceip")
            for (const Place& place : places_apart(values_))
                add(place.address);
        const std::string_view own = own_value();
        std::vector<std::string_view> patterns;
        for (const std::string& value : values_) {
            if (!own.empty() && !has_wildcard(owner_in(value))) continue; // somebody else's, not the stranger's
            if (has_wildcard(value)) patterns.push_back(value);
            add(instance_of(value));
            add(filler.fill(value));
            add(value); // with its wildcards, where they are none
            add(other_case(value));
            if (!is_integer(value)) continue;
            const long long number = std::stoll(value); // on both sides of it
            add(std::to_string(number + 1));
            if (number > 0) add(std::to_string(number - 1));
        }
        if (patterns.size() == 2) add(filler.fill_both(patterns[0], patterns[1]));
        choice_.is_complete &= patterns.size() <= (is_arn_ ? 1U : 2U); // a common text may have colons too many
        add(own.empty() ? "something" : std::string(own));
        if (own.empty()) add(filler.text());
        // Objects that variables lead to are asked for as x.
        if (is_variable_ && std::ranges::find(choice_.values, "x") == choice_.values.end())
            choice_.values.emplace_back("x");
        return std::move(choice_);
    }

  private:
    // Of a key whose values are given to a stranger, who has one of his own, or none.
    std::string_view own_value() const {
        if (choice_.key == "aws:sourcearn") return "arn:aws:s3:::a-bucket-of-a-stranger";
        if (choice_.key == "aws:principalorgid") return strange_organisation;
        if (choice_.key == "aws:principalorgpaths") return strange_organisation_path;
        return {};
    }

    // What says in a value of such a key whose it is; the whole where nothing does.
    std::string_view owner_in(std::string_view value) const {
        if (choice_.key == "aws:principalorgpaths") return value.substr(0, value.find('/'));
        const auto arn = Arn::parse(value);
        return arn && !arn->account.empty() ? arn->account : value;
    }

    static std::set<std::string> keys_of_resources(const Policy& policy) {
        std::set<std::string> keys;
        for (const Statement& statement : policy.statements)
            for (const std::string& resource : statement.resources)
                keys.merge(variables_of(resource));
        return keys;
    }

    void look_at(const Condition& condition) {
        using enum Operator;
        conditions_.push_back(condition);
        const Operator op = condition.op;
        const bool is_text = op == string_equals || op == string_like || op == arn_like || op == boolean ||
                             op == null; // of cases one is tried
        is_arn_ |= op == arn_like;
        const bool is_number = op >= numeric_equals && op <= numeric_greater_equals;
        choice_.is_complete &= condition.quantifier == Quantifier::none && (is_text || is_number || op == ip_address);
        for (const std::string& value : condition.values) {
            if (has_variables_ && has_variable(value)) {
                choice_.is_complete = false;
                continue;
            }
            if (is_number) choice_.is_complete &= is_integer(value);
            if (op != null) values_.insert(value);
        }
    }

    Choice only(std::vector<std::string> values) {
        choice_.values = std::move(values);
        choice_.is_complete = true;
        return std::move(choice_);
    }

    // Whether conditions take a value otherwise than those before; null is absent.
    bool is_new(const std::string* value) {
        Context context(KeyValue::State::unknown);
        if (value != nullptr)
            context.set(choice_.key, *value);
        else
            context.set_absent(choice_.key);
        std::string signature;
        for (const Condition& condition : conditions_)
            signature += "-?+"[static_cast<std::size_t>(holds(condition, context, has_variables_))];
        return signatures_.insert(std::move(signature)).second;
    }

    void add(std::string value) {
        if (!value.empty() && is_new(&value)) choice_.values.push_back(std::move(value));
    }

    Choice choice_;
    bool has_variables_;
    bool is_variable_ = false;
    bool is_arn_ = false; // patterns are compared part by part
    std::vector<Condition> conditions_;
    std::set<std::string> values_;
    std::set<std::string> signatures_;
};

} // namespace

Choice choice_of(std::string_view key, const Policy& policy) {
    return Choosing(key, policy).choose();
}

bool is_choosable(std::string_view key, Service service, Group group, Part part, const Way& way) {
    const bool is_signed = part != Part::anonymous;
    const auto is_one_of = [&](std::initializer_list<std::string_view> keys) {
        return std::ranges::find(keys, key) != keys.end();
    };
    const auto starts_with_one_of = [&](std::initializer_list<std::string_view> starts) {
        return std::ranges::any_of(starts, [&](std::string_view start) { return key.starts_with(start); });
    };
    if (is_one_of({"aws:referer", "aws:useragent"})) return true;
    if (key == "aws:vpcsourceip") return way.keys[0].first == "aws:SourceVpce";
    if (is_signed && part != Part::service &&
        is_one_of(
            {"aws:multifactorauthpresent", "aws:multifactorauthage", "aws:sourceidentity", "sts:rolesessionname"}))
        return true;
    // Whoever owns a role writes its tags, and may leave its organisation.
    if (part == Part::stranger && (key.starts_with("aws:principaltag/") || key.starts_with("aws:principalorg")))
        return true;
    if (part == Part::service && key == "aws:sourcearn") return true;
    if (service == Service::kms)
        return way.via == Via::nothing && starts_with_one_of({"kms:encryptioncontext", "kms:grant", "kms:request"});
    switch (group) {
    case Group::list:
        if (is_one_of({"s3:prefix", "s3:delimiter", "s3:max-keys"})) return true;
        break;
    case Group::read:
        if (is_one_of({"s3:versionid", "s3:if-match", "s3:if-none-match"})) return true;
        break;
    case Group::write:
    case Group::change_configuration:
        if (starts_with_one_of({"s3:x-amz-", "s3:requestobjecttag", "s3:object-lock-", "aws:requesttag/", "aws:tagkeys",
                                "s3:versionid", "s3:if-", "s3:inventory"}))
            return true;
        break;
    case Group::read_configuration: break;
    }
    const bool is_presigned = way.signing == Signing::query || way.signing == Signing::form;
    return key == "s3:x-amz-content-sha256" || (is_presigned && key == "s3:signatureage") ||
           (way.is_tls && key == "s3:tlsversion");
}

bool is_of_request(std::string_view key) {
    if (key.starts_with("s3:existingobjecttag")) return false; // tags of objects are none of that
    return key.starts_with("s3:") || key.starts_with("aws:requesttag/") || key == "aws:referer" ||
           key == "aws:useragent" || key == "aws:tagkeys";
}

std::set<std::string> variables_of(std::string_view text) {
    std::set<std::string> keys;
    for (std::size_t start = 0; (start = text.find("${", start)) != text.npos; start += 2) {
        const std::string_view name = text.substr(start + 2, text.find('}', start) - start - 2);
        keys.insert(lower(name.substr(0, name.find(','))));
    }
    return keys;
}

std::set<std::string, std::less<>> keys_of(const Policy& policy) {
    std::set<std::string, std::less<>> keys;
    const auto add = [&](const std::vector<std::string>& texts) {
        if (!policy.has_variables()) return;
        for (const std::string& text : texts)
            if (has_variable(text))
                for (const std::string& key : variables_of(text))
                    keys.insert(key);
    };
    for (const Statement& statement : policy.statements) {
        add(statement.resources);
        for (const Condition& condition : statement.conditions) {
            keys.insert(condition.key);
            add(condition.values);
        }
    }
    return keys;
}

} // namespace weightseal::storage

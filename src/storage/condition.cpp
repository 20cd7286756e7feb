// Source: "IAM JSON policy elements: Condition operators", "Variables and tags" and "Single-valued vs. multivalued
// context keys" of the IAM User Guide.

#include "storage/condition.hpp"

#include "crypto/base64.hpp"
#include "storage/moment.hpp"
#include "storage/network.hpp"
#include "storage/text.hpp"

#include <algorithm>
#include <charconv>
#include <compare>

namespace weightseal::storage {
namespace {

std::optional<double> number_of(std::string_view text) noexcept {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// What the policy says must be of the operator's type, or nothing can be told; a request's value that is not does not
// match.
template <class Value>
Truth compared(const std::optional<Value>& wanted, const std::optional<Value>& found, bool (*matches)(Value, Value)) {
    if (!wanted) return Truth::unknown;
    return truth_of(found && matches(*found, *wanted));
}

template <class Value>
bool is_equal(Value a, Value b) {
    return a == b;
}

template <class Value>
Truth ordered(Operator op, Operator equals, const std::optional<Value>& wanted, const std::optional<Value>& found) {
    switch (static_cast<int>(op) - static_cast<int>(equals)) {
    case 0: return compared<Value>(wanted, found, [](Value a, Value b) { return !(a < b) && !(b < a); });
    case 1: return compared<Value>(wanted, found, [](Value a, Value b) { return a < b; });
    case 2: return compared<Value>(wanted, found, [](Value a, Value b) { return !(b < a); });
    case 3: return compared<Value>(wanted, found, [](Value a, Value b) { return b < a; });
    default: return compared<Value>(wanted, found, [](Value a, Value b) { return !(a < b); });
    }
}

std::optional<bool> truth_from(std::string_view text) {
    const std::string value = lower(text);
    if (value == "true") return true;
    if (value == "false") return false;
    return std::nullopt;
}

// Each of the six parts on its own: a wildcard does not reach over a colon.
Truth matches_arn(std::string_view pattern, std::string_view text) {
    const auto wanted = Arn::parse(pattern);
    if (!wanted) return has_wildcard(pattern) ? Truth::unknown : Truth::no;
    const auto found = Arn::parse(text);
    if (!found) return Truth::no;
    const auto patterns = wanted->parts(), parts = found->parts();
    for (std::size_t i = 0; i < parts.size(); ++i)
        if (!matches(patterns[i], parts[i])) return Truth::no;
    return Truth::yes;
}

Truth matches_network(std::string_view wanted, std::string_view found) {
    const auto network = Network::parse(wanted), address = Network::parse(found);
    if (!network) return Truth::unknown;
    return truth_of(address && network->contains(*address));
}

bool takes_wildcards(Operator op) noexcept {
    return op == Operator::string_like || op == Operator::arn_like;
}

// Not negated.
Truth matches_one(const Condition& condition, std::string_view wanted, std::string_view found) {
    using enum Operator;
    const Operator op = condition.op;
    switch (op) {
    case string_equals: return truth_of(wanted == found);
    case string_equals_ignore_case: return truth_of(lower(wanted) == lower(found));
    case string_like: return truth_of(matches(wanted, found));
    case numeric_equals:
    case numeric_less:
    case numeric_less_equals:
    case numeric_greater:
    case numeric_greater_equals: return ordered(op, numeric_equals, number_of(wanted), number_of(found));
    case date_equals:
    case date_less:
    case date_less_equals:
    case date_greater:
    case date_greater_equals: return ordered(op, date_equals, moment_of(wanted), moment_of(found));
    case boolean: return compared<bool>(truth_from(wanted), truth_from(found), is_equal);
    case binary_equals: {
        const auto bytes = crypto::from_base64(wanted);
        return bytes ? truth_of(bytes == crypto::from_base64(found)) : Truth::unknown;
    }
    case ip_address: return matches_network(wanted, found);
    case arn_like: return matches_arn(wanted, found);
    case null:
    case unknown: break;
    }
    return Truth::unknown;
}

// Whether one value of the request fulfils the condition.
Truth fulfils(const Condition& condition, const std::string& value, const Context& context, bool has_variables) {
    Truth any = Truth::no;
    for (const std::string& wanted : condition.values) {
        if (!has_variables || !has_variable(wanted)) {
            any = std::max(any, matches_one(condition, wanted, value));
            continue;
        }
        const Expanded expanded = expand(wanted, context, takes_wildcards(condition.op));
        if (expanded.usable == Truth::yes)
            any = std::max(any, matches_one(condition, expanded.text, value));
        else if (expanded.usable == Truth::unknown)
            any = std::max(any, Truth::unknown); // nothing matches a variable without a value
    }
    return condition.negated ? !any : any;
}

Truth is_null(const Condition& condition, const KeyValue& value) {
    if (value.state == KeyValue::State::unknown) return Truth::unknown;
    const bool absent = value.state == KeyValue::State::absent || value.values.empty();
    Truth any = Truth::no;
    for (const std::string& wanted : condition.values)
        any = std::max(any, compared<bool>(truth_from(wanted), absent, is_equal));
    return any;
}

} // namespace

Expanded expand(std::string_view text, const Context& context, bool has_wildcards) {
    Expanded result;
    const auto add_unknown = [&] {
        result.usable = Truth::unknown;
        result.text += '*';
    };
    while (!text.empty()) {
        const std::size_t start = text.find("${");
        result.text += text.substr(0, start);
        if (start == text.npos) return result;
        const std::size_t end = text.find('}', start);
        if (end == text.npos) {
            add_unknown();
            return result;
        }
        std::string_view name = text.substr(start + 2, end - start - 2);
        text.remove_prefix(end + 1);
        if (name == "$") {
            result.text += '$';
            continue;
        }
        if (name == "*" || name == "?") {
            if (has_wildcards)
                add_unknown(); // patterns here have no escape
            else
                result.text += name;
            continue;
        }
        std::optional<std::string_view> fallback; // ${key, 'text'}
        if (const std::size_t comma = name.find(','); comma != name.npos) {
            fallback = name.substr(comma + 1);
            fallback->remove_prefix(std::min(fallback->find_first_not_of(' '), fallback->size()));
            const bool is_quoted = fallback->size() >= 2 && fallback->front() == '\'' && fallback->back() == '\'';
            if (!is_quoted) {
                add_unknown();
                continue;
            }
            fallback = fallback->substr(1, fallback->size() - 2);
            name = name.substr(0, comma);
        }
        const KeyValue& value = context.find(lower(name));
        if (value.state == KeyValue::State::unknown || value.values.size() > 1) {
            add_unknown();
            continue;
        }
        if (value.values.empty() && !fallback) return {Truth::no, {}};
        const std::string_view replacement = value.values.empty() ? *fallback : std::string_view(value.values[0]);
        if (has_wildcards && has_wildcard(replacement))
            add_unknown();
        else
            result.text += replacement;
    }
    return result;
}

Truth holds(const Condition& condition, const Context& context, bool has_variables) {
    if (condition.op == Operator::unknown) return Truth::unknown;
    const KeyValue& value = context.find(condition.key);
    if (condition.op == Operator::null) return is_null(condition, value);
    if (value.state == KeyValue::State::unknown) return Truth::unknown;
    if (value.values.empty()) {
        if (condition.quantifier == Quantifier::for_any_value) // AWS says "false" of it, and "true" of IfExists
            return condition.if_exists ? Truth::unknown : Truth::no;
        if (condition.if_exists || condition.quantifier == Quantifier::for_all_values) return Truth::yes;
        return truth_of(condition.negated);
    }
    Truth least = Truth::yes, most = Truth::no;
    for (const std::string& one : value.values) {
        const Truth truth = fulfils(condition, one, context, has_variables);
        least = std::min(least, truth);
        most = std::max(most, truth);
    }
    switch (condition.quantifier) {
    case Quantifier::for_all_values: return least;
    case Quantifier::for_any_value: return most;
    case Quantifier::none: break;
    }
    return value.values.size() == 1 ? least : Truth::unknown; // AWS does not say what several values do here
}

} // namespace weightseal::storage

// Source: "The meaning of public" in "Blocking public access to your Amazon S3 storage" of the S3 User Guide.

#include "storage/network.hpp"
#include "storage/text.hpp"
#include "weightseal/storage/evaluate.hpp"

#include <algorithm>
#include <array>

namespace weightseal::storage {
namespace {

constexpr std::array<std::string_view, 8> fixing_keys{
    "aws:sourcearn",      "aws:sourcevpc",
    "aws:sourcevpce",     "aws:sourceowner",
    "aws:sourceaccount",  "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "aws:principalorgid", "s3:dataaccesspointaccount",
};

// Keys that the list does not name, by which other documentation says that a policy is not public.
constexpr std::array<std::string_view, 3> disputed_keys{"aws:principalorgpaths", "aws:principalarn",
                                                        "aws:principalaccount"};

bool is_private(const Network& network) {
    constexpr std::array<std::string_view, 3> rfc1918{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"};
    return std::ranges::any_of(rfc1918, [&](std::string_view text) { return Network::parse(text)->contains(network); });
}

bool is_narrow_network(const std::string& text) {
    const auto network = Network::parse(text);
    return network && (is_private(*network) || network->is_narrow());
}

Truth fixes(const Condition& condition, bool has_variables) {
    if (condition.negated || condition.if_exists) return Truth::no;
    const bool is_disputed = std::ranges::find(disputed_keys, condition.key) != disputed_keys.end();
    // Of keys of several values the list asks for either set operator; this one also holds where the key is absent.
    const bool is_certain = !is_disputed && condition.quantifier != Quantifier::for_all_values;
    const auto all = [&](auto&& is_good) {
        const Truth truth = truth_of(std::ranges::all_of(condition.values, is_good));
        return is_certain ? truth : std::min(truth, Truth::unknown);
    };
    const auto is_fixed = [&](std::string_view value) {
        return !has_wildcard(value) && !(has_variables && has_variable(value));
    };
    const auto is_fixed_id = [&](std::string_view value) {
        const std::size_t colon = value.find(':');
        return is_fixed(value) || (colon != value.npos && is_fixed(value.substr(0, colon)));
    };
    const auto is_of_fixed_account = [&](std::string_view value) {
        const auto arn = Arn::parse(value);
        return is_fixed(value) || (arn && is_account(arn->account) && !(has_variables && has_variable(value)));
    };
    if (condition.op == Operator::ip_address && condition.key == "aws:sourceip") return all(is_narrow_network);
    if (condition.op != Operator::string_equals && condition.op != Operator::string_like &&
        condition.op != Operator::string_equals_ignore_case && condition.op != Operator::arn_like)
        return Truth::no;
    if (condition.key == "aws:userid") return all(is_fixed_id);
    if (condition.key == "s3:dataaccesspointarn") return all(is_of_fixed_account);
    const bool is_listed = std::ranges::find(fixing_keys, condition.key) != fixing_keys.end();
    return is_listed || is_disputed ? all(is_fixed) : Truth::no;
}

} // namespace

Truth is_public(const Policy& policy) {
    Truth any = Truth::no;
    for (const Statement& statement : policy.statements) {
        if (statement.effect != Effect::allow) continue;
        const bool to_everyone =
            statement.not_principal || std::ranges::any_of(statement.principals, [](const Principal& principal) {
                return principal.kind == PrincipalKind::everyone || has_wildcard(principal.value);
            });
        if (!to_everyone) continue;
        Truth fixed = Truth::no;
        for (const Condition& condition : statement.conditions)
            fixed = std::max(fixed, fixes(condition, policy.has_variables()));
        any = std::max(any, !fixed);
    }
    return any;
}

} // namespace weightseal::storage

#pragma once
// Policy documents of AWS: what a bucket policy, key policy or identity policy says, statement by statement.

#include <cstdint>     // std::uint8_t
#include <string>      // std::string
#include <string_view> // std::string_view
#include <vector>      // std::vector

namespace weightseal::storage {

enum class Effect : std::uint8_t { allow, deny };

enum class PrincipalKind : std::uint8_t { everyone, aws, service, federated, canonical_user };

/// Whom a statement is about. `value` is an ARN, an account, a unique id, a service ...; "*" for everyone.
struct Principal {
    PrincipalKind kind = PrincipalKind::everyone;
    std::string value;

    bool operator==(const Principal&) const = default;
};

/// What a condition compares. `unknown` is an operator that AWS does not document: nothing can be said of it.
enum class Operator : std::uint8_t {
    string_equals,
    string_equals_ignore_case,
    string_like,
    numeric_equals,
    numeric_less,
    numeric_less_equals,
    numeric_greater,
    numeric_greater_equals,
    date_equals,
    date_less,
    date_less_equals,
    date_greater,
    date_greater_equals,
    boolean,
    binary_equals,
    ip_address,
    arn_like, ///< ArnEquals is the same
    null,
    unknown,
};

/// How a condition treats a key of several values.
enum class Quantifier : std::uint8_t { none, for_all_values, for_any_value };

struct Condition {
    std::string operator_text; ///< as the document has it: "ForAllValues:StringNotLikeIfExists"
    Operator op = Operator::unknown;
    bool negated = false; ///< StringNotEquals, NotIpAddress ...
    bool if_exists = false;
    Quantifier quantifier = Quantifier::none;
    std::string key; ///< in lower case: keys are the same in any case
    std::vector<std::string> values;
};

/// One statement. Exactly one of each pair is set, as `not_…` says; identity policies have no principals.
struct Statement {
    std::string sid;
    Effect effect = Effect::deny;
    bool not_principal = false;
    std::vector<Principal> principals;
    bool not_action = false;
    std::vector<std::string> actions; ///< patterns in lower case: actions are the same in any case
    bool not_resource = false;
    std::vector<std::string> resources;
    std::vector<Condition> conditions; ///< all of them must hold
};

/// A policy. Reading one is strict: what AWS would refuse is refused, so that nothing is decided on a misreading.
struct Policy {
    std::string version; ///< "2012-10-17", or "2008-10-17", in which variables are plain text
    std::string id;
    std::vector<Statement> statements;

    [[nodiscard]] bool has_variables() const noexcept { return version == "2012-10-17"; }

    /// Reads a document of at most 4 MiB, 64 levels and 10,000 values.
    /// `subject` is what messages call the text. Throws `policy_not_json`, `policy_too_large`,
    /// `duplicate_policy_field`, `unknown_policy_field`, `missing_policy_field`,
    /// `policy_field_type` or `bad_policy_value`, with the place in the document.
    [[nodiscard]] static Policy parse(std::string_view json, std::string_view subject = "policy");
};

/// "statement 2 'DenyPlainHttp'", counted from 1.
[[nodiscard]] std::string statement_name(const Policy& policy, std::size_t i);

} // namespace weightseal::storage

// How a policy is written: what AWS would refuse, and what is fragile whatever it decides today.

#include "storage/audit_input.hpp"
#include "storage/statement.hpp"
#include "storage/text.hpp"
#include "weightseal/storage/evaluate.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

bool is_valid(const Principal& principal) {
    if (principal.kind != PrincipalKind::aws) return true;
    if (is_account(principal.value) || is_unique_id(principal.value)) return true;
    const auto arn = Arn::parse(principal.value);
    return arn && (arn->service == "iam" || arn->service == "sts") && is_account(arn->account) &&
           !has_wildcard(principal.value);
}

bool is_for_everyone(const Statement& statement) {
    return !statement.not_principal && std::ranges::any_of(statement.principals, [](const Principal& principal) {
        return principal.kind == PrincipalKind::everyone;
    });
}

// Names without an id that the intent itself gives.
bool is_intended_name(const Intent& intent, const std::string& name) {
    for (const auto* list : {&intent.readers, &intent.publishers, &intent.break_glass, &intent.administrators})
        for (const Member& member : *list)
            if (member.name == name && member.id.empty()) return true;
    return false;
}

class Wording {
  public:
    Wording(const AuditInput& input, const Policy& policy, std::string_view document, Findings& findings)
        : input_(input), policy_(policy), document_(document), findings_(findings) {}

    void check() {
        for (i_ = 0; i_ < policy_.statements.size(); ++i_) {
            const Statement& statement = policy_.statements[i_];
            if (statement.effect == Effect::allow && statement.not_principal)
                add("allow-not-principal", "Allow with NotPrincipal");
            for (const Principal& principal : statement.principals)
                if (!is_valid(principal)) add("invalid-principal", principal.value);
            for (const Condition& condition : statement.conditions)
                check(statement, condition);
        }
    }

  private:
    void add(std::string_view rule, std::string request) {
        findings_.add(rule, document_, statement_name(policy_, i_), std::move(request));
    }

    void check(const Statement& statement, const Condition& condition) {
        if (condition.op == Operator::unknown) add("unknown-operator", condition.operator_text);
        if (statement.effect == Effect::allow && is_for_everyone(statement) &&
            (condition.key == "s3:dataaccesspointaccount" || condition.key == "s3:dataaccesspointarn"))
            add("access-point-delegation", "whoever an access point lets in");
        if (condition.key != "aws:principalarn") return;
        for (const std::string& value : condition.values) {
            if (has_wildcard(value)) continue;
            if (input_.has_intent && is_intended_name(input_.intent, value))
                findings_.accept("principal-by-name", document_, value);
            else
                add("principal-by-name", value);
        }
    }

    const AuditInput& input_;
    const Policy& policy_;
    std::string_view document_;
    Findings& findings_;
    std::size_t i_ = 0;
};

} // namespace

void audit_wording(const AuditInput& input, const Policy& policy, std::string_view document, Findings& findings) {
    Wording(input, policy, document, findings).check();
    if (document == "bucket_policy" && is_public(policy) == Truth::yes)
        findings.add("refused-as-public", document, {}, "the policy as a whole");
}

} // namespace weightseal::storage

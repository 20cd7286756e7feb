// Source: "AWS JSON policy elements: Principal", "NotPrincipal", "Action" and "Resource" of the IAM User Guide.

#include "storage/statement.hpp"

#include "storage/condition.hpp"
#include "storage/text.hpp"

#include <algorithm>

namespace weightseal::storage {
namespace {

bool has_account(const Caller& caller) noexcept {
    return caller.kind != CallerKind::anonymous && caller.kind != CallerKind::service;
}

// As a whole. A canonical user is an account, too.
Truth names_account(const Principal& principal, const Caller& caller) {
    if (!has_account(caller)) return Truth::no;
    if (principal.kind == PrincipalKind::aws) return truth_of(whole_account(principal.value) == caller.account);
    if (principal.kind != PrincipalKind::canonical_user) return Truth::no;
    return caller.canonical.empty() ? Truth::unknown : truth_of(caller.canonical == principal.value);
}

// Not of a whole account.
Truth names(const Principal& principal, const Caller& caller, const std::string& session_arn) {
    switch (principal.kind) {
    case PrincipalKind::everyone: return Truth::yes;
    case PrincipalKind::service:
        return truth_of(caller.kind == CallerKind::service && matches(principal.value, caller.service));
    case PrincipalKind::federated:
        // Sessions of a role may come from an identity provider.
        return caller.kind == CallerKind::role ? Truth::unknown : Truth::no;
    case PrincipalKind::canonical_user: return Truth::no;
    case PrincipalKind::aws: break;
    }
    if (!has_account(caller)) return Truth::no;
    if (principal.value == caller.arn || (!session_arn.empty() && principal.value == session_arn)) return Truth::yes;
    if (is_unique_id(principal.value)) {
        const CallerKind kind = principal.value.starts_with("AROA") ? CallerKind::role : CallerKind::user;
        if (caller.kind != kind) return Truth::no;
        return caller.unique_id.empty() ? Truth::unknown : truth_of(principal.value == caller.unique_id);
    }
    // AWS takes no wildcards here; whoever does may mean this.
    return has_wildcard(principal.value) && matches(principal.value, caller.arn) ? Truth::unknown : Truth::no;
}

} // namespace

std::string_view whole_account(std::string_view principal) noexcept {
    if (is_account(principal)) return principal;
    const auto arn = Arn::parse(principal);
    return arn && arn->service == "iam" && arn->resource == "root" ? arn->account : std::string_view{};
}

PrincipalMatch about_caller(const Statement& statement, const Caller& caller) {
    Truth named = Truth::no, named_session = Truth::no, account_named = Truth::no;
    const std::string session = caller.session_arn();
    for (const Principal& principal : statement.principals) {
        const bool is_aws = principal.kind == PrincipalKind::aws;
        if (const Truth account = names_account(principal, caller); account != Truth::no)
            account_named = std::max(account_named, account);
        else if (statement.not_principal && is_aws && !session.empty() && principal.value == session)
            named_session = Truth::yes;
        else
            named = std::max(named, names(principal, caller, session));
    }
    if (!statement.not_principal) {
        if (named >= account_named) return {named, false};
        return {account_named, caller.kind != CallerKind::root, named};
    }
    // AWS looks at account, role and session one after the other, and may find one that is not listed.
    const bool is_everyone =
        std::ranges::any_of(statement.principals, [](const Principal& p) { return p.kind == PrincipalKind::everyone; });
    if (is_everyone) return {Truth::no, false};
    if (caller.kind == CallerKind::root) return {!account_named, false};
    if (!has_account(caller)) return {!named, false};
    const bool none = named == Truth::no && named_session == Truth::no && account_named == Truth::no;
    const bool all = named == Truth::yes && account_named == Truth::yes &&
                     (caller.kind != CallerKind::role || named_session == Truth::yes);
    return {all ? Truth::no : none ? Truth::yes : Truth::unknown, false};
}

bool about_action(const Statement& statement, std::string_view action) noexcept {
    const auto is_named = [&](const std::string& pattern) { return matches(pattern, action); };
    return std::ranges::any_of(statement.actions, is_named) != statement.not_action;
}

Truth about_resource(const Statement& statement, std::string_view resource, const Context& context,
                     bool has_variables) {
    Truth named = Truth::no;
    for (const std::string& pattern : statement.resources) {
        if (!has_variables || !has_variable(pattern)) {
            named = std::max(named, truth_of(matches(pattern, resource)));
            continue;
        }
        const Expanded expanded = expand(pattern, context, true);
        if (expanded.usable == Truth::yes)
            named = std::max(named, truth_of(matches(expanded.text, resource)));
        else if (expanded.usable == Truth::unknown && matches(expanded.text, resource))
            named = std::max(named, Truth::unknown);
    }
    return statement.not_resource ? !named : named;
}

Truth conditions_hold(const Statement& statement, const Context& context, bool has_variables) {
    Truth all = Truth::yes;
    for (const Condition& condition : statement.conditions) {
        all = std::min(all, holds(condition, context, has_variables));
        if (all == Truth::no) break;
    }
    return all;
}

} // namespace weightseal::storage

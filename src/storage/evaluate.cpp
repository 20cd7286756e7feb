#include "weightseal/storage/evaluate.hpp"

#include "storage/statement.hpp"
#include "storage/text.hpp"
#include "storage/verdict.hpp"

#include <algorithm>

namespace weightseal::storage {
namespace {

bool acts_on_policy(std::string_view action) {
    const std::string name = lower(action);
    return name == "s3:putbucketpolicy" || name == "s3:getbucketpolicy" || name == "s3:deletebucketpolicy";
}

Truth applies(const Policy& policy, const Statement& statement, const Request& request, const std::string& action) {
    if (!about_action(statement, action)) return Truth::no;
    const Truth resource = about_resource(statement, request.resource, request.context, policy.has_variables());
    if (resource == Truth::no) return resource;
    return std::min(resource, conditions_hold(statement, request.context, policy.has_variables()));
}

Truth same_account_allows(Service service, const Said& said) noexcept {
    // A bucket policy that allows the account only says what identity policies may do anyway.
    if (service == Service::s3) return std::max(said.direct.truth, said.identity);
    return std::max(said.direct.truth, std::min(said.by_account.truth, said.identity));
}

Truth other_account_allows(const Said& said) noexcept {
    return std::min(std::max(said.direct.truth, said.by_account.truth), said.identity);
}

} // namespace

Decision decide(const PolicySet& policies, const Caller& caller, std::string_view action, const Said& said,
                Truth is_public) {
    const bool has_account = caller.kind != CallerKind::anonymous && caller.kind != CallerKind::service;
    const bool owner_known = !policies.owner_account.empty();
    const bool of_owner = has_account && owner_known && caller.account == policies.owner_account;
    const Strongest& allow = said.by_account.truth > said.direct.truth ? said.by_account : said.direct;
    Decision decision{Truth::no, allow.statement, said.denied.statement};
    if (!has_account)
        decision.allowed = said.direct.truth;
    else if (of_owner)
        decision.allowed = same_account_allows(policies.service, said);
    else
        decision.allowed = other_account_allows(said);
    if (has_account && !owner_known && same_account_allows(policies.service, said) != decision.allowed)
        decision.allowed = Truth::unknown;

    // What BlockPublicPolicy would have refused is cut down to services and the owner's account.
    const bool is_restricted = policies.restrict_public_buckets && caller.kind != CallerKind::service && !of_owner;
    if (is_restricted)
        decision.allowed =
            std::min(decision.allowed, has_account && !owner_known ? std::max(!is_public, Truth::unknown) : !is_public);

    const bool is_owners_root = of_owner && caller.kind == CallerKind::root;
    if (is_owners_root && policies.service == Service::s3 && acts_on_policy(action)) return {Truth::yes, {}, {}};
    const Truth denied = std::max(said.denied.truth, said.identity_denied);
    decision.allowed = std::min(decision.allowed, !denied);
    return decision;
}

Decision evaluate(const PolicySet& policies, const Request& request) {
    const std::string action = lower(request.action);
    Said said;
    if (policies.resource_policy != nullptr) {
        const Policy& policy = *policies.resource_policy;
        for (std::size_t i = 0; i < policy.statements.size(); ++i) {
            const Statement& statement = policy.statements[i];
            const PrincipalMatch about = about_caller(statement, request.caller);
            if (about.truth == Truth::no) continue;
            said.add(statement.effect, about, applies(policy, statement, request, action), i);
        }
    }
    if (policies.identity_policies) {
        said.identity = Truth::no;
        for (const Policy& policy : *policies.identity_policies)
            for (const Statement& statement : policy.statements) {
                Truth& kind = statement.effect == Effect::deny ? said.identity_denied : said.identity;
                kind = std::max(kind, applies(policy, statement, request, action));
            }
    }
    const Truth is_public_policy = policies.restrict_public_buckets && policies.resource_policy != nullptr
                                       ? is_public(*policies.resource_policy)
                                       : Truth::no;
    return decide(policies, request.caller, request.action, said, is_public_policy);
}

} // namespace weightseal::storage

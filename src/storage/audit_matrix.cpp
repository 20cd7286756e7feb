#include "storage/audit_matrix.hpp"

#include "storage/text.hpp"

#include <algorithm>
#include <array>

namespace weightseal::storage {
namespace {

struct Keys {
    std::string_view rule;
    std::array<std::string_view, 3> keys;
};

// Condition keys of a Deny that was meant to prevent a breach.
constexpr std::array preventing{
    Keys{"tls-not-enforced", {"aws:securetransport"}},
    Keys{"presigned-allowed", {"s3:authtype", "s3:signatureage"}},
    Keys{"network-open", {"aws:sourcevpce", "aws:sourcevpc", "aws:sourceip"}},
    Keys{"unlisted-reader", {"aws:userid", "aws:principalarn", "aws:principalaccount"}},
    Keys{"unlisted-writer", {"aws:userid", "aws:principalarn", "aws:principalaccount"}},
    Keys{"unlisted-administrator", {"aws:userid", "aws:principalarn", "aws:principalaccount"}},
};

} // namespace

void Breaches::add(std::string_view rule, const Case& one, int rank, bool offered) {
    const Verdict& verdict = matrix_.verdict(one);
    const bool is_certain = (offered ? verdict.offered : verdict.open) == Truth::yes;
    auto found = std::ranges::find(breaches_, rule, &Breach::rule);
    if (found == breaches_.end()) {
        breaches_.push_back({rule, one, rank, is_certain, 1});
        return;
    }
    ++found->cells;
    if (std::pair(is_certain, rank) > std::pair(found->is_certain, found->rank)) {
        found->shown = one;
        found->rank = rank;
        found->is_certain = is_certain;
    }
}

std::string Breaches::statement_to_change(const Breach& breach) const {
    const Verdict& verdict = matrix_.verdict(breach.shown);
    if (!breach.is_certain && verdict.doubtful) return statement_name(policy_, *verdict.doubtful);
    if (const auto meant = std::ranges::find(preventing, breach.rule, &Keys::rule); meant != preventing.end())
        for (std::size_t i = 0; i < policy_.statements.size(); ++i)
            if (policy_.statements[i].effect == Effect::deny)
                for (const Condition& condition : policy_.statements[i].conditions)
                    if (std::ranges::find(meant->keys, condition.key) != meant->keys.end())
                        return statement_name(policy_, i);
    return verdict.allow && verdict.offered != Truth::no ? statement_name(policy_, *verdict.allow) : std::string{};
}

void Breaches::report(Findings& findings, std::span<const std::string_view> accepted) const {
    for (const Breach& breach : breaches_) {
        std::string request = matrix_.request(breach.shown);
        if (std::ranges::find(accepted, breach.rule) != accepted.end())
            findings.accept(breach.rule, document_, std::move(request), breach.cells);
        else
            findings.add(breach.rule, document_, statement_to_change(breach), std::move(request), breach.is_certain,
                         breach.cells);
    }
}

} // namespace weightseal::storage

// What a change of policies opens: two matrices over the same requests.

#include "storage/audit_matrix.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

AuditInput only_input(std::string_view text, std::string_view subject, const AuditOptions& options) {
    std::vector<AuditInput> inputs = audit_inputs(text, subject, options);
    if (inputs.size() != 1 || inputs[0].intent.provider != Provider::aws)
        throw Error(Errc::not_a_policy, subject, "is not of one bucket or key of AWS");
    return std::move(inputs[0]);
}

// The first request of each caller, and how many there are like it.
void compare(const Matrix& before, const Matrix& after, const Policy& policy, std::string_view document,
             Findings& findings) {
    for (std::size_t c = 0; c < after.callers().size(); ++c) {
        std::optional<Case> shown;
        std::size_t cells = 0;
        for (std::size_t t = 0; t < after.targets().size(); ++t)
            for (std::size_t w = 0; w < after.ways().size(); ++w) {
                const Case one{c, t, w};
                if (!after.exists(one) || after.verdict(one).open <= before.verdict(one).open) continue;
                ++cells;
                if (!shown || after.verdict(one).open > after.verdict(*shown).open) shown = one;
            }
        if (!shown) continue;
        const Verdict& verdict = after.verdict(*shown);
        findings.add("new-access", document, verdict.allow ? statement_name(policy, *verdict.allow) : std::string{},
                     after.request(*shown), verdict.open == Truth::yes, cells);
    }
    findings.count(after.counts());
}

} // namespace

Report audit_difference(std::string_view earlier, std::string_view document, std::string_view subject,
                        const AuditOptions& options) {
    const AuditInput after = only_input(document, subject, options);
    AuditInput before = only_input(earlier, fmt::format("{}, earlier", subject), options);
    if (before.bucket_policy.has_value() != after.bucket_policy.has_value() ||
        before.key_policy.has_value() != after.key_policy.has_value())
        throw Error(Errc::not_a_policy, subject, "has other kinds of policies than the earlier document");
    before.intent = after.intent;
    before.has_intent = after.has_intent;
    Report report;
    report.subject = "bucket " + after.intent.bucket;
    report.assumptions = after.assumptions;
    Findings findings(report);
    if (after.bucket_policy) {
        const std::array<const Policy*, 2> policies{&*after.bucket_policy, &*before.bucket_policy};
        compare(bucket_matrix(before, *before.bucket_policy, policies),
                bucket_matrix(after, *after.bucket_policy, policies), *after.bucket_policy, "bucket_policy", findings);
    }
    if (after.key_policy) {
        const std::array<const Policy*, 2> policies{&*after.key_policy, &*before.key_policy};
        compare(key_matrix(before, *before.key_policy, policies), key_matrix(after, *after.key_policy, policies),
                *after.key_policy, "key_policy", findings);
    }
    report.not_checked = {"settings beside policies, which --diff does not compare"};
    return report;
}

} // namespace weightseal::storage

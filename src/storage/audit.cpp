#include "weightseal/storage/audit.hpp"

#include "storage/audit_input.hpp"

#include <fmt/format.h>

namespace weightseal::storage {
namespace {

void audit_aws(const AuditInput& input, Findings& findings) {
    if (input.bucket_policy)
        audit_bucket_policy(input, findings);
    else
        findings.not_checked("who has access: " + absence_of(input, "bucket_policy"));
    if (input.key_policy)
        audit_key_policy(input, findings);
    else
        findings.not_checked("who can decrypt: " + absence_of(input, "key_policy"));
    audit_aws_settings(input, findings);
    findings.report().not_considered = {
        "service and resource control policies, permission boundaries, session policies and VPC endpoint policies, "
        "which can only take access away"};
    findings.report().assumptions.push_back(
        "callers of the account hold what an administrator's identity policy gives, "
        "callers of other accounts what theirs could");
}

} // namespace

Report audit(std::string_view document, std::string_view subject, const AuditOptions& options) {
    Report report;
    for (const AuditInput& input : audit_inputs(document, subject, options)) {
        Findings findings(report);
        report.subject =
            fmt::format("{}{} {}", report.subject.empty() ? "" : report.subject + ", ",
                        input.intent.provider == Provider::azure ? "container" : "bucket", input.intent.bucket);
        report.assumptions.insert(report.assumptions.end(), input.assumptions.begin(), input.assumptions.end());
        switch (input.intent.provider) {
        case Provider::aws: audit_aws(input, findings); break;
        case Provider::gcs: audit_gcs(input, findings); break;
        case Provider::azure: audit_azure(input, findings); break;
        }
    }
    sort_findings(report);
    return report;
}

} // namespace weightseal::storage

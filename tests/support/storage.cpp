#include "support/storage.hpp"

#include <algorithm>

namespace weightseal::testing {

storage::Intent full_intent() {
    storage::Intent intent;
    intent.bucket = "acme-weights";
    intent.prefix = "models/";
    intent.region = "eu-central-1";
    intent.readers = {{"arn:aws:iam::111122223333:role/inference", "AROAEXAMPLEREADER001"}};
    intent.publishers = {{"arn:aws:iam::111122223333:role/publish", "AROAEXAMPLEPUBLISH01"}};
    intent.break_glass = {{"arn:aws:iam::111122223333:user/emergency", "AIDAEXAMPLEEMERGENCY"}};
    intent.administrators = {{"arn:aws:iam::111122223333:role/platform", "AROAEXAMPLEPLATFORM1"}};
    intent.vpc_endpoints = {"vpce-0123456789abcdef0"};
    return intent;
}

storage::Intent small_intent() {
    storage::Intent intent;
    intent.bucket = "acme-weights";
    intent.readers = {{"arn:aws:iam::111122223333:role/inference", ""}};
    return intent;
}

Json bundle_of(const storage::Intent& intent) {
    return Json::parse(storage::write_policy(intent, storage::PolicyFormat::bundle));
}

std::vector<std::string> rules_of(const storage::Report& report) {
    std::vector<std::string> ids;
    for (const storage::Finding& finding : report.findings)
        if (std::find(ids.begin(), ids.end(), finding.rule) == ids.end()) ids.push_back(finding.rule);
    return ids;
}

bool finds(const storage::Report& report, std::string_view rule) {
    return std::any_of(report.findings.begin(), report.findings.end(),
                       [&](const storage::Finding& finding) { return finding.rule == rule; });
}

bool is_certain(const storage::Report& report, std::string_view rule) {
    return finds(report, rule) && finding_of(report, rule).is_certain;
}

storage::Finding finding_of(const storage::Report& report, std::string_view rule) {
    for (const storage::Finding& finding : report.findings)
        if (finding.rule == rule) return finding;
    return {};
}

std::string policy_of(std::initializer_list<std::string_view> statements) {
    Json policy{{"Version", "2012-10-17"}, {"Statement", Json::array()}};
    for (const std::string_view text : statements) {
        Json statement = Json::parse(text);
        if (!statement.contains("Principal") && !statement.contains("NotPrincipal")) statement["Principal"] = "*";
        if (!statement.contains("Action") && !statement.contains("NotAction")) statement["Action"] = "s3:*";
        if (!statement.contains("Resource") && !statement.contains("NotResource"))
            statement["Resource"] = {"arn:aws:s3:::acme-weights", "arn:aws:s3:::acme-weights/*"};
        policy["Statement"].push_back(std::move(statement));
    }
    return policy.dump();
}

} // namespace weightseal::testing

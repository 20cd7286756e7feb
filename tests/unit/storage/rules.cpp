// Every rule is broken by a small change of a bundle that is clean.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/storage.hpp"
#include "weightseal/storage/report.hpp"

#include <set>

namespace weightseal::testing {
namespace {

using storage::audit;
using storage::Report;

struct Change {
    std::string_view rule;
    std::string_view document; ///< "bucket_policy" or "key_policy"
    std::string_view sid;      ///< of the statement to drop or change; empty: one is added
    std::string_view patch;    ///< as RFC 7396 has it, or the statement to add; empty: it is dropped
};

constexpr Change changes[] = {
    {"allow-not-principal", "bucket_policy", "",
     R"({"Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "s3:GetObject"})"},
    {"network-grant", "bucket_policy", "", R"({"Effect": "Allow", "Principal": "*", "Action": "s3:GetBucketAcl",
        "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}})"},
    {"cross-account-access", "bucket_policy", "",
     R"({"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "s3:GetBucketAcl"})"},
    {"service-on-behalf", "bucket_policy", "",
     R"({"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject"})"},
    {"unlisted-reader", "bucket_policy", "DenyOthers", ""},
    {"unlisted-writer", "bucket_policy", "DenyOthers", ""},
    {"unlisted-administrator", "bucket_policy", "DenyChanges", ""},
    {"reader-unrestricted", "bucket_policy", "LimitReaders", ""},
    {"publisher-unrestricted", "bucket_policy", "LimitPublishers", ""},
    {"allow-too-wide", "bucket_policy", "AllowReaders", R"({"Action": "s3:*"})"},
    {"tls-not-enforced", "bucket_policy", "DenyPlainHttp", ""},
    {"network-open", "bucket_policy", "DenyOtherNetworks", ""},
    {"presigned-allowed", "bucket_policy", "DenyPresigned", ""},
    {"admin-lockout", "bucket_policy", "", R"({"Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketPolicy"})"},
    {"administrator-locked-out", "bucket_policy", "", R"({"Effect": "Deny", "Principal": "*",
        "Action": "s3:PutBucketPolicy", "Condition": {"StringLike": {"aws:userid": "AROAEXAMPLEPLATFORM1:*"}}})"},
    {"administrator-locked-out", "key_policy", "", R"({"Effect": "Deny", "Principal": "*",
        "Action": "kms:PutKeyPolicy", "Condition": {"StringLike": {"aws:userid": "AROAEXAMPLEPLATFORM1:*"}}})"},
    {"break-glass-locked-out", "bucket_policy", "",
     R"({"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket"})"},
    {"break-glass-locked-out", "key_policy", "AllowAdministration",
     R"({"Principal": {"AWS": ["arn:aws:iam::111122223333:role/platform"]}})"},
    {"reader-locked-out", "bucket_policy", "", R"({"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject"})"},
    {"reader-not-granted", "bucket_policy", "AllowReaders", ""},
    {"publisher-locked-out", "bucket_policy", "", R"({"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject"})"},
    {"publisher-not-granted", "bucket_policy", "AllowPublishers", ""},
    {"access-point-delegation", "bucket_policy", "", R"({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Condition": {"StringEquals": {"s3:DataAccessPointAccount": "111122223333"}}})"},
    {"unknown-operator", "bucket_policy", "", R"({"Effect": "Deny", "Principal": "*", "Action": "s3:RestoreObject",
        "Condition": {"StringIs": {"aws:Referer": "x"}}})"},
    {"invalid-principal", "bucket_policy", "", R"({"Effect": "Deny", "Principal": {"AWS": "you"}, "Action": "s3:*"})"},
    {"principal-by-name", "bucket_policy", "", R"({"Effect": "Deny", "Principal": "*", "Action": "s3:RestoreObject",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/a"}}})"},
    {"refused-as-public", "bucket_policy", "", R"({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"})"},
    {"key-public", "key_policy", "", R"({"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt"})"},
    {"key-unlisted", "key_policy", "",
     R"({"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:Decrypt"})"},
    {"key-wider-than-bucket", "key_policy", "AllowReaders", R"({"Condition": null})"},
    {"key-member-unrestricted", "key_policy", "AllowReaders", R"({"Action": "kms:*"})"},
    {"key-unlisted-administrator", "key_policy", "AllowRoot", R"({"Condition": null})"},
    {"key-admin-lockout", "key_policy", "AllowAdministration", ""},
    {"key-root-lockout", "key_policy", "AllowRoot", ""},
    {"key-reader-locked-out", "key_policy", "AllowReaders", ""},
    {"key-publisher-locked-out", "key_policy", "AllowPublishers", ""},
};

Json changed(Json bundle, const Change& change) {
    const bool is_key = change.document == "key_policy";
    Json& statements = bundle["documents"][std::string(change.document)]["Statement"];
    const Json patch = change.patch.empty() ? Json() : Json::parse(change.patch);
    if (change.sid.empty()) {
        statements.push_back(patch);
        if (is_key)
            statements.back()["Resource"] = "*";
        else
            statements.back()["Resource"] = {"arn:aws:s3:::acme-weights", "arn:aws:s3:::acme-weights/*"};
        return bundle;
    }
    for (std::size_t i = 0; i < statements.size(); ++i) {
        if (statements[i]["Sid"] != change.sid) continue;
        if (patch.is_null())
            statements.erase(i);
        else
            statements[i].merge_patch(patch);
        return bundle;
    }
    FAIL("there is no statement " << change.sid);
    return bundle;
}

} // namespace

TEST_CASE("each rule is found where it is broken, and not in what is clean") {
    const Json bundle = bundle_of(full_intent());
    const Report clean = audit(bundle.dump());
    std::set<std::string_view> tried;
    for (const Change& change : changes) {
        INFO(change.rule);
        CHECK_FALSE(finds(clean, change.rule));
        CHECK(finds(audit(changed(bundle, change).dump()), change.rule));
        tried.insert(change.rule);
    }
    // What an intent accepts, or a public access block prevents.
    const Report alone = audit(policy_of({R"({"Effect": "Allow", "Action": "s3:GetObject",
        "Principal": {"AWS": "arn:aws:iam::111122223333:role/inference"}})"}));
    for (const std::string_view rule : {"administrators-unnamed", "no-vpc-endpoint"}) {
        CHECK(finds(alone, rule));
        tried.insert(rule);
    }
    const Report open = audit(policy_of({R"({"Effect": "Allow", "Action": "s3:GetObject"})"}));
    CHECK_FALSE(finds(clean, "public-access"));
    CHECK(finds(open, "public-access"));
    tried.insert("public-access");
    const Report key = audit(R"({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Resource": "*"}})");
    CHECK(finds(key, "key-administrators-unnamed"));
    tried.insert("key-administrators-unnamed");
    // All others are of settings, canaries and other providers, which have tests of their own.
    const std::set<std::string_view> elsewhere{"new-access",    "public-access-block", "acls-enabled",   "no-key",
                                               "no-versioning", "no-object-lock",      "no-data-events", "public-acl",
                                               "replication",   "existence-revealed"};
    for (const storage::Rule& rule : storage::rules())
        if (!rule.id.starts_with("gcs-") && !rule.id.starts_with("azure-") && !elsewhere.contains(rule.id))
            CHECK(std::string(tried.contains(rule.id) ? rule.id : "") == rule.id);
}

TEST_CASE("a finding of no rule is no report") {
    Report report;
    report.findings.emplace_back();
    report.findings.back().rule = "nonsense";
    CHECK(refusal_code([&] { static_cast<void>(storage::report_json(report)); }) == "unknown_finding");
    CHECK(refusal_code([&] { static_cast<void>(storage::report_sarif(report, "x")); }) == "unknown_finding");
}

} // namespace weightseal::testing

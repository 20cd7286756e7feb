// Audits: what single statements let in, reports for programs, baselines, differences, Terraform.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/storage.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/storage/report.hpp"

#include <set>

namespace weightseal::testing {
namespace {

using storage::audit;
using storage::audit_difference;
using storage::Report;

const std::string_view reader = R"({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/inference"},
    "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-weights/*"})";

Report with(std::string_view statement) {
    return audit(policy_of({reader, statement}));
}

int code_of(const std::string& text) {
    try {
        static_cast<void>(audit(text));
        return 0;
    } catch (const Error& error) {
        return static_cast<int>(error.errc());
    }
}

} // namespace

TEST_CASE("strangers are found through whatever pattern lets them in") {
    const auto is_public = [](std::string_view condition) {
        return finds(
            with(R"({"Effect": "Allow", "Action": "s3:GetObject", "Condition": )" + std::string(condition) + "}"),
            "public-access");
    };
    CHECK(is_public("{}"));
    CHECK(is_public(R"({"StringEquals": {"aws:Referer": "https://acme.example/"}})"));
    CHECK(is_public(R"({"StringLike": {"aws:UserAgent": "acme*"}})"));
    CHECK(is_public(R"({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/inference"}})"));
    CHECK(is_public(R"({"StringLike": {"aws:userid": "*:i-0123456789abcdef0"}})")); // the name of a session
    CHECK(is_public(R"({"StringEquals": {"aws:PrincipalTag/team": "weights"}})"));  // a tag of a role of one's own
    CHECK(is_public(R"({"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}})"));
    CHECK(is_public(R"({"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}})")); // chosen in a network of one's own
    CHECK(is_public(R"({"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}})"));
    CHECK(is_public(R"({"StringEqualsIfExists": {"aws:SourceVpce": "vpce-0123456789abcdef0"}})"));
    CHECK(is_public(R"({"Bool": {"aws:SecureTransport": "true"}})"));
    CHECK(is_public(R"({"StringLike": {"aws:SourceVpce": "vpce-*"}})"));
    CHECK(is_public(R"({"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/*"}})"));

    CHECK_FALSE(is_public(R"({"StringEquals": {"aws:PrincipalAccount": "111122223333"}})"));
    CHECK_FALSE(is_public(R"({"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}})"));
    CHECK_FALSE(is_public(R"({"StringEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}})"));
    CHECK_FALSE(is_public(R"({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}})"));
    CHECK_FALSE(is_public(R"({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})"));
}

TEST_CASE("other ways of getting in have findings of their own") {
    const auto finding = [](std::string_view statement, std::string_view rule) { return finds(with(statement), rule); };
    CHECK(finding(R"({"Effect": "Allow", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}})",
                  "network-grant"));
    CHECK(finding(R"({"Effect": "Allow", "Principal": {"AWS": "444455556666"}})", "cross-account-access"));
    CHECK(
        finding(R"({"Effect": "Allow", "Principal": {"CanonicalUser": "79a59df900b949e5"}})", "cross-account-access"));
    CHECK(finding(R"({"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}})", "service-on-behalf"));
    CHECK(finding(R"({"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"},
                      "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}})",
                  "service-on-behalf"));
    CHECK_FALSE(finding(R"({"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"},
                            "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}})",
                        "service-on-behalf"));
    CHECK(
        finding(R"({"Effect": "Allow", "Condition": {"StringEquals": {"s3:DataAccessPointAccount": "111122223333"}}})",
                "access-point-delegation"));
    CHECK(
        finding(R"({"Effect": "Deny", "Condition": {"StringAlmostEquals": {"aws:userid": "x"}}})", "unknown-operator"));
    CHECK(finding(R"({"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::*:role/x"}})", "invalid-principal"));
}

TEST_CASE("others of the account are found unless something keeps them out") {
    CHECK(finds(with(R"({"Effect": "Deny", "Action": "s3:PutObject"})"), "unlisted-reader"));
    const std::string except = R"("Condition": {"StringNotLike": {"aws:userid": "AROAEXAMPLE000000001:*"}}})";
    CHECK_FALSE(finds(with(R"({"Effect": "Deny", )" + except), "unlisted-reader"));
    CHECK(finds(with(R"({"Effect": "Deny", "Resource": "arn:aws:s3:::acme-weights/*", )" + except), "unlisted-reader"));
    CHECK(finds(
        with(
            R"({"Effect": "Deny", "Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/*"}}})"),
        "unlisted-reader"));
    // A positive operator leaves out whoever lacks the key.
    CHECK(finds(with(R"({"Effect": "Deny", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "other"}}})"),
                "unlisted-reader"));
}

TEST_CASE("what depends on something unknown is undecided, on both sides") {
    const Report allow =
        audit(policy_of({R"({"Effect": "Allow", "Action": "s3:GetObject", "Principal": {"AWS": "444455556666"},
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": "weights"}}})"}),
              "policy", {.account = "111122223333"});
    CHECK_FALSE(finding_of(allow, "cross-account-access").is_certain);
    const Report deny =
        with(R"({"Effect": "Deny", "Condition": {"StringNotEquals": {"aws:PrincipalTag/team": "weights"}}})");
    CHECK_FALSE(finding_of(deny, "unlisted-reader").is_certain);
    CHECK(finding_of(deny, "unlisted-reader").statement == "statement 2");
    CHECK(deny.cells[1] > 0);
}

TEST_CASE("key policies: the usual one leaves decryption to identity policies") {
    const Report usual = audit(R"({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Resource": "*"}})");
    CHECK(finding_of(usual, "key-unlisted").request.starts_with("another role of the account: kms:Decrypt"));
    const Report open = audit(R"({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:Decrypt",
        "Principal": "*", "Resource": "*"}})");
    CHECK(finds(open, "key-public"));
    CHECK(finds(open, "key-admin-lockout"));
}

TEST_CASE("key policies: which objects readers must be able to decrypt") {
    const auto of_readers = [](Json contexts) {
        Json bundle = bundle_of(full_intent());
        for (Json& statement : bundle["documents"]["key_policy"]["Statement"])
            if (statement["Sid"] == "AllowReaders")
                statement["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"] = std::move(contexts);
        return bundle;
    };
    const std::string_view rule = "key-reader-locked-out", objects = "arn:aws:s3:::acme-weights/models/*";
    CHECK_FALSE(finds(audit(of_readers({"arn:aws:s3:::acme-weights", objects}).dump()), rule));
    const Report no_bucket = audit(of_readers({objects}).dump());
    CHECK(finding_of(no_bucket, rule).is_certain);
    CHECK(finding_of(no_bucket, rule).request.ends_with(", through S3, under a bucket key"));
    const Report no_objects = audit(of_readers({"arn:aws:s3:::acme-weights"}).dump());
    CHECK(finding_of(no_objects, rule).request.ends_with(", through S3"));
    const Report some = audit(of_readers({"arn:aws:s3:::acme-weights", "arn:aws:s3:::acme-weights/models/w*"}).dump());
    CHECK(finding_of(some, rule).request.ends_with(", through S3, for arn:aws:s3:::acme-weights/models/x"));
    // A policy alone does not tell which objects there are, nor whether there is a bucket key.
    const Json whole = of_readers({"arn:aws:s3:::acme-weights/models/a/*"});
    CHECK_FALSE(finds(audit(whole["documents"]["key_policy"].dump()), rule));
}

TEST_CASE("key policies: nobody is locked out of what only his name says that he may do") {
    const Report report = audit(R"({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "kms:PutKeyPolicy", "Resource": "*",
         "Principal": {"AWS": ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/b"]}},
        {"Effect": "Deny", "Action": "kms:PutKeyPolicy", "Resource": "*",
         "Principal": {"AWS": "arn:aws:iam::111122223333:role/b"}}]})");
    CHECK_FALSE(finds(report, "administrator-locked-out"));
    CHECK_FALSE(finds(report, "key-admin-lockout"));
}

TEST_CASE("the region of a key policy is the one that all its services are in") {
    const auto in = [](std::string_view services) {
        return audit(policy_of({R"({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
                                    "Principal": {"AWS": "arn:aws:iam::111122223333:role/inference"},
                                    "Condition": {"StringEquals": {"kms:ViaService": )" +
                                    std::string(services) + "}}}",
                                R"({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
                                    "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}})"}));
    };
    const auto assumes = [](const Report& report, std::string_view start) {
        return std::ranges::any_of(report.assumptions,
                                   [&](const std::string& assumption) { return assumption.starts_with(start); });
    };
    const Report one = in(R"("s3.eu-central-1.amazonaws.com")");
    CHECK(assumes(one, "the region is eu-central-1, "));
    CHECK_FALSE(finds(one, "key-public"));
    CHECK(assumes(in(R"("s3.cn-north-1.amazonaws.com.cn")"), "the region is cn-north-1, "));
    const Report two = in(R"(["s3.eu-central-1.amazonaws.com", "s3.eu-west-1.amazonaws.com"])");
    CHECK_FALSE(assumes(two, "the region is"));
    CHECK(finds(two, "key-public"));
    CHECK_FALSE(finds(two, "key-reader-locked-out"));
    for (const char* name : {R"("s3.amazonaws.com")", R"("s3.*.amazonaws.com")", R"("s3.eu-central-1.example.com")"})
        CHECK_FALSE(assumes(in(name), "the region is"));
}

TEST_CASE("reports for programs hold every finding, and a baseline takes out those it knows") {
    Report report = with(R"({"Effect": "Allow", "Sid": "Open", "Action": "s3:GetObject"})");
    const Json json = Json::parse(storage::report_json(report));
    CHECK(json["version"] == 1);
    REQUIRE(json["findings"].size() == report.findings.size());
    CHECK(json["findings"][0]["rule"] == "public-access");
    CHECK(json["findings"][0]["severity"] == "critical");
    CHECK(json["findings"][0]["statement"] == "statement 2 'Open'");

    const Json sarif = Json::parse(storage::report_sarif(report, "policy.json"));
    CHECK(sarif["version"] == "2.1.0");
    const Json& run = sarif["runs"][0];
    REQUIRE(run["results"].size() == report.findings.size());
    CHECK(run["results"][0]["ruleId"] == "public-access");
    CHECK(run["results"][0]["level"] == "error");
    CHECK(run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "policy.json");
    CHECK(run["tool"]["driver"]["rules"].size() == rules_of(report).size());

    const std::size_t before = report.findings.size();
    const std::string earlier = storage::report_json(with(R"({"Effect": "Deny", "Action": "s3:RestoreObject"})"));
    const std::size_t known = storage::remove_known(report, earlier);
    CHECK(known > 0);
    CHECK(report.findings.size() == before - known);
    CHECK(finds(report, "public-access"));
    CHECK_THROWS_AS(storage::remove_known(report, "{}"), Error);
}

TEST_CASE("rules have one id each, and remedies") {
    std::set<std::string_view> ids;
    for (const storage::Rule& rule : storage::rules()) {
        CHECK(ids.insert(rule.id).second);
        CHECK_FALSE(rule.remedy.empty());
        CHECK_FALSE(rule.explanation.empty());
    }
}

TEST_CASE("a difference is what was closed and is open, and nothing else") {
    const Json bundle = bundle_of(full_intent());
    CHECK(audit_difference(bundle.dump(), bundle.dump()).findings.empty());
    Json changed = bundle;
    changed["documents"]["bucket_policy"]["Statement"].push_back(
        {{"Sid", "New"}, {"Effect", "Deny"}, {"Principal", "*"}, {"Action", "s3:*"}, {"Resource", "*"}});
    CHECK(audit_difference(bundle.dump(), changed.dump()).findings.empty());
    const Report back = audit_difference(changed.dump(), bundle.dump());
    CHECK(finding_of(back, "new-access").is_certain);

    const std::string before = policy_of({reader});
    const Report partner = audit_difference(
        before, policy_of({reader, R"({"Sid": "Partner", "Effect": "Allow", "Principal": {"AWS": "444455556666"}})"}));
    REQUIRE(partner.findings.size() == 1);
    CHECK(partner.findings[0].request.starts_with("a role of account 444455556666: s3:GetObject"));
    CHECK(partner.findings[0].statement == "statement 2 'Partner'");
    CHECK_THROWS_AS(audit_difference(before, bundle.dump()), Error); // that has a key policy, too
}

TEST_CASE("what is no document of storage is refused") {
    CHECK(code_of("{}") == static_cast<int>(Errc::not_a_policy));
    CHECK(code_of("[]") == static_cast<int>(Errc::not_a_policy));
    CHECK(
        code_of(R"({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})") ==
        static_cast<int>(Errc::not_a_policy)); // an identity policy
    CHECK(code_of(R"({"documents": {}, "intent": {}})") == static_cast<int>(Errc::not_a_policy));
    CHECK(code_of(R"({"version": 1, "documents": {}})") == static_cast<int>(Errc::missing_policy_field));
    CHECK(code_of(R"({"version": 1, "documents": [], "intent": {}})") == static_cast<int>(Errc::policy_field_type));
    CHECK(code_of(R"({"version": 1, "documents": {}, "intent": {}, "more": 1})") ==
          static_cast<int>(Errc::unknown_policy_field));
    CHECK(code_of(R"({"format_version": "1.0", "values": {}})") == static_cast<int>(Errc::not_a_policy));
}

TEST_CASE("state and plans of Terraform: each bucket with its settings") {
    const auto resource = [](std::string_view type, Json values) {
        return Json{{"address", std::string(type) + ".weights"}, {"type", type}, {"values", std::move(values)}};
    };
    Json module{{"resources", Json::array()}};
    module["resources"].push_back(
        resource("aws_s3_bucket_policy", {{"bucket", "acme-weights"}, {"policy", policy_of({reader})}}));
    module["resources"].push_back(resource("aws_s3_bucket_public_access_block", {{"bucket", "acme-weights"},
                                                                                 {"block_public_acls", true},
                                                                                 {"ignore_public_acls", true},
                                                                                 {"block_public_policy", false},
                                                                                 {"restrict_public_buckets", true}}));
    for (const char* root : {"values", "planned_values"}) {
        Json state{{"format_version", "1.0"}};
        state[root]["root_module"]["child_modules"] = Json::array({module});
        const Report report = audit(state.dump());
        CHECK(report.subject == "bucket acme-weights");
        CHECK(finds(report, "tls-not-enforced"));
        CHECK(finding_of(report, "public-access-block").request == "BlockPublicPolicy is off");
    }
    Json broken{{"format_version", "1.0"}};
    broken["values"]["root_module"]["resources"] =
        Json::array({resource("aws_s3_bucket_policy", {{"bucket", "acme-weights"}, {"policy", "{"}})});
    CHECK(code_of(broken.dump()) == static_cast<int>(Errc::policy_not_json));
}

} // namespace weightseal::testing

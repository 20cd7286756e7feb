// Policies on which scanners err, and the policy that this part began with.

#include "support/catch.hpp"
#include "support/storage.hpp"

namespace weightseal::testing {
namespace {

using storage::audit;
using storage::Report;

// "Only the inference service can read", as an article has it.
std::string article(std::string_view account) {
    const std::string role = "arn:aws:iam::" + std::string(account) + ":role/inference-service-role";
    return R"({"Version": "2012-10-17", "Statement": [
      {"Sid": "InferenceServiceOnly", "Effect": "Allow", "Principal": {"AWS": ")" +
           role + R"("}, "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::your-model-bucket/weights/*"},
      {"Sid": "DenyEverythingElse", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
       "Resource": ["arn:aws:s3:::your-model-bucket", "arn:aws:s3:::your-model-bucket/*"],
       "Condition": {"StringNotEquals": {"aws:PrincipalArn": ")" +
           role + R"("}}}]})";
}

const std::string reader = R"({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/inference"},
    "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-weights/*"})";

} // namespace

TEST_CASE("the article's policy locks administrators out, allows plain HTTP and does not limit its role") {
    const Report report = audit(article("111122223333"));
    CHECK(report.subject == "bucket your-model-bucket");

    const auto lockout = finding_of(report, "admin-lockout");
    CHECK(lockout.severity == storage::Severity::high);
    CHECK(lockout.statement == "statement 2 'DenyEverythingElse'");

    const auto plain = finding_of(report, "tls-not-enforced");
    CHECK(plain.is_certain);
    CHECK(plain.request == "the reader arn:aws:iam::111122223333:role/inference-service-role: s3:GetObject of object "
                           "weights in your-model-bucket over plain HTTP from the Internet");

    const auto unrestricted = finding_of(report, "reader-unrestricted");
    CHECK(unrestricted.is_certain);
    CHECK(unrestricted.request.find("s3:PutObject") != std::string::npos);

    CHECK(finding_of(report, "principal-by-name").statement == "statement 2 'DenyEverythingElse'");
    CHECK_FALSE(finds(report, "public-access"));
    CHECK_FALSE(finds(report, "unlisted-reader"));
}

TEST_CASE("the article's policy as it is printed names no account") {
    const Report report = audit(article("YOUR_ACCOUNT"));
    CHECK(finding_of(report, "invalid-principal").request == "arn:aws:iam::YOUR_ACCOUNT:role/inference-service-role");
    CHECK(finds(report, "admin-lockout"));
}

TEST_CASE("a condition that any ARN fulfils keeps no stranger out") {
    const Report report = audit(policy_of({R"({"Effect": "Allow", "Action": "s3:GetObject",
        "Condition": {"StringLike": {"aws:PrincipalArn": "*"}}})"}));
    const auto finding = finding_of(report, "public-access");
    CHECK(finding.is_certain);
    CHECK(finding.request.starts_with("a role of an account that nobody named: s3:GetObject"));
}

TEST_CASE("a condition that any user id fulfils keeps no stranger out") {
    const Report report = audit(policy_of({R"({"Effect": "Allow", "Action": "s3:GetObject",
        "Condition": {"StringLike": {"aws:userid": "*"}}})"}));
    CHECK(finding_of(report, "public-access").is_certain);
}

TEST_CASE("Allow with NotPrincipal is for the whole world") {
    const Report report = audit(policy_of({R"({"Effect": "Allow", "Action": "s3:GetObject",
        "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:role/contractor"}})"}));
    CHECK(finds(report, "allow-not-principal"));
    CHECK(finding_of(report, "public-access").request.starts_with("anybody without credentials: s3:GetObject"));
}

TEST_CASE("what is denied to everyone is not public, whatever is allowed") {
    const Report report =
        audit(policy_of({R"({"Effect": "Allow", "Action": "s3:GetObject"})", R"({"Effect": "Deny"})"}));
    CHECK_FALSE(finds(report, "public-access"));
    CHECK(finds(report, "admin-lockout"));
    CHECK(finds(report, "refused-as-public")); // AWS does not look at what is denied
}

TEST_CASE("a Deny of plain HTTP to one user, under one prefix, for one action does not enforce TLS") {
    const std::string_view no_http = R"("Condition": {"Bool": {"aws:SecureTransport": "false"}}})";
    const auto with = [&](std::string_view scope) {
        return audit(policy_of({reader, R"({"Effect": "Deny", )" + std::string(scope) + std::string(no_http)}));
    };
    CHECK_FALSE(finds(with(""), "tls-not-enforced"));
    CHECK(finds(with(R"("Action": "s3:PutObject",)"), "tls-not-enforced"));
    CHECK(finds(with(R"("Principal": {"AWS": "arn:aws:iam::111122223333:user/one"},)"), "tls-not-enforced"));
    CHECK(finds(with(R"("Resource": "arn:aws:s3:::acme-weights/one/*",)"), "tls-not-enforced"));
    CHECK(finds(with(R"("Resource": "arn:aws:s3:::acme-weights/*",)"), "tls-not-enforced")); // listing is of the bucket
    const Report report = with(R"("Action": "s3:PutObject", "Principal": {"AWS": "arn:aws:iam::111122223333:user/one"},
                                  "Resource": "arn:aws:s3:::acme-weights/one/*",)");
    CHECK(finding_of(report, "tls-not-enforced").statement == "statement 2");
}

TEST_CASE("an Allow under TLS denies nobody plain HTTP") {
    const Report report = audit(policy_of({R"({"Effect": "Allow", "Action": "s3:GetObject",
        "Principal": {"AWS": "arn:aws:iam::111122223333:role/inference"},
        "Condition": {"Bool": {"aws:SecureTransport": "true"}}})"}));
    CHECK(finds(report, "tls-not-enforced")); // others of the account, by their identity policies
}

TEST_CASE("a lock-out under a condition is one") {
    const Report report = audit(policy_of({reader, R"({"Effect": "Deny",
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/inference"}}})"}));
    CHECK(finds(report, "admin-lockout"));
}

TEST_CASE("of a lock-out, the Deny that does it is shown") {
    const std::string_view one = R"({"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111122223333:user/one"}})";
    for (const char* deny : {R"("NotAction": "s3:GetObject")", R"("Action": "s3:*BucketPolicy")"}) {
        const Report report =
            audit(policy_of({reader, one, R"({"Sid": "All", "Effect": "Deny", )" + std::string(deny) + "}"}));
        CHECK(finding_of(report, "admin-lockout").statement == "statement 3 'All'");
    }
    // One that leaves this out does not.
    const Report other = audit(policy_of(
        {reader, R"({"Effect": "Deny", "NotAction": "s3:*"})", R"({"Effect": "Deny", "Action": "s3:PutBucketAcl"})"}));
    CHECK_FALSE(finds(other, "admin-lockout"));
}

} // namespace weightseal::testing

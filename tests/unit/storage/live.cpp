// Buckets as a server shows them: their configuration, and who gets in.

#include "weightseal/storage/live.hpp"
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/files.hpp"
#include "support/refusal.hpp"
#include "support/storage.hpp"
#include "support/web_server.hpp"

#include <algorithm>

namespace weightseal::testing {
namespace {

using storage::Attempt;
using storage::audit;
using storage::Report;

/// Of an answer to a request about the bucket.
struct Said {
    std::string status = "200 OK";
    std::string body;
};

Said refused(const std::string& status, const std::string& code) {
    return {status, "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>no</Message></Error>"};
}

using Answers = std::map<std::string, Said>; // by query

/// What a bucket answers that is set up as it should be.
Answers good_answers() {
    return {
        {"policy=", {.body = bundle_of(full_intent())["documents"]["bucket_policy"].dump()}},
        {"publicAccessBlock=",
         {.body = "<PublicAccessBlockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                  "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>"
                  "<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>"
                  "</PublicAccessBlockConfiguration>"}},
        {"ownershipControls=",
         {.body = "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"
                  "</OwnershipControls>"}},
        {"versioning=", {.body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"}},
        {"encryption=",
         {.body = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
                  "<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>alias/weights</KMSMasterKeyID>"
                  "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"}},
        {"object-lock=",
         {.body = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>"
                  "<Mode>GOVERNANCE</Mode><Days>30</Days></DefaultRetention></Rule></ObjectLockConfiguration>"}},
        {"acl=",
         {.body = "<AccessControlPolicy><Owner><ID>abc</ID></Owner><AccessControlList><Grant><Grantee "
                  "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>abc</ID>"
                  "</Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>"}},
        {"replication=", refused("404 Not Found", "ReplicationConfigurationNotFoundError")},
    };
}

Answers absent_answers() {
    Answers answers = good_answers();
    answers["policy="] = refused("404 Not Found", "NoSuchBucketPolicy");
    answers["publicAccessBlock="] = refused("404 Not Found", "NoSuchPublicAccessBlockConfiguration");
    answers["ownershipControls="] = refused("404 Not Found", "OwnershipControlsNotFoundError");
    answers["versioning="].body = "<VersioningConfiguration/>";
    answers["encryption="] = refused("404 Not Found", "ServerSideEncryptionConfigurationNotFoundError");
    answers["object-lock="] = refused("404 Not Found", "ObjectLockConfigurationNotFoundError");
    return answers;
}

struct Keys : Environment {
    Keys() {
        set("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
        set("AWS_SECRET_ACCESS_KEY", "secret-key-of-tests");
    }
};

/// A bucket that tells its configuration to whoever signs.
class Bucket {
  public:
    explicit Bucket(Answers answers)
        : answers_(std::move(answers)), server_([this](const WebRequest& request, WebConnection& to) {
              const Said& said = answers_.at(request.target.substr(request.target.find('?') + 1));
              to.answer(request.headers.contains("authorization") ? said.status : "403 Forbidden", said.body);
          }) {}
    [[nodiscard]] std::string read(std::string_view intent = {}) const {
        return storage::read_bucket("acme-weights", {.s3 = {.endpoint = server_.url()}, .intent = intent});
    }
    [[nodiscard]] std::vector<WebRequest> requests() const { return server_.requests(); }

  private:
    Keys keys_;
    Answers answers_;
    WebServer server_;
};

bool holds(const std::vector<std::string>& list, const std::string& text) {
    return std::any_of(list.begin(), list.end(),
                       [&](const std::string& one) { return one.find(text) != std::string::npos; });
}

} // namespace

TEST_CASE("live: a bucket set up as written is clean") {
    const Bucket bucket(good_answers());
    const Report report = audit(bucket.read(bundle_of(full_intent()).dump()));
    CHECK(rules_of(report).empty());
    CHECK(report.subject == "bucket acme-weights");
    CHECK(report.cells[0] > 0);
    CHECK(holds(report.not_checked, "who can decrypt"));
    for (const WebRequest& request : bucket.requests()) {
        CHECK(request.method == "GET");
        CHECK(request.target.substr(0, request.target.find('?')) == "/acme-weights/");
    }
    CHECK(bucket.requests().size() == 8);
}

TEST_CASE("live: without an intent the policy shows one") {
    const Report report = audit(Bucket(good_answers()).read());
    CHECK(finds(report, "public-access") == false);
    CHECK(holds(report.assumptions, "whoever the policy names"));
}

TEST_CASE("live: what is not set up is found") {
    const Report report = audit(Bucket(absent_answers()).read());
    for (const char* rule : {"public-access-block", "acls-enabled", "no-versioning", "no-key", "no-object-lock"}) {
        INFO(rule);
        CHECK(finds(report, rule));
    }
    CHECK(finds(report, "public-access") == false); // without a policy only the account has access
    CHECK(finds(report, "unlisted-reader"));
}

TEST_CASE("live: grants to everyone and copies are found") {
    Answers answers = good_answers();
    answers["acl="].body = "<AccessControlPolicy><AccessControlList>"
                           "<Grant><Grantee><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee>"
                           "<Permission>READ</Permission></Grant>"
                           "<Grant><Grantee><URI>http://acs.amazonaws.com/groups/s3/LogDelivery</URI></Grantee>"
                           "<Permission>WRITE</Permission></Grant></AccessControlList></AccessControlPolicy>";
    answers["replication="] = {.body = "<ReplicationConfiguration>"
                                       "<Rule><Status>Disabled</Status><Destination>"
                                       "<Bucket>arn:aws:s3:::old</Bucket></Destination></Rule>"
                                       "<Rule><Status>Enabled</Status><Destination>"
                                       "<Bucket>arn:aws:s3:::copies</Bucket></Destination></Rule>"
                                       "</ReplicationConfiguration>"};
    const Report report = audit(Bucket(answers).read());
    CHECK(finding_of(report, "public-acl").request == "AllUsers has READ");
    CHECK(finding_of(report, "replication").request == "to arn:aws:s3:::copies");
    CHECK(std::ranges::count(report.findings, "replication", &storage::Finding::rule) == 1);
    CHECK(std::ranges::count(report.findings, "public-acl", &storage::Finding::rule) == 1);
    answers["acl="].body =
        "<AccessControlPolicy><Owner><ID>abc</ID></Owner><AccessControlList><Grant><Grantee><ID>def"
        "</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>";
    CHECK(finding_of(audit(Bucket(answers).read()), "cross-account-access").request ==
          "the canonical user def has READ");
}

TEST_CASE("live: what the server refuses to tell is not checked") {
    Answers answers = good_answers();
    for (const char* query : {"policy=", "encryption="})
        answers[query] = refused("403 Forbidden", "AccessDenied");
    answers["versioning="] = refused("503 Slow Down", "SlowDown");
    const Report report = audit(Bucket(answers).read());
    CHECK(holds(report.not_checked, "who has access: s3:GetBucketPolicy is answered by 403 AccessDenied"));
    CHECK(holds(report.not_checked, "encryption: s3:GetEncryptionConfiguration is answered by 403 AccessDenied"));
    CHECK(holds(report.not_checked, "versioning: s3:GetBucketVersioning is answered by 503 SlowDown"));
    CHECK(rules_of(report).empty());
}

TEST_CASE("live: an answer about something else tells nothing") {
    for (const char* body :
         {"<AccessControlPolicy><Grant>", "{}", "<ListBucketResult><Name>acme-weights</Name></ListBucketResult>", ""}) {
        INFO(body);
        Answers answers = good_answers();
        for (auto& [query, said] : answers)
            if (query != "policy=") said = {.body = body};
        const Report report = audit(Bucket(answers).read(bundle_of(full_intent()).dump()));
        for (const char* what : {"the public access block", "ownership and access control lists", "versioning",
                                 "encryption", "Object Lock", "the access control list of the bucket", "replication"})
            CHECK(holds(report.not_checked, std::string(what) + ": s3:Get"));
        CHECK(rules_of(report).empty());
    }
}

TEST_CASE("live: a policy is an object") {
    Answers answers = good_answers();
    answers["policy="].body = "9e49";
    const Report report = audit(Bucket(answers).read());
    CHECK(holds(report.not_checked, "who has access: s3:GetBucketPolicy: is answered by what is no policy"));
}

TEST_CASE("live: refusals") {
    const auto reading = [](const std::string& query, const Said& said, std::string_view intent = {}) {
        Answers answers = good_answers();
        answers[query] = said;
        return refusal_code([&] { (void)Bucket(answers).read(intent); });
    };
    CHECK(reading("policy=", refused("404 Not Found", "NoSuchBucket")) == "file_not_found");
    CHECK(reading("policy=", refused("301 Moved Permanently", "PermanentRedirect")) == "server_refused");
    CHECK(reading("policy=", {.body = "<NotAPolicy/>"}) == "policy_not_json");
    CHECK(reading("policy=", {.body = R"({"Version": 1, "Version": 2})"}) == "duplicate_policy_field");
    for (const char* code : {"InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"})
        CHECK(reading("policy=", refused("403 Forbidden", code)) == "server_refused");
    CHECK(reading("policy=", refused("400 Bad Request", "ExpiredToken")) == "server_refused");
    CHECK(reading("acl=", {.body = "<a/>"}, R"({"bucket": "other", "readers": []})") == "no_reader");
    CHECK(reading("acl=", {.body = "<a/>"},
                  R"({"bucket": "other", "readers": ["arn:aws:iam::111122223333:role/inference"]})") == "bad_bucket");
    CHECK(
        reading(
            "acl=", {.body = "<a/>"},
            R"({"provider": "gcs", "bucket": "acme-weights", "account": "acme", "readers": ["a@acme.iam.gserviceaccount.com"]})") ==
        "bad_bucket");
    CHECK(reading("acl=", {.body = "<a/>"}, "[") == "policy_not_json");
    Answers shut = good_answers();
    for (auto& [query, said] : shut)
        said = refused("403 Forbidden", "AccessDenied");
    CHECK(refusal([&] { (void)Bucket(shut).read(); }) == "server_refused");

    Keys keys;
    const S3Options nobody{.endpoint = "http://127.0.0.1:" + std::to_string(free_web_port())};
    CHECK(refusal([&] { (void)storage::read_bucket("acme-weights", {.s3 = nobody}); }) == "server_unreachable");
    CHECK(refusal([&] { (void)storage::read_bucket("no bucket", {.s3 = nobody}); }) == "bad_server_url");
}

TEST_CASE("live: documents without an intent name their bucket") {
    CHECK(refusal([] { (void)audit(R"({"version": 1, "documents": {}})"); }) == "missing_policy_field");
    CHECK(refusal([] { (void)audit(R"({"version": 1, "documents": {}, "bucket": 1})"); }) == "missing_policy_field");
    CHECK(refusal([] { (void)audit(R"({"version": 1, "documents": {}, "bucket": "b", "unread": []})"); }) ==
          "policy_field_type");
    CHECK(refusal([] { (void)audit(R"({"version": 1, "documents": {}, "bucket": "b", "unread": {"acl": 1}})"); }) ==
          "policy_field_type");
}

} // namespace weightseal::testing

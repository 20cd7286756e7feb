// Intents: what is filled in, and each refusal.

#include "support/catch.hpp"
#include "support/storage.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal::testing {
namespace {

using storage::Intent;
using storage::Member;
using storage::Provider;

template <class Change>
int code_after(Intent intent, const Change& change) {
    try {
        change(intent);
        intent.complete();
        return 0;
    } catch (const Error& error) {
        return static_cast<int>(error.errc());
    }
}

int number(Errc code) {
    return static_cast<int>(code);
}

Intent gcs_intent() {
    Intent intent;
    intent.provider = Provider::gcs;
    intent.bucket = "acme-weights";
    intent.prefix = "models";
    intent.readers = {{"inference@acme.iam.gserviceaccount.com", ""}};
    intent.administrators = {{"platform@acme.iam.gserviceaccount.com", ""}};
    return intent;
}

Intent azure_intent() {
    Intent intent;
    intent.provider = Provider::azure;
    intent.bucket = "weights";
    intent.prefix = "models";
    intent.account = "/subscriptions/01234567-89ab-cdef-0123-456789abcdef/resourceGroups/acme/providers/"
                     "Microsoft.Storage/storageAccounts/acmeweights";
    intent.readers = {{"11111111-2222-3333-4444-555555555555", ""}};
    return intent;
}

} // namespace

TEST_CASE("an intent is completed from what it says") {
    Intent intent = small_intent();
    intent.prefix = "models";
    intent.readers[0].name = "arn:aws-us-gov:iam::111122223333:role/a/inference";
    intent.complete();
    CHECK(intent.prefix == "models/");
    CHECK(intent.partition == "aws-us-gov");
    CHECK(intent.account == "111122223333");
    CHECK(Member::parse("arn:x#AROA1") == Member{"arn:x", "AROA1"});
    CHECK(Intent::parse(intent.json()) == intent);
}

TEST_CASE("names that are none are refused, each by its code") {
    const auto bucket = [](std::string name) {
        return code_after(small_intent(), [&](Intent& intent) { intent.bucket = name; });
    };
    for (const char* name : {"", "Acme", "acme_weights", "-acme", "acme.", "a..b", "192.0.2.1", "xn--acme",
                             "acme-s3alias", "acme--x-s3", "a\"b", "a b", "a/b"})
        CHECK(bucket(name) == number(Errc::bad_bucket));
    CHECK(bucket(std::string(64, 'a')) == number(Errc::bad_bucket));
    CHECK(bucket(std::string(63, 'a')) == 0);

    const auto prefix = [](std::string text) {
        return code_after(small_intent(), [&](Intent& intent) { intent.prefix = text; });
    };
    for (const char* text : {"*", "a?", "${aws:username}", "/a", "a\"", "a'", "a\nb", "\xC3\xA4"})
        CHECK(prefix(text) == number(Errc::bad_prefix));
    CHECK(prefix(std::string(600, 'a')) == number(Errc::bad_prefix));

    const auto reader = [](std::string text) {
        return code_after(small_intent(), [&](Intent& intent) { intent.readers = {Member::parse(text)}; });
    };
    for (const char* text :
         {"", "*", "111122223333", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/",
          "arn:aws:iam::111122223333:role/*", "arn:aws:iam::YOUR_ACCOUNT:role/r",
          "arn:aws:sts::111122223333:assumed-role/r/s", "arn:aws:iam::111122223333:group/g",
          "arn:aws:iam:eu-central-1:111122223333:role/r", "arn:aws:iam::111122223333:role/r\n"})
        CHECK(reader(text) == number(Errc::bad_principal));
    for (const char* id : {"#", "#AROA", "#AIDAEXAMPLE000000001", "#AROAEXAMPLE*00000001", "#aroaexample000000001"})
        CHECK(reader(std::string("arn:aws:iam::111122223333:role/r") + id) == number(Errc::bad_unique_id));
    CHECK(reader("arn:aws:iam::111122223333:user/u#AROAEXAMPLE000000001") == number(Errc::bad_unique_id));
}

TEST_CASE("everything else of an intent that is refused") {
    const auto full = [](auto change) { return code_after(full_intent(), change); };
    CHECK(full([](Intent&) {}) == 0);
    CHECK(full([](Intent& i) { i.readers.clear(); }) == number(Errc::no_reader));
    CHECK(full([](Intent& i) { i.publishers = i.readers; }) == number(Errc::duplicate_principal));
    CHECK(full([](Intent& i) { i.region = "Frankfurt"; }) == number(Errc::bad_region));
    CHECK(full([](Intent& i) { i.partition = "AWS"; }) == number(Errc::bad_region));
    CHECK(full([](Intent& i) { i.partition = "aws-cn"; }) == number(Errc::bad_region));
    CHECK(full([](Intent& i) { i.account = "123"; }) == number(Errc::bad_account));
    CHECK(full([](Intent& i) { i.readers[0].name = "arn:aws:iam::444455556666:role/r"; }) == number(Errc::bad_account));
    CHECK(full([](Intent& i) { i.vpc_endpoints = {"vpc-0123456789abcdef0"}; }) == number(Errc::bad_endpoint));
    CHECK(full([](Intent& i) { i.vpc_endpoints = {"vpce-*"}; }) == number(Errc::bad_endpoint));
    CHECK(full([](Intent& i) { i.vpc_endpoints = {"vpce-1"}; }) == number(Errc::bad_endpoint));
    CHECK(full([](Intent& i) { i.key = "alias/mine"; }) == number(Errc::bad_storage_key));
    CHECK(full([](Intent& i) { i.key = "arn:aws:kms:us-east-1:111122223333:key/1"; }) == number(Errc::bad_storage_key));
    CHECK(full([](Intent& i) { i.key = "arn:aws:kms:eu-central-1:111122223333:key/1"; }) == 0);
}

TEST_CASE("intents in JSON are refused by field") {
    const auto code = [](std::string_view text) {
        try {
            static_cast<void>(Intent::parse(text));
            return 0;
        } catch (const Error& error) {
            return static_cast<int>(error.errc());
        }
    };
    const std::string reader = R"("readers": ["arn:aws:iam::111122223333:role/r"])";
    CHECK(code("{" + reader + R"(, "bucket": "acme"})") == 0);
    CHECK(code("{" + reader + "}") == number(Errc::bad_bucket));
    CHECK(code(R"({"bucket": "acme"})") == number(Errc::no_reader));
    CHECK(code("{" + reader + R"(, "bucket": "acme", "reader": []})") == number(Errc::unknown_policy_field));
    CHECK(code("{" + reader + R"(, "bucket": 1})") == number(Errc::policy_field_type));
    CHECK(code(R"({"bucket": "acme", "readers": "r"})") == number(Errc::policy_field_type));
    CHECK(code("{" + reader + R"(, "bucket": "acme", "provider": "ibm"})") == number(Errc::bad_policy_value));
    CHECK(code("[]") == number(Errc::policy_field_type));
    CHECK(code("{") == number(Errc::policy_not_json));
}

TEST_CASE("GCS: names, and documents that audit finds clean") {
    const auto gcs = [](auto change) { return code_after(gcs_intent(), change); };
    CHECK(gcs([](Intent& i) { i.readers[0].name = "allUsers"; }) == number(Errc::bad_principal));
    CHECK(gcs([](Intent& i) { i.readers[0].name = "a\"b@acme.iam.gserviceaccount.com"; }) ==
          number(Errc::bad_principal));
    CHECK(gcs([](Intent& i) { i.readers[0].id = "AROAEXAMPLE000000001"; }) == number(Errc::bad_unique_id));
    CHECK(gcs([](Intent& i) { i.account = "A B"; }) == number(Errc::bad_account));
    CHECK(gcs([](Intent& i) { i.vpc_endpoints = {"vpce-0123456789abcdef0"}; }) == number(Errc::bad_endpoint));
    CHECK(gcs([](Intent& i) { i.key = "mine"; }) == number(Errc::bad_storage_key));

    const Json bundle = bundle_of(gcs_intent());
    CHECK(rules_of(storage::audit(bundle.dump())).empty());
    const auto after = [&](const char* pointer, const Json& value) {
        Json changed = bundle;
        changed[Json::json_pointer(pointer)] = value;
        return rules_of(storage::audit(changed.dump()));
    };
    using Rules = std::vector<std::string>;
    CHECK(after("/documents/bucket/iamConfiguration/publicAccessPrevention", "inherited") ==
          Rules{"gcs-public-access-prevention"});
    CHECK(after("/documents/bucket/iamConfiguration/uniformBucketLevelAccess/enabled", false) ==
          Rules{"gcs-acls-enabled"});
    CHECK(after("/documents/bucket/versioning/enabled", false) == Rules{"gcs-no-versioning"});
    CHECK(after("/documents/iam_policy/bindings/0/members/1", "allUsers") == Rules{"gcs-public-member"});
    CHECK(after("/documents/iam_policy/bindings/0/members/1", "user:ann@example.com") == Rules{"gcs-unlisted-member"});
    CHECK(after("/documents/iam_policy/bindings/0/role", "roles/storage.admin") ==
          Rules{"gcs-unlisted-member", "gcs-reader-locked-out"});
    CHECK(after("/documents/iam_policy/bindings/0/condition/expression", "true") ==
          Rules{"gcs-unlisted-member", "gcs-reader-locked-out"});
}

TEST_CASE("Azure: names, and documents that audit finds clean") {
    const auto azure = [](auto change) { return code_after(azure_intent(), change); };
    CHECK(azure([](Intent& i) { i.readers[0].name = "ann@example.com"; }) == number(Errc::bad_principal));
    CHECK(azure([](Intent& i) { i.account = "acmeweights"; }) == number(Errc::bad_account));
    CHECK(azure([](Intent& i) { i.bucket = "a--b"; }) == number(Errc::bad_bucket));
    CHECK(azure([](Intent& i) { i.region = "westeurope"; }) == number(Errc::bad_region));
    CHECK(azure([](Intent& i) { i.vpc_endpoints = {"subnet"}; }) == number(Errc::bad_endpoint));
    CHECK(azure([](Intent& i) { i.key = "mine"; }) == number(Errc::bad_storage_key));

    const Json bundle = bundle_of(azure_intent());
    CHECK(rules_of(storage::audit(bundle.dump())).empty());
    const auto after = [&](const char* pointer, const Json& value) {
        Json changed = bundle;
        changed[Json::json_pointer(std::string("/documents/") + pointer)] = value;
        return rules_of(storage::audit(changed.dump()));
    };
    using Rules = std::vector<std::string>;
    CHECK(after("storage_account/properties/allowBlobPublicAccess", true) == Rules{"azure-anonymous-access"});
    CHECK(after("container/properties/publicAccess", "Blob") == Rules{"azure-anonymous-access"});
    CHECK(after("storage_account/properties/allowSharedKeyAccess", true) == Rules{"azure-shared-key"});
    CHECK(after("storage_account/properties/publicNetworkAccess", "Enabled") == Rules{"azure-network-open"});
    CHECK(after("storage_account/properties/networkAcls/defaultAction", "Allow") == Rules{"azure-network-open"});
    CHECK(after("storage_account/properties/minimumTlsVersion", "TLS1_0") == Rules{"azure-plain-http"});
    CHECK(after("storage_account/properties/minimumTlsVersion", "TLS1_3").empty());
    CHECK(after("storage_account/properties/allowCrossTenantReplication", true) == Rules{"azure-cross-tenant"});
    CHECK(after("storage_account/properties/sasPolicy/expirationAction", "Log") == Rules{"azure-sas"});
    CHECK(after("blob_service/properties/isVersioningEnabled", false) == Rules{"azure-no-versioning"});
    CHECK(after("role_assignments/0/scope", "/subscriptions/1") ==
          Rules{"azure-unlisted-role", "azure-reader-locked-out"});
}

} // namespace weightseal::testing

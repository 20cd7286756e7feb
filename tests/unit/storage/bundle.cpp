// What `write_policy` writes: clean under `audit`, and every statement of it needed.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/storage.hpp"

#include <set>

namespace weightseal::testing {
namespace {

using storage::audit;
using storage::Report;

std::string described(const Report& report) {
    std::string text;
    for (const storage::Finding& finding : report.findings)
        text += finding.rule + " (" + finding.document + ", " + finding.statement + "): " + finding.request + "\n";
    return text;
}

storage::Intent by_name() {
    storage::Intent intent = full_intent();
    for (auto* list : {&intent.readers, &intent.publishers, &intent.break_glass, &intent.administrators})
        (*list)[0].id.clear();
    return intent;
}

// Statements without which nothing more gets through than with them, and why.
const std::set<std::string> redundant{};

} // namespace

TEST_CASE("written policies are clean") {
    storage::Intent other_accounts = full_intent();
    other_accounts.readers.push_back({"arn:aws:iam::444455556666:role/inference", "AROAEXAMPLEOTHERACC1"});
    other_accounts.account = "111122223333";
    storage::Intent mixed = full_intent();
    mixed.readers.push_back({"arn:aws:iam::111122223333:role/inference-2", ""});
    storage::Intent china = small_intent();
    china.readers[0].name = "arn:aws-cn:iam::111122223333:role/inference";
    china.region = "cn-north-1";
    for (const storage::Intent& intent : {full_intent(), small_intent(), by_name(), other_accounts, mixed, china}) {
        const Report report = audit(bundle_of(intent).dump());
        CHECK(described(report) == "");
        CHECK(report.cells[1] == 0); // nothing is undecided
        CHECK(report.cells[2] > 0);
    }
}

TEST_CASE("a key policy alone tells bucket and region") {
    for (const storage::Intent& intent : {full_intent(), small_intent(), by_name()}) {
        const Report report = audit(bundle_of(intent)["documents"]["key_policy"].dump());
        CHECK(report.subject == "bucket acme-weights");
        for (const char* rule : {"key-reader-locked-out", "break-glass-locked-out", "key-wider-than-bucket"})
            CHECK_FALSE(finds(report, rule));
    }
}

TEST_CASE("each statement of a written policy is missed when it is dropped") {
    for (const storage::Intent& intent : {full_intent(), by_name()}) {
        const Json bundle = bundle_of(intent);
        for (const char* document : {"bucket_policy", "key_policy"})
            for (std::size_t i = 0; i < bundle["documents"][document]["Statement"].size(); ++i) {
                Json changed = bundle;
                Json& statements = changed["documents"][document]["Statement"];
                const std::string sid = statements[i]["Sid"];
                statements.erase(i);
                INFO(document << " without " << sid);
                CHECK((audit(changed.dump()).findings.empty()) == redundant.contains(sid));
            }
    }
}

TEST_CASE("each Allow of a written policy is noticed when it is widened") {
    const Json bundle = bundle_of(full_intent());
    for (const char* document : {"bucket_policy", "key_policy"})
        for (std::size_t i = 0; i < bundle["documents"][document]["Statement"].size(); ++i) {
            const Json& statement = bundle["documents"][document]["Statement"][i];
            if (statement["Effect"] != "Allow") continue;
            const auto noticed = [&](std::string_view field, const Json& value) {
                Json changed = bundle;
                Json& one = changed["documents"][document]["Statement"][i];
                if (value.is_null())
                    one.erase(std::string(field));
                else
                    one[std::string(field)] = value;
                INFO(document << ' ' << statement["Sid"] << ' ' << field << ": " << value.dump());
                CHECK_FALSE(audit(changed.dump()).findings.empty());
            };
            const bool is_key = std::string_view(document) == "key_policy";
            noticed("Principal", "*");
            noticed("Principal", {{"AWS", "arn:aws:iam::999988887777:role/other"}});
            if (is_key || statement["Sid"] != "AllowRoot") noticed("Action", is_key ? "kms:*" : "s3:*");
            if (!is_key) noticed("Resource", {"arn:aws:s3:::acme-weights", "arn:aws:s3:::acme-weights/*"});
            if (statement.contains("Condition")) noticed("Condition", nullptr);
        }
}

TEST_CASE("each Deny of a written policy is noticed when it is narrowed") {
    const Json bundle = bundle_of(full_intent());
    const Json& statements = bundle["documents"]["bucket_policy"]["Statement"];
    for (std::size_t i = 0; i < statements.size(); ++i) {
        const Json& statement = statements[i];
        if (statement["Effect"] != "Deny") continue;
        const auto noticed = [&](const std::string& field, const Json& value) {
            Json changed = bundle;
            Json& one = changed["documents"]["bucket_policy"]["Statement"][i];
            if (field == "Action" || field == "Resource") one.erase("Not" + field);
            one[field] = value;
            INFO(statement["Sid"] << ' ' << field << ": " << value.dump());
            CHECK_FALSE(audit(changed.dump()).findings.empty());
        };
        noticed("Principal", {{"AWS", "arn:aws:iam::111122223333:user/one"}});
        noticed("Action", "s3:DeleteObjectTagging");
        noticed("Resource", "arn:aws:s3:::acme-weights/other/*");
        Json condition = statement["Condition"]; // one more that is hardly ever true
        condition["StringEquals"]["aws:UserAgent"] = "never";
        noticed("Condition", condition);
    }
}

TEST_CASE("whoever is added to the exceptions of a Deny is noticed") {
    const Json bundle = bundle_of(full_intent());
    const Json& statements = bundle["documents"]["bucket_policy"]["Statement"];
    for (std::size_t i = 0; i < statements.size(); ++i) {
        if (!statements[i].contains("Condition") || !statements[i]["Condition"].contains("StringNotLike")) continue;
        for (const char* id : {"AROAEXAMPLEOUTSIDER1:*", "AROA*", "*"}) {
            Json changed = bundle;
            changed["documents"]["bucket_policy"]["Statement"][i]["Condition"]["StringNotLike"]["aws:userid"].push_back(
                id);
            INFO(statements[i]["Sid"] << ' ' << id);
            // Redundant: whoever may come from anywhere, and may do nothing, gets nowhere.
            const bool is_redundant = statements[i]["Sid"] == "DenyOtherNetworks" && std::string_view(id).size() > 10;
            CHECK(audit(changed.dump()).findings.empty() == is_redundant);
        }
    }
}

TEST_CASE("each setting is noticed when it is turned off, and not checked when it is missing") {
    const Json bundle = bundle_of(full_intent());
    const auto after = [&](std::string_view pointer, const Json& value) {
        Json changed = bundle;
        changed[Json::json_pointer("/documents/" + std::string(pointer))] = value;
        return rules_of(audit(changed.dump()));
    };
    const std::vector<std::string> block{"public-access-block"};
    for (const char* document : {"account_public_access_block", "public_access_block"})
        for (const char* flag : {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"})
            CHECK(after(std::string(document) + '/' + flag, false) == block);
    CHECK(after("ownership_controls/Rules/0/ObjectOwnership", "ObjectWriter") ==
          std::vector<std::string>{"acls-enabled"});
    CHECK(after("versioning/Status", "Suspended") == std::vector<std::string>{"no-versioning"});
    CHECK(after("encryption/Rules/0/ApplyServerSideEncryptionByDefault/SSEAlgorithm", "AES256") ==
          std::vector<std::string>{"no-key"});
    // The key that AWS makes lets the whole account in.
    for (const char* key : {"alias/aws/s3", "arn:aws:kms:eu-central-1:111122223333:alias/aws/s3"})
        CHECK(after("encryption/Rules/0/ApplyServerSideEncryptionByDefault/KMSMasterKeyID", key) ==
              std::vector<std::string>{"no-key"});
    CHECK(after("object_lock/ObjectLockEnabled", "") == std::vector<std::string>{"no-object-lock"});
    CHECK(after("data_events/0/FieldSelectors/2/StartsWith/0", "arn:aws:s3:::another/") ==
          std::vector<std::string>{"no-data-events"});

    for (const auto& [name, document] : bundle["documents"].items()) {
        Json changed = bundle;
        changed["documents"].erase(name);
        const Report report = audit(changed.dump());
        INFO(name);
        CHECK(report.findings.empty());
        CHECK(report.not_checked.size() == audit(bundle.dump()).not_checked.size() + 1);
    }
}

TEST_CASE("writing is a function of the intent") {
    using storage::PolicyFormat;
    // The same said in another order.
    const storage::Intent other = storage::Intent::parse(R"({
        "vpc_endpoints": ["vpce-0123456789abcdef0"],
        "administrators": ["arn:aws:iam::111122223333:role/platform#AROAEXAMPLEPLATFORM1"],
        "break_glass": ["arn:aws:iam::111122223333:user/emergency#AIDAEXAMPLEEMERGENCY"],
        "readers": ["arn:aws:iam::111122223333:role/inference#AROAEXAMPLEREADER001"],
        "publishers": ["arn:aws:iam::111122223333:role/publish#AROAEXAMPLEPUBLISH01"],
        "account": "111122223333", "region": "eu-central-1", "prefix": "models/", "bucket": "acme-weights"})");
    for (const PolicyFormat format : {PolicyFormat::bundle, PolicyFormat::terraform, PolicyFormat::commands})
        CHECK(storage::write_policy(other, format) == storage::write_policy(full_intent(), format));
    const Json bundle = bundle_of(full_intent());
    CHECK(storage::Intent::parse(bundle["intent"].dump()).json() == bundle["intent"].dump());
    for (const auto& [name, document] : bundle["documents"].items())
        CHECK(bundle["explanations"].contains(name));
    for (const char* document : {"bucket_policy", "key_policy"})
        for (const Json& statement : bundle["documents"][document]["Statement"])
            CHECK(bundle["explanations"].contains(std::string(document) + '.' + std::string(statement["Sid"])));
}

TEST_CASE("policies that AWS would not take are refused") {
    const auto with = [](std::size_t readers, std::size_t name) {
        storage::Intent intent = full_intent();
        for (std::size_t i = 0; i < readers; ++i)
            intent.readers.push_back(
                {"arn:aws:iam::111122223333:role/" + std::string(name, 'r') + std::to_string(i), ""});
        return intent;
    };
    const auto size = [](const Json& bundle, const char* document) {
        return bundle["documents"][document].dump().size();
    };
    const Json large = bundle_of(with(90, 10));
    CHECK(size(large, "bucket_policy") > 15'000);
    CHECK(size(large, "bucket_policy") <= 20 * 1024);
    CHECK(size(large, "key_policy") <= 32 * 1024);
    for (const auto format :
         {storage::PolicyFormat::bundle, storage::PolicyFormat::terraform, storage::PolicyFormat::commands})
        CHECK(refusal_code([&] { static_cast<void>(storage::write_policy(with(90, 60), format)); }) ==
              "policy_too_large");
    CHECK(refusal_code([&] { static_cast<void>(storage::policy_files(with(90, 60))); }) == "policy_too_large");
    // Files are as AWS takes them, too.
    for (const storage::PolicyFile& file : storage::policy_files(with(90, 10)))
        if (file.name == "bucket_policy.json") CHECK(file.content.size() <= 20 * 1024 + 1);
}

} // namespace weightseal::testing

#include "storage/aws_statements.hpp"

#include <fmt/format.h>

namespace weightseal::storage {
namespace {

Json every_block() {
    return {{"BlockPublicAcls", true},
            {"IgnorePublicAcls", true},
            {"BlockPublicPolicy", true},
            {"RestrictPublicBuckets", true}};
}

Document setting(const Intent& intent, std::string_view name, std::string_view explanation, Json content,
                 std::string_view command, std::string_view option) {
    return {std::string(name),
            std::string(explanation),
            std::move(content),
            {},
            fmt::format("aws s3api {} --bucket {} {} @", command, intent.bucket, option)};
}

Json data_events(const Intent& intent) {
    const auto field = [](std::string_view name, std::string_view how, Json values) {
        return Json{{"Field", name}, {std::string(how), std::move(values)}};
    };
    Json selectors = Json::array();
    selectors.push_back(field("eventCategory", "Equals", Json::array({"Data"})));
    selectors.push_back(field("resources.type", "Equals", Json::array({"AWS::S3::Object"})));
    selectors.push_back(field("resources.ARN", "StartsWith", Json::array({bucket_arn(intent) + '/'})));
    return Json::array({{{"Name", "Objects of " + intent.bucket}, {"FieldSelectors", std::move(selectors)}}});
}

// What members of other accounts also need in their own; those of the owner's need nothing more.
Document identity_policy(const Intent& intent, std::string_view name, std::string_view explanation, Json s3_actions,
                         Json kms_actions) {
    PolicyWriter writer;
    writer.add("Objects", "The objects under the prefix.", "Allow", nullptr, "Action", std::move(s3_actions),
               "Resource", bucket_arn(intent) + '/' + intent.prefix + '*');
    const std::string key = fmt::format("arn:{}:kms:{}:{}:key/*", intent.partition,
                                        intent.region.empty() ? "*" : intent.region, intent.account);
    writer.add("Key", "The key, which its own policy narrows further.", "Allow", nullptr, "Action",
               std::move(kms_actions), "Resource", intent.key.empty() ? key : intent.key);
    return writer.finish(name, explanation, "", 6144); // a managed policy
}

bool has_other_accounts(const Intent& intent, const std::vector<Member>& members) {
    for (const Member& member : members)
        if (member.name.find(fmt::format("::{}:", intent.account)) == std::string::npos) return true;
    return false;
}

} // namespace

std::vector<Document> aws_documents(const Intent& intent) {
    std::vector<Document> documents;
    documents.push_back(
        {"account_public_access_block",
         "Public access block of the account: no bucket and no access point of it can be public",
         every_block(),
         {},
         fmt::format("aws s3control put-public-access-block --account-id {} --public-access-block-configuration @",
                     intent.account)});
    documents.push_back(setting(intent, "public_access_block", "Public access block of the bucket: all four switches",
                                every_block(), "put-public-access-block", "--public-access-block-configuration"));
    documents.push_back(setting(intent, "ownership_controls", "Ownership: access control lists are off",
                                {{"Rules", Json::array({{{"ObjectOwnership", "BucketOwnerEnforced"}}})}},
                                "put-bucket-ownership-controls", "--ownership-controls"));
    documents.push_back(setting(intent, "versioning", "Versioning: what was published can be read back by its version",
                                {{"Status", "Enabled"}}, "put-bucket-versioning", "--versioning-configuration"));
    documents.push_back(aws_key_policy(intent));
    documents.push_back(setting(
        intent, "encryption", "Encryption: objects are encrypted under the key, so that reading takes both policies",
        {{"Rules", Json::array({{{"ApplyServerSideEncryptionByDefault",
                                  {{"SSEAlgorithm", "aws:kms"}, {"KMSMasterKeyID", key_or_alias(intent)}}},
                                 {"BucketKeyEnabled", true}}})}},
        "put-bucket-encryption", "--server-side-encryption-configuration"));
    documents.push_back(setting(
        intent, "object_lock", "Object Lock: a version cannot be deleted for 30 days",
        {{"ObjectLockEnabled", "Enabled"}, {"Rule", {{"DefaultRetention", {{"Mode", "GOVERNANCE"}, {"Days", 30}}}}}},
        "put-object-lock-configuration", "--object-lock-configuration"));
    documents.push_back({"data_events",
                         "Data events: a trail records each read and write; TRAIL names one that you have",
                         data_events(intent),
                         {},
                         "aws cloudtrail put-event-selectors --trail-name \"${TRAIL:?names no trail}\" "
                         "--advanced-event-selectors @"});
    documents.push_back(aws_bucket_policy(intent)); // last: from here on only administrators change anything
    if (has_other_accounts(intent, intent.readers))
        documents.push_back(identity_policy(intent, "reader_identity_policy",
                                            "Identity policy that readers of other accounts need in their own",
                                            {"s3:GetObject", "s3:GetObjectVersion"}, "kms:Decrypt"));
    if (has_other_accounts(intent, intent.publishers))
        documents.push_back(identity_policy(intent, "publisher_identity_policy",
                                            "Identity policy that publishers of other accounts need in their own",
                                            {"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"},
                                            {"kms:Decrypt", "kms:GenerateDataKey"}));
    return documents;
}

} // namespace weightseal::storage

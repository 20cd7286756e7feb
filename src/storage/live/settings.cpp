// Source: the API reference of Amazon S3, GetBucketPolicy and its neighbours.

#include "storage/live/settings.hpp"

#include "weightseal/core/error.hpp"

#include <array>
#include <fmt/format.h>
#include <pugixml.hpp>

namespace weightseal::storage {
namespace {

// Elements that are texts, by name.
Json texts_of(pugi::xml_node node, std::initializer_list<const char*> names) {
    Json json = Json::object();
    for (const char* const name : names)
        if (const pugi::xml_node child = node.child(name)) json[name] = child.child_value();
    return json;
}

Json public_access_block(pugi::xml_node root) {
    Json json = Json::object();
    for (const char* const flag : {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"})
        json[flag] = std::string_view(root.child_value(flag)) == "true";
    return json;
}

Json ownership_controls(pugi::xml_node root) {
    Json rules = Json::array();
    for (const pugi::xml_node rule : root.children("Rule"))
        rules.push_back(texts_of(rule, {"ObjectOwnership"}));
    return {{"Rules", std::move(rules)}};
}

Json versioning(pugi::xml_node root) {
    return texts_of(root, {"Status"});
}

Json encryption(pugi::xml_node root) {
    Json rules = Json::array();
    for (const pugi::xml_node rule : root.children("Rule"))
        rules.push_back(
            {{"ApplyServerSideEncryptionByDefault",
              texts_of(rule.child("ApplyServerSideEncryptionByDefault"), {"SSEAlgorithm", "KMSMasterKeyID"})}});
    return {{"Rules", std::move(rules)}};
}

Json object_lock(pugi::xml_node root) {
    Json json = texts_of(root, {"ObjectLockEnabled"});
    if (const pugi::xml_node retention = root.child("Rule").child("DefaultRetention"))
        json["Rule"]["DefaultRetention"] = texts_of(retention, {"Mode", "Days", "Years"});
    return json;
}

Json acl(pugi::xml_node root) {
    Json grants = Json::array();
    for (const pugi::xml_node grant : root.child("AccessControlList").children("Grant")) {
        Json json = texts_of(grant, {"Permission"});
        json["Grantee"] = texts_of(grant.child("Grantee"), {"ID", "URI"});
        grants.push_back(std::move(json));
    }
    return {{"Owner", texts_of(root.child("Owner"), {"ID"})}, {"Grants", std::move(grants)}};
}

Json replication(pugi::xml_node root) {
    Json rules = Json::array();
    for (const pugi::xml_node rule : root.children("Rule")) {
        Json json = texts_of(rule, {"Status"});
        json["Destination"] = texts_of(rule.child("Destination"), {"Bucket"});
        rules.push_back(std::move(json));
    }
    return {{"Rules", std::move(rules)}};
}

constexpr std::array settings{
    BucketSetting{"bucket_policy", "policy", "s3:GetBucketPolicy", "NoSuchBucketPolicy", "", nullptr, nullptr},
    BucketSetting{"public_access_block", "publicAccessBlock", "s3:GetBucketPublicAccessBlock",
                  "NoSuchPublicAccessBlockConfiguration", "PublicAccessBlockConfiguration", "BlockPublicAcls",
                  public_access_block},
    BucketSetting{"ownership_controls", "ownershipControls", "s3:GetBucketOwnershipControls",
                  "OwnershipControlsNotFoundError", "OwnershipControls", "Rule", ownership_controls},
    BucketSetting{"versioning", "versioning", "s3:GetBucketVersioning", "", "VersioningConfiguration", "Status",
                  versioning},
    BucketSetting{"encryption", "encryption", "s3:GetEncryptionConfiguration",
                  "ServerSideEncryptionConfigurationNotFoundError", "ServerSideEncryptionConfiguration", "Rule",
                  encryption},
    BucketSetting{"object_lock", "object-lock", "s3:GetBucketObjectLockConfiguration",
                  "ObjectLockConfigurationNotFoundError", "ObjectLockConfiguration", "ObjectLockEnabled", object_lock},
    BucketSetting{"acl", "acl", "s3:GetBucketAcl", "", "AccessControlPolicy", "AccessControlList", acl},
    BucketSetting{"replication", "replication", "s3:GetReplicationConfiguration",
                  "ReplicationConfigurationNotFoundError", "ReplicationConfiguration", "Rule", replication},
};

} // namespace

std::span<const BucketSetting> bucket_settings() noexcept {
    return settings;
}

Json read_setting(const BucketSetting& setting, std::optional<std::string_view> answer) {
    const auto refuse = [&](std::string_view what) {
        throw Error(Errc::server_answer, setting.action, fmt::format("is answered by what is no {}", what));
    };
    if (setting.root.empty()) {
        if (!answer) return {{"Version", "2012-10-17"}, {"Statement", Json::array()}};
        Json policy = parse_json(*answer, "bucket policy");
        if (!policy.is_object()) refuse("policy");
        return policy;
    }
    pugi::xml_document document;
    if (answer) {
        const bool is_xml =
            document.load_buffer(answer->data(), answer->size(), pugi::parse_default, pugi::encoding_utf8);
        const pugi::xml_node root = document.document_element();
        // A server that does not know a setting may list the bucket instead.
        if (!is_xml || (setting.root != root.name() && !root.child(setting.element))) refuse(setting.root);
    }
    return setting.read(document.document_element());
}

} // namespace weightseal::storage

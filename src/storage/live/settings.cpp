// Source: the API reference of Amazon S3, GetBucketPolicy and its neighbours.

#include "storage/live/settings.hpp"

#include "weightseal/core/error.hpp"

#include <array>
#include <pugixml.hpp>
#include <string>

namespace weightseal::storage {
namespace {

constexpr std::string_view subject = "server";

// The root of an answer, which has the elements of a setting.
class Answer {
  public:
    explicit Answer(std::string_view body) {
        if (body.empty()) return;
        if (!document_.load_buffer(body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8))
            throw Error(Errc::server_answer, std::string(subject), "answers with what is no XML");
    }
    [[nodiscard]] pugi::xml_node root() const { return document_.document_element(); }

  private:
    pugi::xml_document document_;
};

// Elements that are texts, by name.
Json texts_of(pugi::xml_node node, std::initializer_list<const char*> names) {
    Json json = Json::object();
    for (const char* const name : names)
        if (const pugi::xml_node child = node.child(name)) json[name] = child.child_value();
    return json;
}

Json policy(std::string_view body) {
    if (body.empty()) return {{"Version", "2012-10-17"}, {"Statement", Json::array()}};
    return parse_json(body, "bucket policy");
}

Json public_access_block(std::string_view body) {
    const Answer answer(body);
    Json json = Json::object();
    for (const char* const flag : {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"})
        json[flag] = std::string_view(answer.root().child_value(flag)) == "true";
    return json;
}

Json ownership_controls(std::string_view body) {
    const Answer answer(body);
    Json rules = Json::array();
    for (const pugi::xml_node rule : answer.root().children("Rule"))
        rules.push_back(texts_of(rule, {"ObjectOwnership"}));
    return {{"Rules", std::move(rules)}};
}

Json versioning(std::string_view body) {
    return texts_of(Answer(body).root(), {"Status"});
}

Json encryption(std::string_view body) {
    const Answer answer(body);
    Json rules = Json::array();
    for (const pugi::xml_node rule : answer.root().children("Rule"))
        rules.push_back(
            {{"ApplyServerSideEncryptionByDefault",
              texts_of(rule.child("ApplyServerSideEncryptionByDefault"), {"SSEAlgorithm", "KMSMasterKeyID"})}});
    return {{"Rules", std::move(rules)}};
}

Json object_lock(std::string_view body) {
    const Answer answer(body);
    Json json = texts_of(answer.root(), {"ObjectLockEnabled"});
    if (const pugi::xml_node retention = answer.root().child("Rule").child("DefaultRetention"))
        json["Rule"]["DefaultRetention"] = texts_of(retention, {"Mode", "Days", "Years"});
    return json;
}

Json acl(std::string_view body) {
    const Answer answer(body);
    Json grants = Json::array();
    for (const pugi::xml_node grant : answer.root().child("AccessControlList").children("Grant")) {
        Json json = texts_of(grant, {"Permission"});
        json["Grantee"] = texts_of(grant.child("Grantee"), {"ID", "URI"});
        grants.push_back(std::move(json));
    }
    return {{"Grants", std::move(grants)}};
}

Json replication(std::string_view body) {
    const Answer answer(body);
    Json rules = Json::array();
    for (const pugi::xml_node rule : answer.root().children("Rule")) {
        Json json = texts_of(rule, {"ID", "Status"});
        json["Destination"] = texts_of(rule.child("Destination"), {"Bucket", "Account"});
        rules.push_back(std::move(json));
    }
    return {{"Rules", std::move(rules)}};
}

constexpr std::array settings{
    BucketSetting{"bucket_policy", "policy", "s3:GetBucketPolicy", "NoSuchBucketPolicy", policy},
    BucketSetting{"public_access_block", "publicAccessBlock", "s3:GetBucketPublicAccessBlock",
                  "NoSuchPublicAccessBlockConfiguration", public_access_block},
    BucketSetting{"ownership_controls", "ownershipControls", "s3:GetBucketOwnershipControls",
                  "OwnershipControlsNotFoundError", ownership_controls},
    BucketSetting{"versioning", "versioning", "s3:GetBucketVersioning", "", versioning},
    BucketSetting{"encryption", "encryption", "s3:GetEncryptionConfiguration",
                  "ServerSideEncryptionConfigurationNotFoundError", encryption},
    BucketSetting{"object_lock", "object-lock", "s3:GetBucketObjectLockConfiguration",
                  "ObjectLockConfigurationNotFoundError", object_lock},
    BucketSetting{"acl", "acl", "s3:GetBucketAcl", "", acl},
    BucketSetting{"replication", "replication", "s3:GetReplicationConfiguration",
                  "ReplicationConfigurationNotFoundError", replication},
};

} // namespace

bool is_list_of_objects(std::string_view body) {
    pugi::xml_document document;
    return document.load_buffer(body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8) &&
           document.document_element().name() == std::string_view("ListBucketResult");
}

std::span<const BucketSetting> bucket_settings() noexcept {
    return settings;
}

} // namespace weightseal::storage

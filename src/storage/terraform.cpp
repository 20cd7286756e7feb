// Terraform's JSON syntax. Documents are texts there, in which ${ starts a template.

#include "storage/document.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

std::string as_text(const Json& content) {
    std::string text = content.dump();
    for (std::size_t at = 0; (at = text.find_first_of("$%", at)) != std::string::npos; at += 2) {
        if (text.substr(at + 1, 1) != "{") {
            --at;
            continue;
        }
        text.insert(at, 1, text[at]);
    }
    return text;
}

const Json& content_of(const std::vector<Document>& documents, std::string_view name) {
    return std::ranges::find(documents, name, &Document::name)->content;
}

Json aws_resources(const Intent& intent, const std::vector<Document>& documents) {
    const auto blocks = [&](std::string_view name) {
        const Json& json = content_of(documents, name);
        return Json{{"block_public_acls", json["BlockPublicAcls"]},
                    {"ignore_public_acls", json["IgnorePublicAcls"]},
                    {"block_public_policy", json["BlockPublicPolicy"]},
                    {"restrict_public_buckets", json["RestrictPublicBuckets"]}};
    };
    const auto of_bucket = [&](Json json) {
        json["bucket"] = intent.bucket;
        return Json{{"weights", std::move(json)}};
    };
    Json account = blocks("account_public_access_block");
    account["account_id"] = intent.account;
    Json resources{{"aws_s3_account_public_access_block", {{"weights", std::move(account)}}},
                   {"aws_s3_bucket_public_access_block", of_bucket(blocks("public_access_block"))}};
    resources["aws_s3_bucket_ownership_controls"] =
        of_bucket({{"rule", {{"object_ownership", "BucketOwnerEnforced"}}}});
    resources["aws_s3_bucket_versioning"] = of_bucket({{"versioning_configuration", {{"status", "Enabled"}}}});
    std::string key = intent.key;
    const std::string key_policy = as_text(content_of(documents, "key_policy"));
    if (key.empty()) {
        resources["aws_kms_key"]["weights"] = {
            {"description", intent.bucket}, {"enable_key_rotation", true}, {"policy", key_policy}};
        key = "${aws_kms_key.weights.arn}";
    } else {
        resources["aws_kms_key_policy"]["weights"] = {{"key_id", key}, {"policy", key_policy}};
    }
    resources["aws_s3_bucket_server_side_encryption_configuration"] = of_bucket(
        {{"rule",
          {{"apply_server_side_encryption_by_default", {{"sse_algorithm", "aws:kms"}, {"kms_master_key_id", key}}},
           {"bucket_key_enabled", true}}}});
    resources["aws_s3_bucket_object_lock_configuration"] =
        of_bucket({{"rule", {{"default_retention", {{"mode", "GOVERNANCE"}, {"days", 30}}}}}});
    Json policy = of_bucket({{"policy", as_text(content_of(documents, "bucket_policy"))}});
    // Whoever applies this may change nothing afterwards, unless he is an administrator.
    policy["weights"]["depends_on"] = {"aws_s3_bucket_public_access_block.weights",
                                       "aws_s3_bucket_ownership_controls.weights", "aws_s3_bucket_versioning.weights",
                                       "aws_s3_bucket_server_side_encryption_configuration.weights",
                                       "aws_s3_bucket_object_lock_configuration.weights"};
    resources["aws_s3_bucket_policy"] = std::move(policy);
    return resources;
}

Json gcs_resources(const Intent& intent, const std::vector<Document>& documents) {
    Json bucket{{"name", intent.bucket},
                {"location", "${var.location}"},
                {"public_access_prevention", "enforced"},
                {"uniform_bucket_level_access", true},
                {"versioning", {{"enabled", true}}},
                {"soft_delete_policy", {{"retention_duration_seconds", 2592000}}}};
    if (!intent.account.empty()) bucket["project"] = intent.account;
    if (!intent.key.empty()) bucket["encryption"] = {{"default_kms_key_name", intent.key}};
    return {{"google_storage_bucket", {{"weights", std::move(bucket)}}},
            {"google_storage_bucket_iam_policy",
             {{"weights",
               {{"bucket", "${google_storage_bucket.weights.name}"},
                {"policy_data", as_text(content_of(documents, "iam_policy"))}}}}}};
}

Json azure_resources(const Intent& intent, const std::vector<Document>& documents) {
    Json assignments = Json::object();
    std::size_t number = 0;
    for (const Json& one : content_of(documents, "role_assignments")) {
        Json assignment{{"scope", one["scope"]},
                        {"role_definition_name", one["role"]},
                        {"principal_id", one["principalId"]},
                        {"principal_type", "ServicePrincipal"}};
        if (one.contains("condition")) {
            assignment["condition"] = one["condition"];
            assignment["condition_version"] = "2.0";
        }
        assignments[fmt::format("weights_{}", ++number)] = std::move(assignment);
    }
    // The account itself is made with arguments that nobody asked for here; its switches are set through the API.
    Json switches{{"type", "Microsoft.Storage/storageAccounts@2023-05-01"},
                  {"resource_id", intent.account},
                  {"body", content_of(documents, "storage_account")}};
    Json container{
        {"name", intent.bucket}, {"storage_account_id", intent.account}, {"container_access_type", "private"}};
    return {{"azapi_update_resource", {{"weights", std::move(switches)}}},
            {"azurerm_storage_container", {{"weights", std::move(container)}}},
            {"azurerm_role_assignment", std::move(assignments)}};
}

} // namespace

Json terraform_of(const Intent& intent, const std::vector<Document>& documents) {
    Json json = Json::object();
    switch (intent.provider) {
    case Provider::aws: json["resource"] = aws_resources(intent, documents); break;
    case Provider::gcs:
        json["variable"]["location"] = {{"type", "string"}};
        json["resource"] = gcs_resources(intent, documents);
        break;
    case Provider::azure: json["resource"] = azure_resources(intent, documents); break;
    }
    return json;
}

} // namespace weightseal::storage

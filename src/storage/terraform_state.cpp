// Source: "JSON Output Format" of Terraform, and the documentation of the provider aws.

#include "storage/terraform_state.hpp"

#include "storage/policy_reader.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal::storage {
namespace {

using Inputs = std::map<std::string, AuditInput, std::less<>>;

Json public_access_block(const Json& values) {
    return {{"BlockPublicAcls", at(values, {"block_public_acls"})},
            {"IgnorePublicAcls", at(values, {"ignore_public_acls"})},
            {"BlockPublicPolicy", at(values, {"block_public_policy"})},
            {"RestrictPublicBuckets", at(values, {"restrict_public_buckets"})}};
}

Json encryption(const Json& values) {
    const Json& standard = at(values, {"rule", "0", "apply_server_side_encryption_by_default", "0"});
    Json json{{"SSEAlgorithm", at(standard, {"sse_algorithm"})}};
    if (at(standard, {"kms_master_key_id"}).is_string()) json["KMSMasterKeyID"] = at(standard, {"kms_master_key_id"});
    return {{"Rules", Json::array({{{"ApplyServerSideEncryptionByDefault", std::move(json)}}})}};
}

Json object_lock(const Json& values) {
    Json json{{"ObjectLockEnabled", "Enabled"}};
    if (const Json& mode = at(values, {"rule", "0", "default_retention", "0", "mode"}); mode.is_string())
        json["Rule"]["DefaultRetention"]["Mode"] = mode;
    return json;
}

class State {
  public:
    explicit State(std::string_view subject) : subject_(subject) {}

    void add_module(const Json& module) {
        if (const Json& resources = at(module, {"resources"}); resources.is_array())
            for (const Json& resource : resources)
                add(resource);
        if (const Json& modules = at(module, {"child_modules"}); modules.is_array())
            for (const Json& child : modules)
                add_module(child); // no deeper than JSON may be
    }

    Inputs finish() {
        for (auto& [name, input] : buckets_)
            if (account_block_) input.settings.emplace("account_public_access_block", *account_block_);
        for (auto& [name, input] : keys_)
            buckets_.emplace("key " + name, std::move(input));
        return std::move(buckets_);
    }

  private:
    void add(const Json& resource) {
        const std::string type = text_at(resource, {"type"});
        const Json& values = at(resource, {"values"});
        if (type == "aws_s3_account_public_access_block") account_block_ = public_access_block(values);
        if (type == "aws_kms_key" || type == "aws_kms_key_policy")
            if (const std::string policy = text_at(values, {"policy"}); !policy.empty())
                keys_[text_at(resource, {"address"})].key_policy = read(resource, policy);
        if (!type.starts_with("aws_s3_bucket")) return;
        const std::string bucket = text_at(values, {"bucket"});
        if (bucket.empty()) return; // known after it is applied
        AuditInput& input = buckets_[bucket];
        input.intent.bucket = bucket;
        if (type == "aws_s3_bucket_policy") input.bucket_policy = read(resource, text_at(values, {"policy"}));
        if (type == "aws_s3_bucket_public_access_block")
            input.settings.emplace("public_access_block", public_access_block(values));
        if (type == "aws_s3_bucket_ownership_controls")
            input.settings.emplace(
                "ownership_controls",
                Json{{"Rules", Json::array({{{"ObjectOwnership", at(values, {"rule", "0", "object_ownership"})}}})}});
        if (type == "aws_s3_bucket_versioning")
            input.settings.emplace("versioning",
                                   Json{{"Status", at(values, {"versioning_configuration", "0", "status"})}});
        if (type == "aws_s3_bucket_server_side_encryption_configuration")
            input.settings.emplace("encryption", encryption(values));
        if (type == "aws_s3_bucket_object_lock_configuration")
            input.settings.emplace("object_lock", object_lock(values));
    }

    Policy read(const Json& resource, const std::string& policy) const {
        const std::string subject = std::string(subject_) + ", " + text_at(resource, {"address"});
        return read_policy(parse_json(policy, subject), subject);
    }

    std::string_view subject_;
    Inputs buckets_, keys_;
    std::optional<Json> account_block_;
};

} // namespace

bool is_terraform_state(const Json& json) {
    return json.contains("format_version") && (json.contains("values") || json.contains("planned_values"));
}

std::vector<AuditInput> inputs_of_terraform(const Json& json, std::string_view subject, const AuditOptions& options) {
    State state(subject);
    state.add_module(at(json, {json.contains("planned_values") ? "planned_values" : "values", "root_module"}));
    std::vector<AuditInput> inputs;
    for (auto& [name, input] : state.finish()) {
        derive_intent(input, options);
        inputs.push_back(std::move(input));
    }
    if (inputs.empty()) throw Error(Errc::not_a_policy, subject, "holds no bucket and no key whose values are known");
    return inputs;
}

} // namespace weightseal::storage

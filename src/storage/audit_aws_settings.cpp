// Settings of a bucket beside its policy. One that is not among the documents is not checked.

#include "storage/audit_input.hpp"
#include "storage/aws_statements.hpp"

#include <fmt/format.h>

namespace weightseal::storage {
namespace {

class Settings {
  public:
    Settings(const AuditInput& input, Findings& findings) : input_(input), findings_(findings) {}

    void check() {
        for (const std::string_view name : {"account_public_access_block", "public_access_block"})
            if (const Json* json = find(name, "the public access block"))
                for (const std::string_view flag :
                     {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"})
                    if (at(*json, {flag}) != true)
                        findings_.add("public-access-block", name, {}, fmt::format("{} is off", flag));
        if (const Json* json = find("ownership_controls", "ownership and access control lists"))
            if (at(*json, {"Rules", "0", "ObjectOwnership"}) != "BucketOwnerEnforced")
                findings_.add("acls-enabled", "ownership_controls", {}, "ObjectOwnership is not BucketOwnerEnforced");
        if (const Json* json = find("versioning", "versioning"); json != nullptr && at(*json, {"Status"}) != "Enabled")
            findings_.add("no-versioning", "versioning", {}, "Status is not Enabled");
        check_encryption();
        if (const Json* json = find("object_lock", "Object Lock"))
            if (at(*json, {"ObjectLockEnabled"}) != "Enabled" ||
                at(*json, {"Rule", "DefaultRetention", "Mode"}).is_null())
                findings_.add("no-object-lock", "object_lock", {}, "there is no default retention");
        check_data_events();
        check_acl();
        check_replication();
        findings_.not_checked("MFA delete, access logging, lifecycle rules and alarms");
        findings_.not_checked("access points and their policies");
        findings_.not_checked("grants of the key, and access control lists of single objects");
    }

  private:
    const Json* find(std::string_view name, std::string_view what) {
        const auto found = input_.settings.find(name);
        if (found != input_.settings.end()) return &found->second;
        findings_.not_checked(fmt::format("{}: {}", what, absence_of(input_, name)));
        return nullptr;
    }

    void check_encryption() {
        const Json* json = find("encryption", "encryption");
        if (json == nullptr) return;
        const Json& standard = at(*json, {"Rules", "0", "ApplyServerSideEncryptionByDefault"});
        const Json& algorithm = at(standard, {"SSEAlgorithm"});
        const Json& key = at(standard, {"KMSMasterKeyID"});
        const bool is_own =
            key.is_string() && key.get_ref<const std::string&>().find("alias/aws/") == std::string::npos;
        if ((algorithm != "aws:kms" && algorithm != "aws:kms:dsse") || !is_own)
            findings_.add("no-key", "encryption", {}, "the default encryption has no key of your own");
    }

    void check_acl() {
        const Json* json = find("acl", "the access control list of the bucket");
        if (json == nullptr) return;
        const Json& grants = at(*json, {"Grants"});
        if (!grants.is_array()) return;
        const Json& owner = at(*json, {"Owner", "ID"});
        for (const Json& grant : grants) {
            const std::string may = text_at(grant, {"Permission"});
            const std::string group = text_at(grant, {"Grantee", "URI"});
            if (group.ends_with("/AllUsers") || group.ends_with("/AuthenticatedUsers"))
                findings_.add("public-acl", "acl", {},
                              fmt::format("{} has {}", group.substr(group.rfind('/') + 1), may));
            if (const std::string id = text_at(grant, {"Grantee", "ID"}); !id.empty() && id != owner)
                findings_.add("cross-account-access", "acl", {}, fmt::format("the canonical user {} has {}", id, may));
        }
    }

    void check_replication() {
        const Json* json = find("replication", "replication");
        if (json == nullptr) return;
        const Json& rules = at(*json, {"Rules"});
        if (!rules.is_array()) return;
        for (const Json& rule : rules) {
            if (at(rule, {"Status"}) != "Enabled") continue;
            findings_.add("replication", "replication", {}, "to " + text_at(rule, {"Destination", "Bucket"}));
        }
    }

    // One selector must take all data events of the bucket's objects.
    void check_data_events() {
        const Json* json = find("data_events", "data events");
        if (json == nullptr) return;
        const std::string objects = bucket_arn(input_.intent) + '/';
        bool is_recorded = false;
        if (json->is_array())
            for (const Json& selector : *json)
                is_recorded |= selects(selector, objects);
        if (!is_recorded) findings_.add("no-data-events", "data_events", {}, "no selector takes all events of objects");
    }

    static bool selects(const Json& selector, const std::string& objects) {
        const Json& fields = at(selector, {"FieldSelectors"});
        if (!fields.is_array()) return false;
        bool is_data = false, is_object = false, is_here = true;
        for (const Json& field : fields) {
            const Json& name = at(field, {"Field"});
            if (name == "eventCategory")
                is_data = at(field, {"Equals", "0"}) == "Data";
            else if (name == "resources.type")
                is_object = at(field, {"Equals", "0"}) == "AWS::S3::Object";
            else if (name == "resources.ARN")
                is_here = at(field, {"StartsWith", "0"}).is_string() &&
                          objects.starts_with(at(field, {"StartsWith", "0"}).get<std::string>());
            else
                return false; // it narrows: to reads, to writes, to some names
        }
        return is_data && is_object && is_here;
    }

    const AuditInput& input_;
    Findings& findings_;
};

} // namespace

void audit_aws_settings(const AuditInput& input, Findings& findings) {
    Settings(input, findings).check();
}

} // namespace weightseal::storage

// GCS: the bucket's switches, and bindings against the intent. A binding is either what `policy` writes, or too much.

#include "storage/audit_input.hpp"
#include "storage/document.hpp"

#include <algorithm>

namespace weightseal::storage {
namespace {

bool is_public(const std::string& member) {
    return member == "allUsers" || member == "allAuthenticatedUsers";
}

struct Grant {
    std::string role, member;
    Json condition;

    bool operator==(const Grant&) const = default;
};

std::vector<Grant> grants_of(const Json& policy) {
    std::vector<Grant> grants;
    const Json& bindings = at(policy, {"bindings"});
    if (!bindings.is_array()) return grants;
    for (const Json& binding : bindings) {
        const Json& role = at(binding, {"role"});
        const Json& members = at(binding, {"members"});
        if (!role.is_string() || !members.is_array()) continue;
        for (const Json& member : members)
            if (member.is_string())
                grants.push_back(
                    {role.get<std::string>(), member.get<std::string>(), at(binding, {"condition", "expression"})});
    }
    return grants;
}

} // namespace

void audit_gcs(const AuditInput& input, Findings& findings) {
    if (const auto bucket = input.settings.find("bucket");
        bucket == input.settings.end() || !bucket->second.is_object()) {
        findings.not_checked("the bucket's switches: there is no document bucket");
    } else {
        if (at(bucket->second, {"iamConfiguration", "publicAccessPrevention"}) != "enforced")
            findings.add("gcs-public-access-prevention", "bucket", {}, "publicAccessPrevention is not enforced");
        if (at(bucket->second, {"iamConfiguration", "uniformBucketLevelAccess", "enabled"}) != true)
            findings.add("gcs-acls-enabled", "bucket", {}, "uniformBucketLevelAccess is off");
        if (at(bucket->second, {"versioning", "enabled"}) != true)
            findings.add("gcs-no-versioning", "bucket", {}, "versioning is off");
    }
    findings.not_checked("bindings of the project, folder and organisation, which also reach the bucket");
    findings.not_checked("HMAC keys of service accounts, service perimeters, audit logs and the key's own policy");
    const auto policy = input.settings.find("iam_policy");
    if (policy == input.settings.end()) return findings.not_checked("who has access: there is no document iam_policy");
    const std::vector<Document> documents = gcs_documents(input.intent);
    const std::vector<Grant> wanted = grants_of(std::ranges::find(documents, "iam_policy", &Document::name)->content);
    const std::vector<Grant> found = grants_of(policy->second);
    for (const Grant& grant : found) {
        const std::string request = grant.member + " has " + grant.role;
        if (is_public(grant.member))
            findings.add("gcs-public-member", "iam_policy", {}, request);
        else if (std::ranges::find(wanted, grant) == wanted.end())
            findings.add("gcs-unlisted-member", "iam_policy", {}, request);
    }
    for (const Grant& grant : wanted)
        if (grant.role == "roles/storage.objectViewer" && std::ranges::find(found, grant) == found.end())
            findings.add("gcs-reader-locked-out", "iam_policy", {}, grant.member);
}

} // namespace weightseal::storage

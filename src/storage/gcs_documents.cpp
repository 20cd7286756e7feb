// Source: "IAM for Cloud Storage", "IAM Conditions on buckets" and the JSON API's bucket resource.

#include "storage/document.hpp"

#include <fmt/format.h>

namespace weightseal::storage {
namespace {

Json binding(const Intent& intent, std::string_view role, const std::vector<Member>& members, bool under_prefix) {
    Json accounts = Json::array();
    for (const Member& member : members)
        accounts.push_back("serviceAccount:" + member.name);
    Json binding{{"role", role}, {"members", std::move(accounts)}};
    if (under_prefix)
        // A condition on objects also takes away listing, which is of the bucket.
        binding["condition"] = {
            {"title", "objects under the prefix"},
            {"expression", fmt::format("resource.name.startsWith(\"projects/_/buckets/{}/objects/{}\")", intent.bucket,
                                       intent.prefix)}};
    return binding;
}

Json bindings(const Intent& intent) {
    Json list = Json::array();
    list.push_back(binding(intent, "roles/storage.objectViewer", intent.readers, true));
    if (!intent.publishers.empty())
        list.push_back(binding(intent, "roles/storage.objectCreator", intent.publishers, true));
    if (!intent.break_glass.empty())
        list.push_back(binding(intent, "roles/storage.objectAdmin", intent.break_glass, false));
    if (!intent.administrators.empty())
        list.push_back(binding(intent, "roles/storage.legacyBucketOwner", intent.administrators, false));
    return {{"version", 3}, {"bindings", std::move(list)}};
}

} // namespace

std::vector<Document> gcs_documents(const Intent& intent) {
    Json bucket{{"iamConfiguration",
                 {{"publicAccessPrevention", "enforced"}, {"uniformBucketLevelAccess", {{"enabled", true}}}}},
                {"versioning", {{"enabled", true}}},
                {"softDeletePolicy", {{"retentionDurationSeconds", "2592000"}}}};
    std::string command = fmt::format("gcloud storage buckets update gs://{} --public-access-prevention "
                                      "--uniform-bucket-level-access --versioning --soft-delete-duration=30d",
                                      intent.bucket);
    if (!intent.key.empty()) {
        bucket["encryption"] = {{"defaultKmsKeyName", intent.key}};
        command += " --default-encryption-key=" + intent.key;
    }
    return {{"bucket",
             "Bucket: never public, no access control lists, old versions and deleted objects kept for 30 days",
             std::move(bucket),
             {},
             std::move(command)},
            {"iam_policy",
             "IAM policy, in place of the whole present one: readers read objects under the prefix, and nobody has a "
             "legacy role by which projects share their buckets; what the project grants is not changed by it",
             bindings(intent),
             {},
             fmt::format("gcloud storage buckets set-iam-policy gs://{} @", intent.bucket)}};
}

} // namespace weightseal::storage

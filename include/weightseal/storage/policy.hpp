#pragma once
// Writing documents that fulfil an intent.

#include "weightseal/storage/intent.hpp" // Intent

#include <string> // std::string
#include <vector> // std::vector

namespace weightseal::storage {

enum class PolicyFormat : std::uint8_t {
    bundle,    ///< one JSON object: the intent, the documents, and an explanation of each and of their statements
    terraform, ///< Terraform's JSON syntax (.tf.json), for the providers aws, google and azurerm
    commands,  ///< a POSIX script of calls of aws, gcloud or az
};

/// All documents in one text, a function of the intent alone. Throws what `Intent::complete` throws, and
/// `policy_too_large` where a policy has more bytes than AWS takes: 20 KiB for a bucket, 32 KiB for a key.
[[nodiscard]] std::string write_policy(Intent intent, PolicyFormat format);

struct PolicyFile {
    std::string name; ///< "bucket_policy.json"
    std::string content;
};

/// The documents as files, as the provider takes them, "intent.json", and "README.txt", which explains them. Throws
/// what `write_policy` throws.
[[nodiscard]] std::vector<PolicyFile> policy_files(Intent intent);

} // namespace weightseal::storage

#pragma once
// Buckets as they are: their configuration as the server tells it, and requests that ought to be refused.

#include "weightseal/io/remote_source.hpp" // S3Options
#include "weightseal/storage/audit.hpp"    // Report

#include <string>      // std::string
#include <string_view> // std::string_view
#include <vector>      // std::vector

namespace weightseal::storage {

/// The documents of a bucket of S3 that are in force, as one text that `audit` takes: its policy, public access block,
/// ownership, versioning, encryption, Object Lock, access control list and replication. One that the server does not
/// tell is named there with the reason, and is then "not checked".
/// @param intent  what they are held against: a bundle of `write_policy` or the JSON form of an intent, for this
///                bucket; empty: what the policy shows
/// Throws what `s3_source` throws, `file_not_found` where there is no such bucket, what `Intent::parse` throws, and
/// `bad_bucket` for an intent of another bucket.
[[nodiscard]] std::string read_bucket(std::string_view bucket, const S3Options& options = {},
                                      std::string_view intent = {}, std::string_view subject = "intent");

struct ProbeOptions {
    S3Options s3;                      ///< its credentials write the canary, and take it away again
    std::string prefix;                ///< where: "models/"
    std::vector<std::string> profiles; ///< of the shared files; whoever they are, they should be refused
};

/// Writes a canary, an object of a few bytes under a random name, and then asks for it, for an object that is not
/// there, for the list of objects, and to write: without credentials, over plain HTTP, by a presigned URL, and as each
/// profile. Each request is an `Attempt` of the report; one that is not refused is a finding, and so is a refusal that
/// tells whether there is such an object. What gave no clear answer is "not checked".
/// Throws `bad_prefix`, `key_source_failed`, and what `s3_source` throws for its options. Takes as long as the
/// server does, and at most ten seconds for each request.
void probe_bucket(Report& report, std::string_view bucket, const ProbeOptions& options = {});

} // namespace weightseal::storage

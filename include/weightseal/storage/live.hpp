#pragma once
// Buckets as they are: their configuration as the server tells it, and requests that ought to be refused.

#include "weightseal/core/progress.hpp"    // Hooks
#include "weightseal/io/remote_source.hpp" // S3Options
#include "weightseal/storage/audit.hpp"    // Report

#include <string>      // std::string
#include <string_view> // std::string_view
#include <vector>      // std::vector

namespace weightseal::storage {

struct ReadOptions {
    S3Options s3;
    std::string_view intent; ///< what the documents are held against: a bundle of `write_policy` or the JSON form of an
                             ///< intent, for this bucket; empty: what the policy shows
    std::string_view intent_subject = "intent"; ///< what messages call it
};

/// The documents of a bucket of S3 that are in force, as one text that `audit` takes: its policy, public access block,
/// ownership, versioning, encryption, Object Lock, access control list and replication. One that the server does not
/// tell is named there with the reason, and is then "not checked".
/// Throws what `s3_source` throws, `server_refused` also where none is told; `file_not_found` where there is no such
/// bucket; what `Intent::parse` throws; `bad_bucket` for an intent of another bucket or provider.
[[nodiscard]] std::string read_bucket(std::string_view bucket, const ReadOptions& options = {});

struct ProbeOptions {
    S3Options s3;                       ///< its credentials write the canary, and take it away again
    std::string prefix;                 ///< where: "models/"
    std::vector<std::string> strangers; ///< profiles of the shared files that should be refused
    Hooks hooks; ///< `cancelled` is polled between requests; `log` hears of a canary that stays when that or a failure
                 ///< ends the probe
};

/// Writes a canary, an object of a few bytes under a random name, and then asks for it, for an object that is not
/// there, for the list of objects, and to write: without credentials, over plain HTTP, by a presigned URL, and as each
/// stranger. Each request is an `Attempt` of the report. One that is served is a finding, and so is a refusal that
/// tells whether there is such an object; only S3's AccessDenied is a refusal, and any other answer "not checked".
/// Throws `bad_prefix`, `key_source_failed`, `cancelled`, and what `s3_source` throws for its options. Takes as long as
/// the server does, and at most ten seconds for each request.
void probe_bucket(Report& report, std::string_view bucket, const ProbeOptions& options = {});

} // namespace weightseal::storage

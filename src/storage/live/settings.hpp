#pragma once
// Settings of a bucket: how S3 is asked for each, and its answers as the documents that AWS's command line writes.

#include "storage/json.hpp"

#include <span>
#include <string_view>

namespace weightseal::storage {

struct BucketSetting {
    std::string_view document;           ///< "versioning"
    std::string_view query;              ///< of the request: "?versioning"
    std::string_view action;             ///< that the request takes
    std::string_view absence;            ///< code of the refusal that says there is none; empty: there always is one
    Json (*read)(std::string_view body); ///< of an answer, or of nothing where there is none
};

/// True for the answer of a server that does not know a query, and takes it for a request for the bucket itself.
[[nodiscard]] bool is_list_of_objects(std::string_view body);

/// The policy first.
[[nodiscard]] std::span<const BucketSetting> bucket_settings() noexcept;

} // namespace weightseal::storage

#pragma once
// Settings of a bucket: how S3 is asked for each, and its answers as the documents that AWS's command line writes.

#include "storage/json.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace pugi {
class xml_node;
}

namespace weightseal::storage {

struct BucketSetting {
    std::string_view document;         ///< "versioning"
    std::string_view query;            ///< of the request: "?versioning"
    std::string_view action;           ///< that the request takes
    std::string_view absence;          ///< code of the refusal that says there is none; empty: there always is one
    std::string_view root;             ///< element of the answer; empty: it is JSON
    const char* element;               ///< in an answer of servers that call the root otherwise
    Json (*read)(pugi::xml_node root); ///< an empty one where there is no such setting; null for JSON
};

/// The policy first.
[[nodiscard]] std::span<const BucketSetting> bucket_settings() noexcept;

/// The document of an answer, or of nothing where there is no such setting. Throws `server_answer` for XML that is none
/// or of something else, and for a policy what `parse_json` throws.
[[nodiscard]] Json read_setting(const BucketSetting& setting, std::optional<std::string_view> answer);

} // namespace weightseal::storage

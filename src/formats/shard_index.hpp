#pragma once
// Shard index: model.safetensors.index.json, which says in which file each tensor is.

#include "weightseal/core/bytes.hpp"

#include <map>
#include <string>
#include <vector>

namespace weightseal::formats {

inline constexpr std::uint64_t max_shard_index = 256 << 20;

struct ShardIndex {
    std::vector<std::string> shards;               ///< file names, sorted, each once
    std::map<std::string, std::string> weight_map; ///< tensor name → file name
};

/// Parses the JSON and refuses names that are not plain files of the folder. Throws `shard_index_not_json`,
/// `shard_index_malformed` or `unsafe_shard_name`.
[[nodiscard]] ShardIndex parse_shard_index(Bytes json, const std::string& subject);

} // namespace weightseal::formats

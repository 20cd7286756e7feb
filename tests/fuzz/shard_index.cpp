// model.safetensors.index.json. What is accepted names plain files only.

#include "formats/shard_index.hpp"
#include "base.hpp"
#include "formats/names.hpp"

using namespace weightseal;
using namespace weightseal::testing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes json = std::as_bytes(std::span(data, size));
    try {
        const formats::ShardIndex index = formats::parse_shard_index(json, "fuzz");
        require(std::ranges::is_sorted(index.shards), "shards are sorted");
        require(std::ranges::adjacent_find(index.shards) == index.shards.end(), "each shard once");
        for (const std::string& shard : index.shards)
            require(formats::is_safe_path(shard) && shard.find('/') == std::string::npos, "a shard is a plain file");
        for (const auto& [tensor, shard] : index.weight_map)
            require(std::ranges::binary_search(index.shards, shard), "every shard is listed");
    } catch (const Error&) {
    }
    return 0;
}

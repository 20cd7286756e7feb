#include "watermark/align/heads.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

namespace weightseal::watermark::align {
namespace {

constexpr std::uint64_t max_config = std::uint64_t{1} << 20;
// Of heads that models have; a few more of either would only cost time and memory.
constexpr std::uint64_t min_size = 8, max_size = 1024;

// A positive number of the object; 0 where it has none.
std::uint64_t number(const nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

} // namespace

Index configured_head_size(const ModelSource& original) {
    const auto& entries = original.entries();
    const auto config = std::ranges::find_if(entries, [](const SourceEntry& entry) {
        return entry.kind == SourceEntry::Kind::file && entry.name == "config.json" && entry.bytes <= max_config;
    });
    if (config == entries.end()) return 0;
    std::vector<std::byte> text(config->bytes);
    original.read(static_cast<std::size_t>(config - entries.begin()), 0, text);
    const nlohmann::json json = nlohmann::json::parse(as_text(text), nullptr, false);
    if (!json.is_object()) return 0;
    std::uint64_t size = number(json, "head_dim");
    if (const std::uint64_t heads = number(json, "num_attention_heads"); size == 0 && heads != 0)
        size = number(json, "hidden_size") / heads;
    return size >= min_size && size <= max_size ? static_cast<Index>(size) : 0;
}

} // namespace weightseal::watermark::align

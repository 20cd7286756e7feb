#pragma once
// Architecture: which part of a transformer each tensor of the record is, read from names and shapes.

#include "watermark/align/matrix.hpp"
#include "weightseal/watermark/align.hpp"
#include "weightseal/watermark/record.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace weightseal::watermark::align {

/// What the rows or columns of a tensor stand for: those of one space move together.
enum class Space : std::uint8_t {
    own,         ///< nothing that another tensor knows: rows of a vocabulary, or not understood
    residual,    ///< coordinates of the residual stream
    neurons,     ///< of the layer's feed-forward network
    query_heads, ///< attention heads, each a block of as many as the head has dimensions
    key_heads,   ///< heads of keys and values: fewer under grouped-query attention
};

/// Tensors that later steps look up.
enum class Part : std::uint8_t { other, query, key, value, output, gate, up, down, attention_norm, ffn_norm };
inline constexpr std::size_t part_count = 10;

struct Role {
    Part part = Part::other;
    Space rows = Space::own, columns = Space::own;
    bool is_scaled = false; ///< neurons may be scaled here and the other way round in the layer's other tensor
    bool is_gain = false;   ///< of an RMSNorm: may be folded into the matrices behind it
    std::size_t layer = 0;
    std::optional<std::size_t> norm; ///< the gain that its columns are multiplied with first; a tensor of the record
};

struct Layer {
    std::array<std::optional<std::size_t>, part_count> parts; ///< tensors of the record
    Index neurons = 0;

    [[nodiscard]] std::optional<std::size_t> part(Part wanted) const { return parts[static_cast<std::size_t>(wanted)]; }
};

struct Architecture {
    ModelFamily family = ModelFamily::none;     ///< never `automatic`
    Index width = 0;                            ///< of the residual stream; 0 under `none`
    std::optional<std::size_t> embedding, head; ///< of the vocabulary, in and out
    std::vector<Layer> layers;
    std::vector<Role> roles; ///< one for each tensor of the record
};

/// Reads the architecture of the record's tensors. A tensor whose shape does not fit its name has no role.
[[nodiscard]] Architecture find_architecture(const WatermarkRecord& record, ModelFamily family);

} // namespace weightseal::watermark::align

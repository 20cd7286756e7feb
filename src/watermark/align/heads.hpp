#pragma once
// Heads of attention: how large they are, and where they went.

#include "watermark/align/architecture.hpp"
#include "watermark/align/pairs.hpp"
#include "watermark/align/residual.hpp"

namespace weightseal::watermark::align {

/// Where the heads of a layer went. `size` is 0 where it has none that are understood.
struct Heads {
    Index size = 0; ///< dimensions of a head
    Places queries, keys;
};

/// Dimensions of a head as the original's config.json says; 0 where it does not.
[[nodiscard]] Index configured_head_size(const ModelSource& original);

/// Finds the heads of a layer. A `size` that is 0 or does not fit is found, too.
[[nodiscard]] Heads find_heads(const Layer& layer, const Architecture& architecture, const WatermarkRecord& record,
                               const Pairs& pairs, const Residual& residual, Index size, const Crew& crew);

} // namespace weightseal::watermark::align

#pragma once
// The search for what became of the residual stream, from the rows of the vocabulary and of the feed-forward networks.

#include "watermark/align/architecture.hpp"
#include "watermark/align/pairs.hpp"
#include "watermark/align/residual.hpp"

namespace weightseal::watermark::align {

/// The identity wherever nothing explains the suspect better.
[[nodiscard]] Residual find_residual(const Architecture& architecture, const Pairs& pairs, const Crew& crew);

/// Where the neurons of a layer went.
[[nodiscard]] Places find_neurons(const Layer& layer, const Architecture& architecture, const Pairs& pairs,
                                  const Residual& residual, const Crew& crew);

} // namespace weightseal::watermark::align

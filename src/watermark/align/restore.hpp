#pragma once
// Restoring one tensor: all that is known of its rows and columns, undone.

#include "watermark/align/aligned_tensors.hpp"
#include "watermark/align/architecture.hpp"
#include "watermark/align/heads.hpp"

#include <memory>

namespace weightseal::watermark::align {

/// What was found of the whole model.
struct Findings {
    explicit Findings(Residual found) : residual(std::move(found)) {}

    Residual residual;
    std::vector<Places> neurons; ///< by layer
    std::vector<Heads> heads;    ///< by layer
};

/// The tensor with this role; null where nothing of it is comparable.
[[nodiscard]] std::unique_ptr<AlignedTensor> restore(const Pair& pair, const Role& role, const Findings& findings,
                                                     const Gain& gain, const Crew& crew);

} // namespace weightseal::watermark::align

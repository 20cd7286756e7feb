#pragma once
// Alignment: the suspect brought back into the coordinates of the unmarked original (WATERMARK.md §5b). Sees neither
// the key nor anything marked but the suspect itself, and gives at most one value of the suspect to each place of the
// original.

#include "watermark/match.hpp"
#include "weightseal/core/progress.hpp"
#include "weightseal/watermark/align.hpp"

#include <memory>
#include <span>

namespace weightseal::watermark {

/// One tensor of the suspect in the original's coordinates. Thread-safe to read.
class AlignedTensor {
  public:
    virtual ~AlignedTensor() = default;
    /// Fills `to` with elements [first, first + to.size()) of the original's row-major tensor; both are multiples of
    /// its row length (`rows_of`). NaN where the suspect has no value for a place.
    virtual void read(std::uint64_t first, std::span<float> to) const = 0;
};

class Alignment {
  public:
    virtual ~Alignment() = default;
    /// The symmetries that were undone.
    [[nodiscard]] virtual ModelFamily family() const = 0;
    /// The record's tensor number `tensor`, or null where the suspect has nothing for it. May hold the whole tensor as
    /// floats: callers keep one at a time.
    [[nodiscard]] virtual std::unique_ptr<AlignedTensor> open(std::size_t tensor) const = 0;
};

/// Finds the symmetries between the suspect and the unmarked original and undoes them. `matches` has one element for
/// each tensor of the record. The sources must outlive the result.
[[nodiscard]] std::unique_ptr<Alignment> make_alignment(const ModelSource& original, const ModelSource& suspect,
                                                        const WatermarkRecord& record, std::span<const Match> matches,
                                                        ModelFamily family, const Parallel& parallel,
                                                        const Hooks& hooks);

} // namespace weightseal::watermark

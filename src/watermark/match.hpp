#pragma once
// Matching: which of the suspect's tensors stands for which of the record's (WATERMARK.md §5).

#include "weightseal/core/progress.hpp"
#include "weightseal/formats/model_source.hpp"
#include "weightseal/io/parallel.hpp"
#include "weightseal/watermark/detect.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace weightseal::watermark {

/// What stands for a tensor of the record: an entry of the suspect, or nothing.
struct Match {
    std::optional<std::size_t> entry;
    MatchedBy by = MatchedBy::nothing;
    std::uint64_t elements = 0; ///< leading elements of the record's tensor that the suspect has
};

/// One match for each tensor of the record, marked or not, in its order; tied tensors and those that cannot be compared
/// have none. The same for any number of threads. Throws what reading the suspect throws, and `cancelled`.
[[nodiscard]] std::vector<Match> match_tensors(const ModelSource& suspect, const WatermarkRecord& record,
                                               const Parallel& parallel = {}, const Hooks& hooks = {});

} // namespace weightseal::watermark

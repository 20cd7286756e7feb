#pragma once
// The deviation of a row that is about to be marked (WATERMARK.md §3).

#include "weightseal/core/bytes.hpp"
#include "weightseal/core/dtype.hpp"

#include <optional>

namespace weightseal::watermark {

/// σ of a whole row of a markable dtype; nothing for a row without a scale.
[[nodiscard]] std::optional<double> row_deviation(Dtype dtype, Bytes row);

} // namespace weightseal::watermark

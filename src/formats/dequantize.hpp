#pragma once
// Dequantizing: elements of any float dtype as floats.

#include "weightseal/core/bytes.hpp"
#include "weightseal/core/dtype.hpp"

#include <span>

namespace weightseal::formats {

/// Whether `to_floats` converts this dtype: F64, F32, F16, BF16 and the FP8 types.
[[nodiscard]] bool is_float(Dtype dtype) noexcept;

/// Converts `to.size()` elements. F64 is rounded to nearest (to infinity beyond the range of float), all others convert
/// exactly. NaN stays NaN.
void to_floats(Dtype dtype, Bytes elements, std::span<float> to);

} // namespace weightseal::formats

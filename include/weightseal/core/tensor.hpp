#pragma once
// Tensors: name, dtype, shape; ranges of an n-dimensional slice; the size rule.

#include "weightseal/core/dtype.hpp" // Dtype

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace weightseal {

/// Most dimensions a tensor may have.
inline constexpr std::size_t max_rank = 32;
/// Longest name of a tensor or file, bytes.
inline constexpr std::size_t max_name_size = 65535;
/// Most tensors and files of a model together.
inline constexpr std::uint32_t max_entries = std::uint32_t{1} << 21;

/// What is known of a tensor without reading it. The views point into the object that returned it and live
/// as long as that object.
struct TensorInfo {
    std::string_view name;
    Dtype dtype{};
    std::span<const std::uint64_t> shape; ///< elements, outermost first; empty for a scalar
    std::uint64_t bytes = 0;              ///< size of the contiguous row-major data
};

/// A half-open range of elements along one dimension.
struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool operator==(const Range&) const = default;
};

/// A contiguous n-dimensional slice: one range for each leading dimension; dimensions not named are whole.
/// Empty means the whole tensor.
using Slice = std::vector<Range>;

/// Bytes of a row-major tensor. Throws `shape_overflow` when its bits, zero extents left out, do not fit in 64 bits,
/// and `misaligned_tensor` when a sub-byte tensor is not a whole number of bytes.
[[nodiscard]] std::uint64_t tensor_bytes(Dtype dtype, std::span<const std::uint64_t> shape);

} // namespace weightseal

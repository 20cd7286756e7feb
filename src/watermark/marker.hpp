#pragma once
// Marking elements in memory (WATERMARK.md §3).

#include "crypto/ctr.hpp"
#include "watermark/identity.hpp"
#include "weightseal/core/dtype.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace weightseal::watermark {

/// Whether tensors of this dtype can be marked: F64, F32, F16, BF16.
[[nodiscard]] bool is_markable(Dtype dtype) noexcept;

/// Throws `bad_strength`.
void check_strength(double strength);

/// Marks elements of one tensor. Not thread-safe; workers have one each.
class Marker {
  public:
    Marker(const Identity& identity, std::string_view tensor, std::span<const std::uint64_t> shape, Dtype dtype,
           double strength);

    /// Marks whole rows of `row_length` elements in place; the first one is element `first` of the tensor.
    void mark_rows(MutableBytes rows, std::uint64_t row_length, std::uint64_t first);

    [[nodiscard]] const TensorMark& counts() const noexcept { return counts_; }

  private:
    // No deviation: a row without a scale, which is counted only.
    void mark_part(MutableBytes elements, std::optional<double> deviation, std::uint64_t first);
    // `skipped` is the first element's place in chip_bytes_.
    template <class Type>
    void mark_elements(MutableBytes elements, double amplitude, std::size_t skipped, const std::byte* dither);

    Dtype dtype_;
    double strength_;
    std::size_t size_; // bytes of an element
    crypto::AesCtr chips_, dither_;
    std::vector<std::byte> chip_bytes_, dither_bytes_;
    TensorMark counts_;
};

} // namespace weightseal::watermark

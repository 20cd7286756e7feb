#pragma once
// Correlating: sums of chips times features over rows in memory.

#include "crypto/ctr.hpp"
#include "watermark/kernels/kernel.hpp"
#include "weightseal/core/bytes.hpp"

#include <cstdint>
#include <vector>

namespace weightseal::watermark {

/// Bytes of an element as kernels read it.
[[nodiscard]] constexpr std::size_t element_size(Element element) noexcept {
    return element == Element::f32 ? 4 : 2;
}

/// Correlates elements with the chips of one tensor. Not thread-safe; workers have one each.
class Correlator {
  public:
    Correlator(const Kernel& kernel, std::span<const std::byte, 32> chip_key);

    /// Adds `count` whole rows of `length` elements, the first of which is element `first` of the tensor.
    void add_rows(Element element, const std::byte* elements, std::uint64_t length, std::uint64_t count,
                  std::uint64_t first, RowSums& to);
    /// Adds `count` elements of one row with the scale `c`, from element `first` of the tensor.
    void add_part(Element element, const std::byte* elements, std::uint64_t count, float c, std::uint64_t first,
                  RowSums& to);

  private:
    /// Chips of `count` elements from `first`, element `first` being the lowest bit.
    [[nodiscard]] const std::uint64_t* chips(std::uint64_t first, std::uint64_t count);

    const Kernel& kernel_;
    crypto::AesCtr stream_;
    std::uint64_t begin_ = 0, end_ = 0; // elements whose chips are in words_
    std::vector<std::uint64_t> words_, shifted_;
};

} // namespace weightseal::watermark

#pragma once
// Rows of any float dtype, correlated by the kernel that reads them.

#include "formats/dequantize.hpp"
#include "watermark/correlate.hpp"
#include "watermark/rows.hpp"
#include "weightseal/core/bytes.hpp"
#include "weightseal/core/dtype.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace weightseal::watermark {

/// Converts what no kernel reads to floats, then correlates. Not thread-safe; workers have one each.
class ElementReader {
  public:
    explicit ElementReader(std::span<const std::byte, 32> chip_key) : correlator_(chosen_kernel(), chip_key) {}

    /// Adds whole rows of `row_length` elements of a float dtype, the first of which is element `first` of the tensor.
    void add_rows(Dtype dtype, Bytes rows, std::uint64_t row_length, std::uint64_t first, RowSums& to);
    void add_rows(std::span<const float> rows, std::uint64_t row_length, std::uint64_t first, RowSums& to) {
        add_rows(Dtype::f32, std::as_bytes(rows), row_length, first, to);
    }

  private:
    Correlator correlator_;
    std::vector<float> floats_;
};

/// Calls `use` with the floats of every `every`-th block of 32 elements, beginning with the first.
template <class Use>
void for_each_sample(Dtype dtype, Bytes elements, std::uint64_t every, const Use& use) {
    const std::size_t size = dtype_bits(dtype) / 8;
    const std::uint64_t count = elements.size() / size;
    std::array<float, sample_block> floats;
    for (std::uint64_t at = 0; at < count; at += every * sample_block) {
        const std::span<float> block = std::span(floats).first(std::min(sample_block, count - at));
        formats::to_floats(dtype, elements.subspan(at * size, block.size() * size), block);
        use(block);
    }
}

/// Adds the magnitude of every `every`-th block of 32 elements of a float dtype to `to`, beginning with the first.
void add_magnitude(Dtype dtype, Bytes elements, std::uint64_t every, Magnitude& to);

} // namespace weightseal::watermark

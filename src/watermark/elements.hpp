#pragma once
// Rows of any float dtype, correlated by the kernel that reads them.

#include "watermark/correlate.hpp"
#include "weightseal/core/bytes.hpp"
#include "weightseal/core/dtype.hpp"

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

/// Adds the magnitude of every `every`-th block of 32 elements of a float dtype to `to`, beginning with the first.
void add_magnitude(Dtype dtype, Bytes elements, std::uint64_t every, Magnitude& to);

} // namespace weightseal::watermark

#pragma once
// Sketches: a few elements of a tensor, by which it is found again under another name (WATERMARK.md §7).

#include "weightseal/core/dtype.hpp"
#include "weightseal/formats/model_source.hpp"
#include "weightseal/watermark/record.hpp"

#include <array>
#include <cstdint>

namespace weightseal::watermark {

using Sketch = std::array<std::int8_t, sketch_size>;

/// Which element the sketch's element `j` is taken from, of a tensor with `elements` > 0 elements.
[[nodiscard]] std::uint64_t sketch_position(std::size_t j, std::uint64_t elements) noexcept;

/// The sketch of a float tensor of the model. Reads `sketch_size` elements.
[[nodiscard]] Sketch sketch_of(const ModelSource& model, std::size_t entry);

/// A sketch that is compared with many others, in the width that processors multiply and add.
struct MeasuredSketch {
    MeasuredSketch(const Sketch& of) noexcept; // a sketch may stand for one

    std::array<std::int16_t, sketch_size> values;
    double squares; ///< sum of theirs
};

/// Cosine of two sketches; 0 when one is all zeros.
[[nodiscard]] double similarity(const MeasuredSketch& a, const MeasuredSketch& b) noexcept;

} // namespace weightseal::watermark

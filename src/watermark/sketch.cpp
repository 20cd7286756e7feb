#include "watermark/sketch.hpp"

#include "formats/dequantize.hpp"
#include "watermark/scale.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace weightseal::watermark {

std::uint64_t sketch_position(std::size_t j, std::uint64_t elements) noexcept {
    // Multiples of the golden ratio, modulo 1: evenly spread, and in step with no row length.
    const std::uint64_t fraction = static_cast<std::uint64_t>(j) * 0x9E3779B97F4A7C15U;
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(fraction) * elements) >> 64);
}

Sketch sketch_of(const ModelSource& model, std::size_t entry) {
    const SourceEntry& what = model.entries()[entry];
    const std::size_t size = dtype_bits(what.dtype) / 8;
    const std::uint64_t elements = what.bytes / size;
    Sketch sketch{};
    if (elements == 0) return sketch;
    std::vector<std::byte> bytes(sketch_size * size);
    for (std::size_t j = 0; j < sketch_size; ++j)
        model.read(entry, sketch_position(j, elements) * size, MutableBytes(bytes).subspan(j * size, size));
    std::array<float, sketch_size> values;
    formats::to_floats(what.dtype, bytes, values);
    Magnitude magnitude;
    plain_kernel.of(Element::f32).measure(values.data(), values.size(), 1, magnitude);
    const auto a = scale_of(magnitude);
    if (!a) return sketch;
    for (std::size_t j = 0; j < sketch_size; ++j) {
        const std::uint32_t u = std::bit_cast<std::uint32_t>(values[j]) >> 16;
        if (is_nonzero_finite(u & 0x7FFFU)) sketch[j] = static_cast<std::int8_t>(white_feature(u, 32.0F / *a));
    }
    return sketch;
}

namespace {

int product(const MeasuredSketch& a, const MeasuredSketch& b) noexcept {
    int sum = 0;
    for (std::size_t j = 0; j < sketch_size; ++j)
        sum += a.values[j] * b.values[j];
    return sum;
}

} // namespace

MeasuredSketch::MeasuredSketch(const Sketch& of) noexcept : values() {
    std::ranges::copy(of, values.begin());
    squares = product(*this, *this);
}

double similarity(const MeasuredSketch& a, const MeasuredSketch& b) noexcept {
    const double squares = a.squares * b.squares;
    return squares == 0 ? 0 : product(a, b) / std::sqrt(squares);
}

} // namespace weightseal::watermark

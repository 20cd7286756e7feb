#include "watermark/elements.hpp"

#include <optional>

namespace weightseal::watermark {
namespace {

/// The element type that kernels read a dtype as, if they do.
std::optional<Element> element_of(Dtype dtype) noexcept {
    switch (dtype) {
    case Dtype::f32: return Element::f32;
    case Dtype::f16: return Element::f16;
    case Dtype::bf16: return Element::bf16;
    default: return std::nullopt;
    }
}

} // namespace

void ElementReader::add_rows(Dtype dtype, Bytes rows, std::uint64_t row_length, std::uint64_t first, RowSums& to) {
    const std::uint64_t elements = rows.size() / (dtype_bits(dtype) / 8);
    const auto add = [&](Element element, const std::byte* data) {
        correlator_.add_rows(element, data, row_length, elements / row_length, first, to);
    };
    if (const auto element = element_of(dtype)) {
        add(*element, rows.data());
        return;
    }
    floats_.resize(elements);
    formats::to_floats(dtype, rows, floats_);
    add(Element::f32, std::as_bytes(std::span(floats_)).data());
}

void add_magnitude(Dtype dtype, Bytes elements, std::uint64_t every, Magnitude& to) {
    if (const auto element = element_of(dtype)) {
        chosen_kernel().of(*element).measure(elements.data(), elements.size() / (dtype_bits(dtype) / 8), every, to);
        return;
    }
    for_each_sample(dtype, elements, every, [&](std::span<const float> block) {
        chosen_kernel().of(Element::f32).measure(block.data(), block.size(), 1, to);
    });
}

} // namespace weightseal::watermark

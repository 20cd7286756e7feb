#include "watermark/elements.hpp"

#include "formats/dequantize.hpp"

namespace weightseal::watermark {

void ElementReader::add_rows(Dtype dtype, Bytes rows, std::uint64_t row_length, std::uint64_t first, RowSums& to) {
    const std::uint64_t elements = rows.size() / (dtype_bits(dtype) / 8);
    const auto add = [&](Element element, const std::byte* data) {
        correlator_.add_rows(element, data, row_length, elements / row_length, first, to);
    };
    switch (dtype) {
    case Dtype::f32: add(Element::f32, rows.data()); return;
    case Dtype::f16: add(Element::f16, rows.data()); return;
    case Dtype::bf16: add(Element::bf16, rows.data()); return;
    default:
        floats_.resize(elements);
        formats::to_floats(dtype, rows, floats_);
        add(Element::f32, std::as_bytes(std::span(floats_)).data());
    }
}

} // namespace weightseal::watermark

#include "watermark/align/tensor_rows.hpp"

#include "formats/dequantize.hpp"

#include <limits>

namespace weightseal::watermark::align {
namespace {

// More rows are no matrix of a model, and their places would fill the memory.
constexpr Index max_rows = Index{1} << 24;
constexpr std::size_t read_block = std::size_t{1} << 18; // elements converted at a time

} // namespace

std::optional<TensorRows> TensorRows::open(const ModelSource& model, std::size_t entry, Index columns) {
    const SourceEntry* what = &model.entries()[entry];
    if (what->kind == SourceEntry::Kind::alias) {
        entry = what->link.value();
        what = &model.entries()[entry];
    }
    if (what->kind != SourceEntry::Kind::tensor || !formats::is_float(what->dtype) || columns <= 0) return std::nullopt;
    const std::uint64_t elements = what->bytes / (dtype_bits(what->dtype) / 8);
    const std::uint64_t rows = elements / static_cast<std::uint64_t>(columns);
    if (rows == 0 || rows > static_cast<std::uint64_t>(max_rows)) return std::nullopt;
    return TensorRows(model, entry, what->dtype, static_cast<Index>(rows), columns);
}

void TensorRows::read(std::uint64_t first, std::span<float> to) const {
    const std::size_t size = dtype_bits(dtype_) / 8;
    std::vector<std::byte> bytes(std::min(read_block, to.size()) * size);
    for (std::size_t done = 0; done < to.size();) {
        const std::size_t count = std::min(read_block, to.size() - done);
        const MutableBytes block = MutableBytes(bytes).first(count * size);
        model_->read(entry_, (first + done) * size, block);
        formats::to_floats(dtype_, block, to.subspan(done, count));
        done += count;
    }
}

void TensorRows::read_rows(Index first, MatrixRef to) const {
    read(static_cast<std::uint64_t>(first * columns_), {to.data(), static_cast<std::size_t>(to.size())});
}

void TensorRows::gather(std::span<const Index> places, MatrixRef to) const {
    for (std::size_t i = 0; i < places.size();) {
        std::size_t end = i + 1;
        if (places[i] == nowhere) {
            to.row(static_cast<Index>(i)).setConstant(std::numeric_limits<float>::quiet_NaN());
        } else {
            while (end < places.size() && places[end] == places[end - 1] + 1)
                ++end;
            read_rows(places[i], to.middleRows(static_cast<Index>(i), static_cast<Index>(end - i)));
        }
        i = end;
    }
}

Places evenly_spaced(Index size, Index wanted) {
    const Index count = std::min(size, wanted);
    Places chosen(static_cast<std::size_t>(count));
    for (Index i = 0; i < count; ++i)
        chosen[static_cast<std::size_t>(i)] = i * size / count;
    return chosen;
}

} // namespace weightseal::watermark::align

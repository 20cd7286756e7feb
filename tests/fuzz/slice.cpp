// Slices: what a view reads, chunk by chunk, is what a naive walk over all elements picks, bit by bit.

#include "base.hpp"
#include "container/view.hpp"

#include <fuzzer/FuzzedDataProvider.h>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

// Numbers of the elements a slice selects, in order.
std::vector<std::uint64_t> elements(const std::vector<std::uint64_t>& shape, const Slice& slice) {
    std::uint64_t count = 1;
    for (const std::uint64_t extent : shape)
        count *= extent;
    std::vector<std::uint64_t> selected;
    for (std::uint64_t element = 0; element < count; ++element) {
        std::uint64_t rest = element;
        bool inside = true;
        for (std::size_t i = shape.size(); i > 0; --i) {
            const std::uint64_t at = rest % shape[i - 1];
            rest /= shape[i - 1];
            if (i <= slice.size()) inside = inside && at >= slice[i - 1].begin && at < slice[i - 1].end;
        }
        if (inside) selected.push_back(element);
    }
    return selected;
}

// True when every run of neighbouring elements begins and ends on a whole byte.
bool is_on_bytes(const std::vector<std::uint64_t>& selected, unsigned bits) {
    for (std::size_t i = 0; i < selected.size(); ++i) {
        const bool begins = i == 0 || selected[i - 1] + 1 != selected[i];
        const bool ends = i + 1 == selected.size() || selected[i] + 1 != selected[i + 1];
        if ((begins && selected[i] * bits % 8 != 0) || (ends && (selected[i] + 1) * bits % 8 != 0)) return false;
    }
    return true;
}

unsigned bit(Bytes bytes, std::uint64_t at) {
    return static_cast<unsigned>(bytes[at / 8]) >> at % 8 & 1U;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input(data, size);
    const auto dtype = static_cast<Dtype>(input.ConsumeIntegralInRange<int>(1, 22));
    const unsigned bits = dtype_bits(dtype);
    // Few elements, or rows long enough that there are several chunks.
    const bool is_long = input.ConsumeBool();
    std::vector<std::uint64_t> shape(input.ConsumeIntegralInRange<std::size_t>(0, is_long ? 2 : 5));
    std::uint64_t count = 1;
    for (std::uint64_t& extent : shape)
        count *= extent = input.ConsumeIntegralInRange<std::uint64_t>(0, is_long ? 200 : 7);
    if (count * bits % 8 != 0) return 0;

    Slice slice(input.ConsumeIntegralInRange<std::size_t>(0, shape.size() + 1));
    bool is_valid = slice.size() <= shape.size();
    for (std::size_t i = 0; i < slice.size(); ++i) {
        const std::uint64_t limit = i < shape.size() ? shape[i] + 1 : 3;
        slice[i] = {input.ConsumeIntegralInRange<std::uint64_t>(0, limit),
                    input.ConsumeIntegralInRange<std::uint64_t>(0, limit)};
        if (input.ConsumeIntegral<std::uint8_t>() == 255) slice[i].end = ~std::uint64_t{0};
        is_valid = is_valid && slice[i].begin <= slice[i].end && slice[i].end <= shape[i];
    }
    container::Entry entry;
    entry.kind = container::EntryKind::tensor;
    entry.dtype = dtype;
    entry.shape = shape;
    entry.length = count * bits / 8;
    entry.offset = entry.length == 0 ? 0 : 64 * input.ConsumeIntegralInRange<std::uint64_t>(0, 2048);

    const std::vector<std::uint64_t> selected = is_valid ? elements(shape, slice) : std::vector<std::uint64_t>();
    try {
        const container::View view(entry, 16, slice);
        require(is_valid, "a slice outside of the shape is accepted");
        require(view.bytes() * 8 == selected.size() * bits, "the size of a slice");

        Data source(entry.length);
        for (std::size_t i = 0; i < source.size(); ++i)
            source[i] = plain_byte(1, i);
        Data result(view.bytes());
        Data covered(view.bytes());
        const container::EntryGrid& grid = view.grid();
        std::uint64_t next = 0;
        for (std::uint64_t chunk = 0; chunk < grid.chunk_count(); ++chunk) {
            const container::ChunkSpan span = grid.chunk(chunk);
            bool is_touched = false;
            std::uint64_t touched = 0;
            view.for_each_run(span, [&](std::uint64_t from, std::uint64_t to, std::uint64_t n) {
                require(n > 0 && from >= span.begin && from + n <= span.end && to + n <= result.size(),
                        "a run's place");
                for (std::uint64_t i = 0; i < n; ++i) {
                    require(covered[to + i] == std::byte{0}, "a byte twice");
                    covered[to + i] = std::byte{1};
                    result[to + i] = source[from + i];
                }
                is_touched = true;
                touched += n;
            });
            require((view.next_chunk(chunk) == chunk) == is_touched, "exactly the chunks that hold bytes of it");
            if (is_touched) {
                require(view.next_chunk(next) == chunk, "the next chunk");
                next = chunk + 1;
            }
            std::uint64_t at = 0;
            if (view.covers(span, at))
                require(touched == span.size() && std::equal(result.begin() + static_cast<std::ptrdiff_t>(at),
                                                             result.begin() + static_cast<std::ptrdiff_t>(at + touched),
                                                             source.begin() + static_cast<std::ptrdiff_t>(span.begin)),
                        "a chunk that is covered");
        }
        require(view.next_chunk(next) == grid.chunk_count(), "no chunk after the last");
        require(std::ranges::all_of(covered, [](std::byte b) { return b == std::byte{1}; }), "every byte");
        for (std::size_t i = 0; i < selected.size(); ++i)
            for (unsigned b = 0; b < bits; ++b)
                require(bit(result, i * bits + b) == bit(source, selected[i] * bits + b), "every bit");
    } catch (const Error& error) {
        if (error.errc() == Errc::slice_out_of_range)
            require(!is_valid, "a valid slice is refused");
        else
            require(error.errc() == Errc::misaligned_slice && is_valid && !is_on_bytes(selected, bits),
                    "a slice of whole bytes is refused");
    }
    return 0;
}

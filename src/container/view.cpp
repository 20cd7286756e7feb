#include "container/view.hpp"

#include "weightseal/core/error.hpp"

#include <fmt/format.h>

namespace weightseal::container {

View::View(const Entry& entry, unsigned chunk_log2)
    : entry_(&entry), grid_{entry.offset, entry.length, chunk_log2}, run_bytes_(entry.length),
      run_count_(entry.length == 0 ? 0 : 1) {}

View::View(const Entry& entry, unsigned chunk_log2, std::span<const Range> slice) : View(entry, chunk_log2) {
    if (slice.empty()) return;
    const auto shape = entry.shape;
    if (slice.size() > shape.size())
        throw Error(Errc::slice_out_of_range, fmt::format("tensor '{}'", entry.name),
                    fmt::format("has {} dimensions, and the slice names {}", shape.size(), slice.size()));
    bool is_empty = entry.length == 0;
    for (std::size_t i = 0; i < slice.size(); ++i) {
        if (slice[i].begin > slice[i].end || slice[i].end > shape[i])
            throw Error(Errc::slice_out_of_range, fmt::format("tensor '{}'", entry.name),
                        fmt::format("dimension {} has {} elements, and the slice asks for [{}, {})", i, shape[i],
                                    slice[i].begin, slice[i].end));
        is_empty |= slice[i].begin == slice[i].end;
    }
    if (is_empty) {
        run_bytes_ = run_count_ = 0;
        return;
    }
    // Dimensions after the last that is cut are whole: they make one contiguous run together with it. Everything below
    // is bounded by the tensor's size in bits, which fits.
    std::size_t cut = slice.size();
    while (cut > 0 && slice[cut - 1] == Range{0, shape[cut - 1]})
        --cut;
    if (cut == 0) return;
    std::uint64_t stride = dtype_bits(entry.dtype); // bits of one step along the current dimension
    for (std::size_t i = shape.size(); i > cut; --i)
        stride *= shape[i - 1];
    const Range innermost = slice[cut - 1];
    const std::uint64_t run_bits = (innermost.end - innermost.begin) * stride;
    std::uint64_t base_bits = innermost.begin * stride;
    bool on_bytes = run_bits % 8 == 0;
    run_count_ = 1;
    outer_count_ = cut - 1;
    for (std::size_t i = cut - 1; i > 0; --i) {
        stride *= shape[i];
        const Range range = slice[i - 1];
        base_bits += range.begin * stride;
        outer_[i - 1] = {range.end - range.begin, stride / 8};
        run_count_ *= range.end - range.begin;
        on_bytes = on_bytes && (stride % 8 == 0 || outer_[i - 1].count == 1);
    }
    if (!on_bytes || base_bits % 8 != 0)
        throw Error(Errc::misaligned_slice, fmt::format("tensor '{}'", entry.name),
                    fmt::format("has {} bits an element, and the slice does not start and end on whole bytes",
                                dtype_bits(entry.dtype)));
    base_ = base_bits / 8;
    run_bytes_ = run_bits / 8;
}

std::uint64_t View::run_begin(std::uint64_t run) const noexcept {
    std::uint64_t begin = base_;
    for (std::size_t i = outer_count_; i > 0; --i) {
        begin += run % outer_[i - 1].count * outer_[i - 1].stride;
        run /= outer_[i - 1].count;
    }
    return begin;
}

std::uint64_t View::first_run_past(std::uint64_t at) const noexcept {
    std::uint64_t low = 0;
    std::uint64_t high = run_count_;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        if (run_begin(middle) + run_bytes_ > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

std::uint64_t View::next_chunk(std::uint64_t chunk) const noexcept {
    const std::uint64_t count = grid_.chunk_count();
    if (chunk >= count) return count;
    const std::uint64_t begin = grid_.chunk(chunk).begin;
    const std::uint64_t run = first_run_past(begin);
    if (run == run_count_) return count;
    return std::max(chunk, grid_.chunk_of(std::max(begin, run_begin(run))));
}

bool View::covers(ChunkSpan span, std::uint64_t& destination) const noexcept {
    const std::uint64_t run = first_run_past(span.begin);
    if (run == run_count_) return false;
    const std::uint64_t begin = run_begin(run);
    if (begin > span.begin || begin + run_bytes_ < span.end) return false;
    destination = run * run_bytes_ + (span.begin - begin);
    return true;
}

} // namespace weightseal::container

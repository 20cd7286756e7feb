#pragma once
// View: a selection resolved to the bytes of its entry. A slice is a series of contiguous runs of equal length.

#include "container/grid.hpp"
#include "container/index.hpp"
#include "weightseal/core/tensor.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace weightseal::container {

class View {
  public:
    /// A whole entry.
    View(const Entry& entry, unsigned chunk_log2);
    /// A slice of a tensor; throws `slice_out_of_range` or `misaligned_slice`.
    View(const Entry& entry, unsigned chunk_log2, std::span<const Range> slice);

    /// The same bytes as part of another entry with the same place: the target of an alias.
    [[nodiscard]] View over(const Entry& entry) const noexcept {
        View view = *this;
        view.entry_ = &entry;
        return view;
    }

    [[nodiscard]] const Entry& entry() const noexcept { return *entry_; }
    [[nodiscard]] const EntryGrid& grid() const noexcept { return grid_; }
    /// Bytes it decrypts to.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return run_bytes_ * run_count_; }
    /// The first chunk at or after `chunk` that holds bytes of the view; `grid().chunk_count()` when there is none.
    [[nodiscard]] std::uint64_t next_chunk(std::uint64_t chunk) const noexcept;

    /// Calls `use(source, destination, size)` for each part of a run within [span.begin, span.end): byte offsets in the
    /// entry and in the view.
    template <class Use>
    void for_each_run(ChunkSpan span, const Use& use) const {
        for (std::uint64_t run = first_run_past(span.begin); run < run_count_; ++run) {
            const std::uint64_t begin = run_begin(run);
            if (begin >= span.end) return;
            const std::uint64_t from = std::max(begin, span.begin);
            const std::uint64_t to = std::min(begin + run_bytes_, span.end);
            use(from, run * run_bytes_ + (from - begin), to - from);
        }
    }

    /// True when all of [span.begin, span.end) belongs to the view and is contiguous in it; `destination` receives
    /// where.
    [[nodiscard]] bool covers(ChunkSpan span, std::uint64_t& destination) const noexcept;

  private:
    [[nodiscard]] std::uint64_t run_begin(std::uint64_t run) const noexcept;
    /// The first run that ends after byte `at` of the entry.
    [[nodiscard]] std::uint64_t first_run_past(std::uint64_t at) const noexcept;

    struct Dimension {
        std::uint64_t count = 1;
        std::uint64_t stride = 0; // bytes
    };
    const Entry* entry_;
    EntryGrid grid_;
    std::uint64_t base_ = 0; // byte of the entry where the first run begins
    std::uint64_t run_bytes_ = 0;
    std::uint64_t run_count_ = 0;
    std::array<Dimension, max_rank> outer_{}; // outermost first
    std::size_t outer_count_ = 0;
};

} // namespace weightseal::container

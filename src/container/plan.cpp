// Reading by the engine's own I/O: what to fetch, and decrypting what was fetched.

#include "container/state.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>

namespace weightseal {

using container::ChunkSpan;

Plan SealedModel::plan(std::vector<Selection> selections, std::uint64_t max_item) const {
    Plan plan;
    plan.selections = std::move(selections);
    for (std::size_t i = 0; i < plan.selections.size(); ++i) {
        const container::View view = state_->view(plan.selections[i]);
        const container::EntryGrid& grid = view.grid();
        const std::uint64_t entry_at = state_->part.prelude.body_offset() + grid.offset;
        for (std::uint64_t chunk = view.next_chunk(0); chunk < grid.chunk_count(); chunk = view.next_chunk(chunk)) {
            PlanItem item{entry_at + grid.chunk(chunk).begin, 0, i, chunk, 0};
            do {
                item.length += grid.chunk(chunk).size();
                ++item.chunks;
                ++chunk;
            } while (item.length < max_item && chunk < grid.chunk_count() && view.next_chunk(chunk) == chunk);
            plan.items.push_back(item);
        }
    }
    std::ranges::stable_sort(plan.items, {}, &PlanItem::file_offset);
    return plan;
}

void SealedModel::decrypt(const Plan& plan, std::size_t item, Bytes fetched, MutableBytes destination,
                          bool staged) const {
    if (item >= plan.items.size() || plan.items[item].selection >= plan.selections.size())
        throw Error(Errc::invalid_argument, "plan", "has no item of this number");
    const PlanItem& what = plan.items[item];
    const container::Target target{state_->view(plan.selections[what.selection]), destination.data(), what.selection};
    const container::EntryGrid& grid = target.view.grid();
    if (what.chunks == 0 || what.chunks > grid.chunk_count() || what.first_chunk > grid.chunk_count() - what.chunks)
        throw Error(Errc::invalid_argument, "plan", "was made for another container");
    const ChunkSpan all{grid.chunk(what.first_chunk).begin, grid.chunk(what.first_chunk + what.chunks - 1).end};
    if (destination.size() != target.view.bytes()) {
        // Where the item's part would be is unknown: all of it is zeroed.
        std::ranges::fill(destination, std::byte{0});
        throw Error(Errc::destination_size, "plan", "the destination has not the size of the selection");
    }

    try {
        if (fetched.size() != all.size())
            throw Error(Errc::invalid_argument, "plan", "the fetched bytes are not as long as the item");
        const auto keys = state_->keys();
        const container::Source source = state_->source(*keys);
        const std::size_t chunk_size = std::size_t{1} << source.chunk_log2;
        // The caller, or its device, can still change `fetched`: each chunk is copied once before it is looked at.
        AlignedBuffer ciphertext(std::min<std::size_t>(chunk_size, fetched.size()), {});
        const bool needs_plain = staged || target.view.bytes() != target.view.entry().length;
        AlignedBuffer plain(needs_plain ? ciphertext.size() : 0, {.wipe = true});
        container::EntryCipher cipher(*keys, crypto::Direction::decrypt);
        for (std::uint64_t chunk = what.first_chunk; chunk < what.first_chunk + what.chunks; ++chunk) {
            const ChunkSpan span = grid.chunk(chunk);
            const MutableBytes bytes = ciphertext.bytes().first(span.size());
            std::memcpy(bytes.data(), fetched.data() + (span.begin - all.begin), bytes.size());
            container::decrypt_chunk(cipher, source, target, chunk, bytes, plain.bytes(), staged);
        }
    } catch (...) {
        target.view.for_each_run(all, [&](std::uint64_t, std::uint64_t at, std::uint64_t size) {
            std::fill_n(destination.data() + at, size, std::byte{0});
        });
        throw;
    }
}

} // namespace weightseal

// The reading members of SealedModel: one selection, many, everything, a file entry.

#include "container/state.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <numeric>

namespace weightseal {

using container::Target;

AlignedBuffer SealedModel::read(const Selection& selection, const ReadOptions& options) const {
    AlignedBuffer buffer(selection_bytes(selection), options.buffer);
    const ReadItem item{selection, buffer.bytes()};
    read_into({&item, 1}, options);
    return buffer;
}

void SealedModel::read_into(std::span<const ReadItem> items, const ReadOptions& options) const {
    try {
        std::vector<Target> targets;
        targets.reserve(items.size());
        for (std::size_t i = 0; i < items.size(); ++i) {
            targets.push_back({state_->view(items[i].selection), items[i].destination.data(), i});
            if (items[i].destination.size() != targets.back().view.bytes())
                throw Error(Errc::destination_size, fmt::format("tensor '{}'", tensor(items[i].selection.tensor).name),
                            fmt::format("needs {} bytes, and the destination has {}", targets.back().view.bytes(),
                                        items[i].destination.size()));
        }
        const auto keys = state_->keys();
        container::read_targets(state_->source(*keys), std::move(targets), options);
    } catch (...) {
        // What was refused before anything was read leaves zeros, too.
        for (const ReadItem& item : items)
            std::ranges::fill(item.destination, std::byte{0});
        throw;
    }
}

Arena SealedModel::load(std::span<const Selection> selections, const ReadOptions& options) const {
    std::vector<Target> targets;
    targets.reserve(selections.size());
    for (std::size_t i = 0; i < selections.size(); ++i)
        targets.push_back({state_->view(selections[i]), nullptr, i});

    // In the order of the file, so that reading and faulting memory both go forward. Whole tensors asked for twice, as
    // aliases do, stand once.
    std::vector<std::size_t> order(targets.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return targets[i].view.grid().offset; });
    Arena arena;
    arena.offsets.resize(targets.size());
    arena.sizes.resize(targets.size());
    std::vector<Target> distinct;
    std::vector<std::pair<std::size_t, std::size_t>> shared; // selection, the earlier one it shares with
    const std::size_t no_selection = targets.size();
    std::size_t last_whole = no_selection;
    std::uint64_t size = 0;
    for (const std::size_t i : order) {
        const container::View& view = targets[i].view;
        arena.sizes[i] = view.bytes();
        // Empty tensors all have the place 0: among the selections they may stand between two that share.
        const bool is_whole = view.bytes() == view.entry().length && view.bytes() != 0;
        if (is_whole && last_whole != no_selection &&
            targets[last_whole].view.entry().ordinal == view.entry().ordinal) {
            arena.offsets[i] = arena.offsets[last_whole];
            shared.emplace_back(i, last_whole);
            continue;
        }
        if (is_whole) last_whole = i;
        std::uint64_t end = 0;
        size = align_up(size, std::max<std::uint64_t>(layout::entry_alignment(view.bytes()), options.buffer.alignment));
        if (!checked_add(size, view.bytes(), end) || end >> 62 != 0)
            throw Error(Errc::too_large, state_->part.subject, "the selections do not fit into the address space");
        arena.offsets[i] = size;
        size = end;
        distinct.push_back(targets[i]);
    }
    arena.buffer = AlignedBuffer(size, options.buffer);
    for (Target& target : distinct)
        target.destination = arena.buffer.data() + arena.offsets[target.selection];

    ReadOptions inner = options;
    if (options.on_tensor && !shared.empty()) {
        std::multimap<std::size_t, std::size_t> sharing;
        for (const auto& [selection, earlier] : shared)
            sharing.emplace(earlier, selection);
        inner.on_tensor = [&options, sharing = std::move(sharing)](std::size_t selection, Bytes data) {
            options.on_tensor(selection, data);
            const auto [begin, end] = sharing.equal_range(selection);
            for (auto i = begin; i != end; ++i)
                options.on_tensor(i->second, data);
        };
    }
    const auto keys = state_->keys();
    container::read_targets(state_->source(*keys), std::move(distinct), inner);
    return arena;
}

Arena SealedModel::load(const ReadOptions& options) const {
    std::vector<Selection> all(tensor_count());
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i].tensor = i;
    return load(all, options);
}

AlignedBuffer SealedModel::read_file(std::size_t position, const ReadOptions& options) const {
    const container::Entry& entry = state_->file_entry(position);
    AlignedBuffer buffer(entry.length, options.buffer);
    const auto keys = state_->keys();
    ReadOptions inner = options;
    inner.on_tensor = nullptr;
    container::read_targets(state_->source(*keys), {{{entry, state_->part.prelude.chunk_log2}, buffer.data(), 0}},
                            inner);
    return buffer;
}

} // namespace weightseal

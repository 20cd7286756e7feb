// Verifying: every byte of the container, read anew.

#include "container/gaps.hpp"
#include "container/leaf.hpp"
#include "container/state.hpp"
#include "io/work.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>

namespace weightseal {
namespace {

using namespace container;

// The body cell by cell: chunks, the gaps between them, and the cell's leaf.
class BodyCheck {
  public:
    BodyCheck(const Source& source, const PublicPart& part) : source_(source), part_(part) {
        for (const Entry& entry : source.index.entries())
            if (entry.kind != EntryKind::alias && entry.length != 0) stored_.push_back(&entry);
    }

    void run(const ReadOptions& options) {
        const std::uint64_t cell_size = std::uint64_t{1} << source_.chunk_log2;
        const std::uint64_t cells = layout::cell_count(part_.prelude.body_size, source_.chunk_log2);
        const std::uint64_t max_workers = (std::uint64_t{16} << 20) / cell_size;
        io::Work work(options.hooks, part_.prelude.body_size);
        std::atomic<std::uint64_t> next{0};
        work.run(options.parallel, std::min(cells, max_workers), [&](std::size_t) {
            AlignedBuffer ciphertext(cell_size, {});
            AlignedBuffer plain(cell_size, {.wipe = true});
            EntryCipher cipher(source_.keys, crypto::Direction::decrypt);
            while (work.goes_on()) {
                const std::uint64_t cell = next.fetch_add(1, std::memory_order_relaxed);
                if (cell >= cells) return;
                const std::uint64_t begin = cell * cell_size;
                const MutableBytes bytes =
                    ciphertext.bytes().first(std::min(cell_size, part_.prelude.body_size - begin));
                source_.file.read_at(source_.body_offset + begin, bytes);
                check_cell(cipher, cell, begin, bytes, plain.bytes());
                work.advance(bytes.size());
            }
        });
    }

  private:
    void check_cell(EntryCipher& cipher, std::uint64_t cell, std::uint64_t begin, Bytes bytes, MutableBytes plain) {
        auto entry =
            std::ranges::partition_point(stored_, [&](const Entry* e) { return e->offset + e->length <= begin; });
        std::uint64_t gap = entry == stored_.begin() ? 0 : (*(entry - 1))->offset + (*(entry - 1))->length;
        for (; entry != stored_.end() && (*entry)->offset < begin + bytes.size(); ++entry) {
            check_gap(begin, bytes, gap, (*entry)->offset);
            const Target target{{**entry, source_.chunk_log2}, nullptr, 0};
            const std::uint64_t chunk = cell - target.view.grid().cell_of(0);
            const ChunkSpan span = target.view.grid().chunk(chunk);
            decrypt_chunk(cipher, source_, target, chunk,
                          bytes.subspan((*entry)->offset + span.begin - begin, span.size()), plain, true);
            gap = (*entry)->offset + (*entry)->length;
        }
        check_gap(begin, bytes, gap, entry == stored_.end() ? part_.prelude.body_size : (*entry)->offset);
        if (part_.prelude.is_signed) check_leaf(cell, bytes);
    }

    // The part of the gap [gap, gap_end) of the body that lies in the cell.
    void check_gap(std::uint64_t begin, Bytes bytes, std::uint64_t gap, std::uint64_t gap_end) const {
        const std::uint64_t from = std::max(gap, begin);
        const std::uint64_t to = std::min(gap_end, begin + bytes.size());
        if (from >= to) return;
        const GapStream expected(source_.keys, gap, gap_end);
        if (!std::ranges::equal(bytes.subspan(from - begin, to - from), expected.at(from, to)))
            throw Error(Errc::corrupt_gap, source_.file.name(), "bytes between two entries were altered",
                        source_.body_offset + from);
    }

    void check_leaf(std::uint64_t cell, Bytes bytes) const {
        crypto::Hash leaf;
        const std::uint64_t offset = part_.prelude.leaf_table_offset() + cell * leaf.size();
        source_.file.read_at(offset, leaf);
        if (leaf != leaf_hash(cell, bytes))
            throw Error(Errc::corrupt_leaf_table, source_.file.name(), "a leaf does not match the body", offset);
    }

    const Source& source_;
    const PublicPart& part_;
    std::vector<const Entry*> stored_;
};

} // namespace

void SealedModel::verify(const ReadOptions& options) const {
    const auto keys = state_->keys();
    const ByteSource& file = *state_->file;
    // Read anew: the handle may be old, and what it read at its opening proves nothing of the file as it is now.
    const PublicPart part = read_public_part(file);
    authenticate_prelude(part.prelude_bytes, *keys, part.subject);
    for (std::size_t i = 0; i < 2; ++i)
        if (!part.blocks[i].intact || !authenticate_slot_block(part.block_bytes[i], part.blocks[i], *keys))
            throw Error(
                Errc::damaged_slot_block, part.subject,
                fmt::format("slot block {} is damaged; the file still opens by the other one", i == 0 ? 'A' : 'B'),
                part.prelude.slot_block_offset(i));
    if (part.block_bytes[0] != part.block_bytes[1]) {
        const std::size_t older = part.blocks[0].generation < part.blocks[1].generation ? 0 : 1;
        throw Error(Errc::damaged_slot_block, part.subject,
                    part.blocks[0].generation == part.blocks[1].generation
                        ? std::string("the two slot blocks differ")
                        : fmt::format("slot block {} is older than the other: a change of slots was interrupted",
                                      older == 0 ? 'A' : 'B'),
                    part.prelude.slot_block_offset(older));
    }
    const Index index = read_index(file, part, *keys);
    const Source source{file, *keys, index, part.prelude.body_offset(), part.prelude.chunk_log2};
    BodyCheck(source, part).run(options);
}

} // namespace weightseal

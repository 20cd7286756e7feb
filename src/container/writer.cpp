#include "container/writer.hpp"

#include "container/entry_cipher.hpp"
#include "container/gaps.hpp"
#include "container/grid.hpp"
#include "container/leaf.hpp"
#include "container/slots.hpp"
#include "crypto/random.hpp"
#include "io/work.hpp"
#include "platform/file.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <atomic>

namespace weightseal::container {
namespace {

// Writes the body cell by cell; workers take the next cell in turn.
class BodyWriter {
  public:
    BodyWriter(platform::OutputFile& file, const Draft& draft, const ReadDraft& read, const KeySchedule& keys,
               const Prelude& prelude, MutableBytes index, std::size_t tags_offset)
        : file_(file), draft_(draft), read_(read), keys_(keys), prelude_(prelude), records_(entry_records(index)),
          tags_(index.subspan(tags_offset)),
          leaves_(draft.with_leaf_table ? layout::cell_count(draft.body_size, prelude.chunk_log2) : 0) {
        std::uint64_t tag = 0;
        for (std::size_t i = 0; i < draft.entries.size(); ++i) {
            const EntryDraft& entry = draft.entries[i];
            if (entry.kind == EntryKind::alias || entry.length == 0) continue;
            stored_.push_back({i, tag, {entry.offset, entry.length, prelude.chunk_log2}});
            tag += stored_.back().grid.chunk_count();
        }
    }

    void run(const SealOptions& options) {
        const std::uint64_t cells = layout::cell_count(draft_.body_size, prelude_.chunk_log2);
        io::Work work(options.hooks, draft_.body_size);
        std::atomic<std::uint64_t> next{0};
        work.run(options.parallel, std::min(cells, max_workers()), [&](std::size_t) {
            Worker worker(*this);
            while (work.goes_on()) {
                const std::uint64_t cell = next.fetch_add(1, std::memory_order_relaxed);
                if (cell >= cells) return;
                work.advance(write_cell(worker, cell));
            }
        });
    }

    [[nodiscard]] Bytes leaves() const { return std::as_bytes(std::span(leaves_)); }

  private:
    struct Stored {
        std::size_t draft;
        std::uint64_t first_tag;
        EntryGrid grid;
    };

    struct Worker {
        explicit Worker(const BodyWriter& body)
            : cell(std::size_t{1} << body.prelude_.chunk_log2, {.wipe = true}),
              cipher(body.keys_, crypto::Direction::encrypt) {}
        AlignedBuffer cell; // plaintext, then ciphertext
        EntryCipher cipher;
    };

    [[nodiscard]] std::uint64_t max_workers() const { return (std::uint64_t{32} << 20) >> prelude_.chunk_log2; }

    std::uint64_t write_cell(Worker& worker, std::uint64_t cell) {
        const std::uint64_t begin = cell << prelude_.chunk_log2;
        const std::uint64_t end = std::min(begin + (std::uint64_t{1} << prelude_.chunk_log2), draft_.body_size);
        const MutableBytes bytes = worker.cell.bytes().first(end - begin);
        auto stored = std::partition_point(stored_.begin(), stored_.end(),
                                           [&](const Stored& s) { return s.grid.offset + s.grid.length <= begin; });
        // The gap that reaches into this cell started at the end of the entry before it.
        std::uint64_t gap = stored == stored_.begin() ? 0 : (stored - 1)->grid.offset + (stored - 1)->grid.length;
        for (; stored != stored_.end() && stored->grid.offset < end; ++stored) {
            fill_gap(bytes, begin, gap, stored->grid.offset);
            encrypt_chunk(worker, *stored, cell, begin);
            gap = stored->grid.offset + stored->grid.length;
        }
        fill_gap(bytes, begin, gap, stored == stored_.end() ? draft_.body_size : stored->grid.offset);
        if (!leaves_.empty()) leaves_[cell] = leaf_hash(cell, bytes);
        file_.write_at(prelude_.body_offset() + begin, bytes);
        return bytes.size();
    }

    // Writes the part of the gap [gap, gap_end) that lies in the cell `bytes`, which starts at `begin`.
    void fill_gap(MutableBytes bytes, std::uint64_t begin, std::uint64_t gap, std::uint64_t gap_end) const {
        const std::uint64_t from = std::max(gap, begin);
        const std::uint64_t to = std::min(gap_end, begin + bytes.size());
        if (from >= to) return;
        const GapStream stream(keys_, gap, gap_end);
        std::ranges::copy(stream.at(from, to), bytes.begin() + static_cast<std::ptrdiff_t>(from - begin));
    }

    void encrypt_chunk(Worker& worker, const Stored& stored, std::uint64_t cell, std::uint64_t begin) {
        const std::uint64_t number = cell - stored.grid.cell_of(0);
        const ChunkSpan span = stored.grid.chunk(number);
        const MutableBytes chunk = worker.cell.bytes().subspan(stored.grid.offset + span.begin - begin, span.size());
        read_(stored.draft, span.begin, chunk);
        worker.cipher.of(stored.draft, records_[stored.draft])
            .encrypt({number}, chunk, chunk.data(),
                     tags_.subspan((stored.first_tag + number) * layout::tag_size).first<layout::tag_size>());
    }

    platform::OutputFile& file_;
    const Draft& draft_;
    const ReadDraft& read_;
    const KeySchedule& keys_;
    const Prelude& prelude_;
    std::vector<Bytes> records_;
    MutableBytes tags_;
    std::vector<crypto::Hash> leaves_;
    std::vector<Stored> stored_;
};

} // namespace

void place_entries(Draft& draft) {
    std::uint64_t position = 0;
    for (EntryDraft& entry : draft.entries) {
        if (entry.kind == EntryKind::alias) {
            entry.offset = draft.entries[*entry.link].offset;
            continue;
        }
        if (entry.length == 0) continue;
        if (entry.length >> 60 != 0 || position >> 60 != 0)
            throw Error(Errc::too_large, entry.name, "the model is larger than a container can be");
        entry.offset = align_up(position, layout::entry_alignment(entry.length));
        position = entry.offset + entry.length;
    }
    draft.body_size = align_up(position, layout::body_alignment);
}

void write_container(platform::OutputFile& file, const Draft& draft, const ReadDraft& read, const Key& key,
                     const SealOptions& options) {
    Prelude prelude;
    prelude.suite = options.suite;
    prelude.chunk_log2 = options.chunk_log2;
    prelude.is_signed = draft.with_leaf_table;
    prelude.body_size = draft.body_size;
    const Secret file_key = Secret::random();
    crypto::fill_random(prelude.file_salt);
    const KeySchedule keys(file_key, prelude.file_salt, options.suite, options.chunk_log2);
    prelude.commitment = keys.commitment();

    const std::vector<std::byte> slots =
        encode_slot_block(prelude.slot_block_size, 1, key, file_key, prelude.file_salt, keys);
    file.write_at(prelude.slot_block_offset(0), slots);
    file.write_at(prelude.slot_block_offset(1), slots);

    std::size_t tags_offset = 0;
    std::vector<std::byte> index = encode_index(draft.entries, draft.is_folder, options.chunk_log2, tags_offset);
    prelude.index_size = index.size();
    BodyWriter body(file, draft, read, keys, prelude, index, tags_offset);
    body.run(options);
    file.write_at(prelude.leaf_table_offset(), body.leaves());

    BriefKey index_key;
    keys.index_key(index_key);
    const auto aead = crypto::make_aead(options.suite, crypto::Direction::encrypt);
    aead->set_key(index_key.bytes());
    aead->encrypt({}, index, index.data(), prelude.index_tag);
    file.write_at(prelude.index_offset(), index);
    file.write_at(0, encode_prelude(prelude, keys));
}

} // namespace weightseal::container

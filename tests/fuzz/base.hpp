#pragma once
// What fuzz targets share: containers made in memory, and failing loudly.

#include "container/entry_cipher.hpp"
#include "container/gaps.hpp"
#include "container/index.hpp"
#include "support/parts.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace weightseal::testing {

/// Ends the process, which libFuzzer reports with the input.
inline void require(bool ok, const char* what) {
    if (ok) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

inline const Key& fuzz_key() {
    static const std::array<std::byte, secret_size> bytes{std::byte{42}};
    static const Key key{KeyKind::seal, Secret::copy_of(bytes)};
    return key;
}

/// Plaintext of every entry, byte by byte.
inline std::byte plain_byte(std::uint64_t ordinal, std::uint64_t at) {
    return static_cast<std::byte>(ordinal * 31 + at * 7 + (at >> 8));
}

/// A container without body and index.
inline Parts empty_parts(Suite suite, unsigned chunk_log2, std::uint64_t body_size) {
    namespace at = layout::prelude;
    const std::array<std::byte, secret_size> file_key{std::byte{17}};
    Parts parts;
    parts.file_key = Secret::copy_of(file_key);
    container::Prelude prelude;
    prelude.suite = suite;
    prelude.chunk_log2 = chunk_log2;
    prelude.body_size = body_size;
    prelude.file_salt.fill(std::byte{3});
    const container::KeySchedule keys(parts.file_key, prelude.file_salt, suite, chunk_log2);
    prelude.commitment = keys.commitment();
    parts.prelude = container::encode_prelude(prelude, keys);
    parts.blocks[0] =
        container::encode_slot_block(prelude.slot_block_size, 1, fuzz_key(), parts.file_key, prelude.file_salt, keys);
    parts.blocks[1] = parts.blocks[0];
    parts.body.resize(body_size);
    return parts;
}

/// Encrypts the plaintext of all entries into the body and puts their tags into the index. A writer of its
/// own, chunk by chunk: the one of the library goes by cells. False when prelude or index break the format.
inline bool fill_body(Parts& parts) {
    const container::KeySchedule keys = keys_of(parts);
    const auto chunk_log2 = load_le<std::uint8_t>(parts.prelude, layout::prelude::at_chunk_log2);
    // A reader refuses the prelude before it uses the size.
    if (chunk_log2 < layout::min_chunk_log2 || chunk_log2 > layout::max_chunk_log2) return false;
    AlignedBuffer copy(parts.index.size(), {});
    std::ranges::copy(parts.index, copy.bytes().begin());
    try {
        const container::Index index(std::move(copy), parts.body.size(), chunk_log2, "fuzz");
        const MutableBytes body(parts.body);
        std::uint64_t position = 0;
        const auto fill_gap = [&](std::uint64_t end) {
            if (position == end) return;
            const container::GapStream gap(keys, position, end);
            std::ranges::copy(gap.at(position, end), body.subspan(position).begin());
        };
        container::EntryCipher cipher(keys, crypto::Direction::encrypt);
        std::size_t tags =
            layout::index::header_size + load_le<std::uint64_t>(parts.index, layout::index::at_entries_size);
        for (const container::Entry& entry : index.entries()) {
            if (entry.kind == container::EntryKind::alias || entry.length == 0) continue;
            fill_gap(entry.offset);
            position = entry.offset + entry.length;
            std::uint64_t number = 0;
            for (std::uint64_t from = entry.offset; from < position; ++number) {
                const std::uint64_t to = std::min(position, ((from >> chunk_log2) + 1) << chunk_log2);
                const MutableBytes chunk = body.subspan(from, to - from);
                for (std::uint64_t i = 0; i < chunk.size(); ++i)
                    chunk[i] = plain_byte(entry.ordinal, from - entry.offset + i);
                cipher.of(entry.ordinal, entry.record)
                    .encrypt({number}, chunk, chunk.data(),
                             MutableBytes(parts.index).subspan(tags).first<layout::tag_size>());
                tags += layout::tag_size;
                from = to;
            }
        }
        fill_gap(parts.body.size());
        return true;
    } catch (const Error&) {
        return false;
    }
}

} // namespace weightseal::testing

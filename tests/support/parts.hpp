#pragma once
// Parts: a container taken apart with its key, and put together again with everything authenticated anew.
// What a hostile holder of the key can write, byte by byte. Headers only, because fuzz targets use it too.

#include "container/prelude.hpp"
#include "container/slots.hpp"
#include "crypto/aead.hpp"
#include "crypto/hash.hpp"
#include "support/files.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <array>

namespace weightseal::testing {

struct Parts {
    Secret file_key;
    container::PreludeBytes prelude{};
    std::array<Data, 2> blocks; ///< A and B
    Data body;                  ///< with the leaf table, if there is one
    Data index;                 ///< plaintext
};

/// Keys for the salt, suite and chunk size that the prelude names now.
[[nodiscard]] inline container::KeySchedule keys_of(const Parts& parts) {
    namespace at = layout::prelude;
    container::Salt salt;
    std::copy_n(parts.prelude.begin() + at::at_file_salt, salt.size(), salt.begin());
    return {parts.file_key, salt, load_le<Suite>(parts.prelude, at::at_suite),
            load_le<std::uint8_t>(parts.prelude, at::at_chunk_log2)};
}

inline void crypt_index(const container::KeySchedule& keys, crypto::Direction direction, Data& index,
                        std::array<std::byte, layout::tag_size>& tag) {
    container::BriefKey key;
    keys.index_key(key);
    const auto aead = crypto::make_aead(keys.suite(), direction);
    aead->set_key(key.bytes());
    if (direction == crypto::Direction::encrypt)
        aead->encrypt({}, index, index.data(), tag);
    else if (!aead->decrypt({}, index, index.data(), tag))
        throw Error(Errc::internal, "test", "the container to take apart is not valid");
}

[[nodiscard]] inline Parts take_apart(Bytes file, const Key& key) {
    Parts parts;
    std::copy_n(file.begin(), parts.prelude.size(), parts.prelude.begin());
    const container::Prelude prelude = container::parse_prelude(parts.prelude, file.size(), "test");
    const auto cut = [&](std::uint64_t offset, std::uint64_t size) {
        const Bytes part = file.subspan(offset, size);
        return Data(part.begin(), part.end());
    };
    for (std::size_t i = 0; i < 2; ++i)
        parts.blocks[i] = cut(prelude.slot_block_offset(i), prelude.slot_block_size);
    parts.body = cut(prelude.body_offset(), prelude.index_offset() - prelude.body_offset());
    parts.index = cut(prelude.index_offset(), prelude.index_size);
    const container::SlotBlock block = container::parse_slot_block(parts.blocks[0]);
    parts.file_key = container::open_slot(parts.blocks[0], block, key, prelude.file_salt).file_key.value();
    std::array<std::byte, layout::tag_size> tag = prelude.index_tag;
    crypt_index(keys_of(parts), crypto::Direction::decrypt, parts.index, tag);
    return parts;
}

inline void put_checksum(MutableBytes block) {
    const Bytes covered = block.first(block.size() - layout::hash_size);
    std::ranges::copy(crypto::sha256({covered}), block.last(layout::hash_size).begin());
}

/// MAC and checksum of the prelude, over whatever its other bytes are.
inline void authenticate(container::PreludeBytes& prelude, const container::KeySchedule& keys) {
    namespace at = layout::prelude;
    std::ranges::copy(keys.prelude_mac(Bytes(prelude).first(at::at_mac)), prelude.begin() + at::at_mac);
    put_checksum(prelude);
}

/// MAC and checksum of a slot block.
inline void authenticate_block(MutableBytes block, const container::KeySchedule& keys) {
    const std::size_t at_mac = block.size() - layout::slots::mac_from_end;
    std::ranges::copy(keys.slots_mac(block.first(at_mac)), block.subspan(at_mac).begin());
    put_checksum(block);
}

/// The file of these parts. The prelude gets the index's size and tag, the commitment, MAC and checksum; both
/// slot blocks get MAC and checksum.
[[nodiscard]] inline Data put_together(Parts parts) {
    namespace at = layout::prelude;
    const container::KeySchedule keys = keys_of(parts);
    std::array<std::byte, layout::tag_size> tag{};
    crypt_index(keys, crypto::Direction::encrypt, parts.index, tag);
    store_le(parts.prelude, at::at_index_size, std::uint64_t{parts.index.size()});
    std::ranges::copy(tag, parts.prelude.begin() + at::at_index_tag);
    std::ranges::copy(keys.commitment(), parts.prelude.begin() + at::at_commitment);
    authenticate(parts.prelude, keys);
    Data file(parts.prelude.begin(), parts.prelude.end());
    for (Data& block : parts.blocks) {
        authenticate_block(block, keys);
        file.insert(file.end(), block.begin(), block.end());
    }
    file.insert(file.end(), parts.body.begin(), parts.body.end());
    file.insert(file.end(), parts.index.begin(), parts.index.end());
    return file;
}

} // namespace weightseal::testing

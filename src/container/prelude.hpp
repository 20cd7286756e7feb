#pragma once
// Prelude: the first 4096 bytes of a container (FORMAT.md §2).

#include "container/key_schedule.hpp"
#include "weightseal/container/layout.hpp"

#include <array>
#include <string>

namespace weightseal::container {

using PreludeBytes = std::array<std::byte, layout::prelude::size>;

/// The fields of a prelude, and where the parts of the file follow from them.
struct Prelude {
    Suite suite = Suite::aes_256_gcm;
    unsigned chunk_log2 = layout::default_chunk_log2;
    bool is_signed = false;
    std::uint32_t slot_block_size = layout::slots::default_block_size;
    std::uint64_t body_size = 0;
    std::uint64_t index_size = 0;
    std::array<std::byte, layout::tag_size> index_tag{};
    Salt file_salt{};
    crypto::Hash commitment{};

    [[nodiscard]] std::uint64_t slot_block_offset(std::size_t block) const noexcept {
        return layout::prelude::size + block * std::uint64_t{slot_block_size};
    }
    [[nodiscard]] std::uint64_t body_offset() const noexcept { return slot_block_offset(2); }
    [[nodiscard]] std::uint64_t leaf_table_offset() const noexcept { return body_offset() + body_size; }
    [[nodiscard]] std::uint64_t leaf_table_size() const noexcept {
        return is_signed ? layout::cell_count(body_size, chunk_log2) * layout::hash_size : 0;
    }
    [[nodiscard]] std::uint64_t index_offset() const noexcept { return leaf_table_offset() + leaf_table_size(); }
    [[nodiscard]] std::uint64_t file_size() const noexcept { return index_offset() + index_size; }
};

/// The bytes of a prelude without signature, MACed and with its checksum.
[[nodiscard]] PreludeBytes encode_prelude(const Prelude& prelude, const KeySchedule& keys);

/// Checks everything that needs no key, the real size of the file included. Of a file shorter than a prelude, `bytes`
/// holds what there is, then zeros. `subject` is what errors call the file.
[[nodiscard]] Prelude parse_prelude(const PreludeBytes& bytes, std::uint64_t file_size, const std::string& subject);

/// False when these keys belong to another file.
[[nodiscard]] bool matches_commitment(const Prelude& prelude, const KeySchedule& keys);

/// Checks commitment and MAC. Throws `corrupt_prelude`.
void authenticate_prelude(const PreludeBytes& bytes, const KeySchedule& keys, const std::string& subject);

} // namespace weightseal::container

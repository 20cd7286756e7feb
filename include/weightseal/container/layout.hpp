#pragma once
// Layout: every byte offset of container format v1. FORMAT.md is the specification; this is the same in C++.

#include "weightseal/core/bytes.hpp" // align_up

#include <array>
#include <cstddef>
#include <cstdint>

namespace weightseal::layout {

inline constexpr std::uint16_t version = 1;
inline constexpr std::size_t tag_size = 16;
inline constexpr std::size_t hash_size = 32;

// The grid: a chunk is the intersection of an entry with a cell.
inline constexpr unsigned min_chunk_log2 = 16;
inline constexpr unsigned max_chunk_log2 = 22;
inline constexpr unsigned default_chunk_log2 = 18;

namespace prelude {
inline constexpr std::size_t size = 4096;
inline constexpr std::array<unsigned char, 8> magic{0x57, 0x53, 0x45, 0x41, 0x4C, 0x0D, 0x0A, 0x1A};
inline constexpr std::size_t at_magic = 0;            // 8
inline constexpr std::size_t at_version = 8;          // u16
inline constexpr std::size_t at_suite = 10;           // u8
inline constexpr std::size_t at_chunk_log2 = 11;      // u8
inline constexpr std::size_t at_flags = 12;           // u32
inline constexpr std::size_t at_slot_block_size = 16; // u32
inline constexpr std::size_t at_reserved_20 = 20;     // u32
inline constexpr std::size_t at_body_size = 24;       // u64
inline constexpr std::size_t at_index_size = 32;      // u64
inline constexpr std::size_t at_index_tag = 40;       // 16
inline constexpr std::size_t at_reserved_56 = 56;     // u64
inline constexpr std::size_t at_file_salt = 64;       // 32
inline constexpr std::size_t at_commitment = 96;      // 32
inline constexpr std::size_t at_reserved_128 = 128;   // 128
inline constexpr std::size_t immutable_size = 256;    // what a signature covers
inline constexpr std::size_t at_signer = 256;         // 32, zero unless signed
inline constexpr std::size_t at_signature = 288;      // 64, zero unless signed
inline constexpr std::size_t at_reserved_352 = 352;   // to the MAC
inline constexpr std::size_t at_mac = 4032;           // 32, over [0, 4032)
inline constexpr std::size_t at_checksum = 4064;      // 32, over [0, 4064)
inline constexpr std::uint32_t flag_signed = 1;       // leaf table and signature are present
static_assert(at_index_tag + tag_size == at_reserved_56);
static_assert(at_file_salt + 32 == at_commitment && at_commitment + 32 == at_reserved_128);
static_assert(at_signature + 64 == at_reserved_352);
static_assert(at_mac + hash_size == at_checksum && at_checksum + hash_size == size);
} // namespace prelude

namespace slots {
inline constexpr std::size_t default_block_size = 8192;
inline constexpr std::size_t max_block_size = std::size_t{1} << 20;
inline constexpr std::array<unsigned char, 8> magic{0x57, 0x53, 0x4C, 0x4F, 0x54, 0x53, 0x0D, 0x0A};
inline constexpr std::size_t at_magic = 0;           // 8
inline constexpr std::size_t at_generation = 8;      // u64
inline constexpr std::size_t at_count = 16;          // u32
inline constexpr std::size_t at_slots_size = 20;     // u32
inline constexpr std::size_t at_directory_size = 24; // u32, ciphertext without tag
inline constexpr std::size_t at_reserved_28 = 28;    // u32
inline constexpr std::size_t at_salt = 32;           // 32
inline constexpr std::size_t at_slots = 64;          // slots, directory, its tag, zeros
inline constexpr std::size_t mac_from_end = 64;      // 32, over all before it
inline constexpr std::size_t checksum_from_end = 32; // 32, over all before it
inline constexpr std::uint32_t max_count = 255;

// One slot.
inline constexpr std::size_t at_kind = 0;             // u16
inline constexpr std::size_t at_size = 2;             // u16, of the whole slot, a multiple of 8
inline constexpr std::size_t at_reserved_4 = 4;       // u32
inline constexpr std::size_t at_slot_salt = 8;        // 32
inline constexpr std::size_t at_slot_commitment = 40; // 32
inline constexpr std::size_t at_wrapped = 72;         // 32 ciphertext, 16 tag
inline constexpr std::size_t min_slot_size = 120;
inline constexpr std::uint16_t kind_key = 1; // a 256-bit key
} // namespace slots

namespace index {
inline constexpr std::uint64_t max_size = std::uint64_t{1} << 30;
inline constexpr std::size_t header_size = 32;
inline constexpr std::size_t at_entry_count = 0;  // u32
inline constexpr std::size_t at_flags = 4;        // u32
inline constexpr std::size_t at_entries_size = 8; // u64
inline constexpr std::size_t at_tag_count = 16;   // u64
inline constexpr std::size_t at_reserved_24 = 24; // u64
inline constexpr std::uint32_t flag_folder = 1;
inline constexpr std::uint32_t flag_manifest = 2; // reserved

// One entry; dimensions, name and zeros up to a multiple of 8 follow.
inline constexpr std::size_t entry_size = 32;
inline constexpr std::size_t at_kind = 0;         // u8
inline constexpr std::size_t at_dtype = 1;        // u8
inline constexpr std::size_t at_rank = 2;         // u8
inline constexpr std::size_t at_role = 3;         // u8
inline constexpr std::size_t at_name_size = 4;    // u16
inline constexpr std::size_t at_reserved_6 = 6;   // u16
inline constexpr std::size_t at_link = 8;         // u32
inline constexpr std::size_t at_reserved_12 = 12; // u32
inline constexpr std::size_t at_offset = 16;      // u64, in the body
inline constexpr std::size_t at_length = 24;      // u64

/// Size of the index with its padding, which hides the exact size.
[[nodiscard]] constexpr std::uint64_t padded_size(std::uint64_t size) noexcept {
    std::uint64_t step = 1024;
    while (step < max_size && step * 32 <= size)
        step *= 2;
    return align_up(size, step);
}
} // namespace index

/// Alignment in the body of an entry of this length, bytes.
[[nodiscard]] constexpr std::uint64_t entry_alignment(std::uint64_t length) noexcept {
    return length >= 65536 ? 4096 : 64;
}
inline constexpr std::uint64_t body_alignment = 64;
inline constexpr std::uint64_t max_gap = 4095;

/// Cells of a body.
[[nodiscard]] constexpr std::uint64_t cell_count(std::uint64_t body_size, unsigned chunk_log2) noexcept {
    return body_size == 0 ? 0 : ((body_size - 1) >> chunk_log2) + 1;
}

/// Chunks of an entry at `offset` in the body.
[[nodiscard]] constexpr std::uint64_t chunk_count(std::uint64_t offset, std::uint64_t length,
                                                  unsigned chunk_log2) noexcept {
    return length == 0 ? 0 : ((offset + length - 1) >> chunk_log2) - (offset >> chunk_log2) + 1;
}

} // namespace weightseal::layout

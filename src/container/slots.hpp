#pragma once
// Slots: who can open a container (FORMAT.md §4).

#include "container/key_schedule.hpp"
#include "weightseal/keys/key.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace weightseal::container {

/// A fresh block with one slot of kind 1 for `key`, complete with MAC and checksum.
[[nodiscard]] std::vector<std::byte> encode_slot_block(std::size_t size, std::uint64_t generation, const Key& key,
                                                       const Secret& file_key, const Salt& file_salt,
                                                       const KeySchedule& keys);

/// What a block shows without a key.
struct SlotBlock {
    bool intact = false;       ///< checksum and structure are right; nothing below holds otherwise
    bool breaks_rules = false; ///< the checksum is right, the structure is not: no accident
    std::uint64_t generation = 0;
    struct Slot {
        std::uint16_t kind = 0;
        std::size_t offset = 0; ///< in the block
    };
    std::vector<Slot> slots;
    std::size_t directory_offset = 0; ///< in the block; its tag follows
    std::size_t directory_size = 0;
};
[[nodiscard]] SlotBlock parse_slot_block(Bytes block);

/// What trying a key at the slots of a block came to.
struct Attempt {
    std::optional<Secret> file_key;
    bool is_damaged = false; ///< the key fits a slot, and what the slot wraps is not authentic
};
/// Tries every slot of an intact block.
[[nodiscard]] Attempt open_slot(Bytes block, const SlotBlock& parsed, const Key& key, const Salt& file_salt);

/// True when the MAC of an intact block, its padding and its directory are right.
[[nodiscard]] bool authenticate_slot_block(Bytes block, const SlotBlock& parsed, const KeySchedule& keys);

} // namespace weightseal::container

#pragma once
// Opening: the steps from a byte source to authenticated keys and index (FORMAT.md §4 and §5).

#include "container/index.hpp"
#include "container/key_schedule.hpp"
#include "container/prelude.hpp"
#include "container/slots.hpp"
#include "weightseal/container/facts.hpp"
#include "weightseal/core/progress.hpp"
#include "weightseal/io/byte_source.hpp"
#include "weightseal/keys/key.hpp"

#include <array>
#include <optional>
#include <vector>

namespace weightseal::container {

/// Prelude and slot blocks, copied once; all later steps work on this copy.
struct PublicPart {
    std::string subject;
    PreludeBytes prelude_bytes{};
    Prelude prelude;
    std::array<std::vector<std::byte>, 2> block_bytes;
    std::array<SlotBlock, 2> blocks;
};
[[nodiscard]] PublicPart read_public_part(const ByteSource& file);
[[nodiscard]] Facts facts_of(const PublicPart& part);

/// What a key opens.
struct Unlocked {
    KeySchedule keys;
    std::optional<char> damaged_block; ///< 'A' or 'B': damaged, or not identical to the one that was used
};
/// Throws `corrupt_slots`, `wrong_key`, `corrupt_prelude` or `unsupported`.
[[nodiscard]] Unlocked unlock(const PublicPart& part, const Key& key);

/// Reads, decrypts and validates the index. Throws `corrupt_index` or what `Index` throws.
[[nodiscard]] Index read_index(const ByteSource& file, const PublicPart& part, const KeySchedule& keys);

} // namespace weightseal::container

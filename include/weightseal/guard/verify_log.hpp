#pragma once
// Verifying an event log: whether it is what its signer wrote, whole and in order (GUARD_LOG.md).

#include "weightseal/guard/log_input.hpp" // LogInput
#include "weightseal/keys/signing.hpp"    // PublicKey

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace weightseal {

/// What holds of a log. Its records have numbers, from 0 on.
struct LogVerification {
    std::uint64_t first = 0; ///< number of the first record; above 0, earlier files are not there
    std::uint64_t last = 0;
    std::uint64_t events = 0;
    std::uint64_t checkpoints = 0;
    /// The last signed record: what comes before it is what its signer wrote. Nothing: not signed at all.
    std::optional<std::uint64_t> signed_through;
    std::uint64_t unsigned_events = 0; ///< after it; anybody can have written them, or have removed some
    std::uint64_t dropped = 0;         ///< events that the log itself says are lost
    std::int64_t first_time = 0;       ///< milliseconds since 1970-01-01T00:00:00Z
    std::int64_t last_time = 0;
    bool is_closed = false;         ///< the last record says that the log ends here
    bool is_torn = false;           ///< it ends within a line, as of a process that was killed
    std::vector<PublicKey> signers; ///< in the order in which they appear
};

/// Verifies a log in one file, or in several, oldest first. Less than 256 KiB of it are in memory.
/// @param signers  who must have signed it; empty: anybody, which says only that it was not changed by chance
/// Throws `guard_log_changed` where the chain or a signature does not hold, `not_a_guard_log` for a first line that is
/// no record, both with the line's number; `invalid_argument` without inputs; and what reading throws.
[[nodiscard]] LogVerification verify_log(std::span<const LogInput> inputs, std::span<const PublicKey> signers = {});

} // namespace weightseal

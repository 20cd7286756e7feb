#pragma once
// The script: what the server does with the windows of one client, as a whole and in its own time.
//
// A window is a key. Its value is the ring of `ring.hpp` in 22 doubles: an epoch, the running sub-bucket, the newest
// one that holds a debt, the sum of all, the running count, and 17 counts by sub-bucket. It is set anew, with its time
// to live, when a sub-bucket begins; until the next one begins only the first five change. A stamp names a sub-bucket
// for good: epoch · 2³⁶ + its number; where the server's clock was set back the numbers start anew, and the epoch tells
// old stamps from new ones.

#include "weightseal/core/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal::guard {

using Stamp = std::uint64_t;

/// What the script is asked of one window. All windows that `need` something get it, or none does.
struct WindowQuestion {
    std::uint64_t length = 0; ///< of a sub-bucket, in µs
    std::uint64_t limit = 0;
    std::uint64_t need = 0; ///< units; fewer are no help
    std::uint64_t want = 0; ///< units, at least `need`
    std::uint64_t owed = 0; ///< units that were admitted already: all are charged, or none
    Stamp back_stamp = 0;   ///< units to be given back …
    std::uint64_t back = 0;
    Stamp excess_stamp = 0; ///< … and units that were used and not reserved; 0: nobody knows when
    std::uint64_t excess = 0;
};

/// What it answers.
struct WindowAnswer {
    Stamp stamp = 0; ///< of the running sub-bucket
    std::uint64_t granted = 0;
    bool owed_charged = false;
    std::uint64_t used = 0;        ///< after all of that
    bool refused = false;          ///< had no room for `need`
    bool in_debt = false;          ///< ... because of a debt
    std::uint64_t wait = 0;        ///< µs until it has room, if nothing is charged meanwhile; 0: never
    std::uint64_t bucket_left = 0; ///< µs until the running sub-bucket ends
    std::uint64_t window_left = 0; ///< µs until everything has left the window
};

[[nodiscard]] std::string_view script_text() noexcept;

[[nodiscard]] std::string encode(const std::vector<WindowQuestion>& questions);
/// Throws `server_answer` for what is not the answer to `questions`.
[[nodiscard]] std::vector<WindowAnswer> decode(std::string_view answer, const std::vector<WindowQuestion>& questions);

} // namespace weightseal::guard

#pragma once
// Hooks of long work: progress, cancelling, logging. Any of them may be empty.

#include <cstdint>
#include <functional>
#include <string_view>

namespace weightseal {

/// All hooks may be called from any worker thread, several at once, with no lock held. A hook that throws ends
/// the work with its exception.
struct Hooks {
    /// Bytes done so far and in all.
    std::function<void(std::uint64_t done, std::uint64_t total)> progress;
    /// Polled between chunks; true ends the work with `cancelled`.
    std::function<bool()> cancelled;
    /// A warning worth a line in the host's log, for example a damaged slot block.
    std::function<void(std::string_view message)> log;
};

} // namespace weightseal

#pragma once
// The event log: a guard's events as lines of JSON that can be shown to a third party. Each line holds the SHA-256 of
// the one before, and every now and then one is signed. GUARD_LOG.md has the format.
//
// A log that cannot be written (a full disk, a pipe that nobody reads) keeps at most one batch of lines, leaves the
// rest in the guard's queue, where what does not fit is counted, and goes on as soon as there is room. Nothing of that
// reaches a check.

#include "weightseal/guard/guard.hpp" // Guard
#include "weightseal/keys/key.hpp"    // Key

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <system_error>
#include <variant>

namespace weightseal {

/// A file, mode 0600. One that reaches `max_size` bytes is renamed to "PATH.000001", "PATH.000002" …, and a new one
/// continues its chain, as the log of the next process on this path does.
struct LogFile {
    std::filesystem::path path;
    std::uint64_t max_size = std::uint64_t{64} << 20; ///< at least 4 KiB
};

/// A descriptor, which stays the caller's and must stay open. It is never waited for: a full pipe is tried again.
struct LogDescriptor {
    int fd = -1;
};

/// A function that takes whole lines with their ends: all of them, or none by returning false or throwing. They are
/// offered again then. It is called under the log's lock and must not call the log.
using LogCallback = std::function<bool(std::string_view lines)>;

using LogTarget = std::variant<LogFile, LogDescriptor, LogCallback>;

inline constexpr std::uint32_t default_checkpoint_every = 256;

/// Sums since the log was opened.
struct EventLogCounters {
    std::uint64_t events = 0;       ///< that are in the log
    std::uint64_t waiting = 0;      ///< bytes that the target has not taken yet
    std::uint64_t failures = 0;     ///< times that the target did not take all it was offered
    std::error_code last_failure{}; ///< why, the last time
};

/// Thread-safe. The guard must outlive it.
class EventLog {
  public:
    /// Opens a log and writes its first record. Times are nanoseconds since 1970-01-01T00:00:00Z.
    /// @param signing_key       signs every record that is no event
    /// @param checkpoint_every  events after which a signed record follows, 1 … 65,536; one follows after a minute in
    ///                          any case
    /// Throws `key_kind`, `invalid_argument`; of a file also `not_a_guard_log` when the path is something else,
    /// `io_failed` when another process writes it or it cannot be opened.
    EventLog(Guard& guard, LogTarget target, const Key& signing_key, std::chrono::nanoseconds wall,
             std::uint32_t checkpoint_every = default_checkpoint_every);
    EventLog(const EventLog&) = delete;
    EventLog& operator=(const EventLog&) = delete;
    /// Without `close`, a log ends like that of a process that was killed.
    ~EventLog();

    /// Takes the guard's events, at most 4096, and writes them. Never waits for a reader or for room, only for the disk
    /// when a file gives way to a new one.
    /// @param now   the clock of the guard's checks, from which the age of events follows
    /// @param wall  the time, read together with it
    /// @return how many events it took
    /// Throws `invalid_argument` when the log is closed.
    std::size_t write(std::chrono::nanoseconds now, std::chrono::nanoseconds wall);

    /// Writes what waits, and a last, signed record; files are flushed to the disk. Once more, it
    /// offers again what still waits.
    /// @return whether the target has taken everything
    bool close(std::chrono::nanoseconds now, std::chrono::nanoseconds wall);

    [[nodiscard]] EventLogCounters counters() const;

  private:
    class Writer;
    std::unique_ptr<Writer> writer_;
};

} // namespace weightseal

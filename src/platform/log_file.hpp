#pragma once
// Log files: appending without ever waiting for a reader, and giving way to a new file.

#include "platform/file.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace weightseal::platform {

/// How far a write came: bytes that were taken, and the errno that stopped it, 0 if nothing did.
struct Written {
    std::size_t bytes = 0;
    int error = 0;
};

/// Writes as much as goes without waiting; EAGAIN where a pipe or socket is full. Whatever the descriptor's flags are,
/// they stay, for others may share it; and a closed pipe is an error, not a signal.
[[nodiscard]] Written write_without_waiting(int fd, Bytes from) noexcept;

/// A file that one process appends to.
class LogFile {
  public:
    /// Opens the file, or makes it, mode 0600. Throws `unsupported_file` unless it is a regular one, `io_failed` when
    /// another process writes it.
    explicit LogFile(std::filesystem::path path);

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] Written append(Bytes from) noexcept;
    /// Flushes what was appended to the disk. An errno, 0 if it went well, as of `start_new`.
    [[nodiscard]] int sync() noexcept;
    /// Flushes the file, moves it to the first free one of the names `numbered` after all that are taken, and goes on
    /// with an empty one. If that fails, appending goes on where it was.
    [[nodiscard]] int start_new() noexcept;
    /// The older files, newest first.
    [[nodiscard]] std::vector<std::filesystem::path> older() const;

  private:
    [[nodiscard]] int open_file(int flags) noexcept;
    [[nodiscard]] std::filesystem::path numbered(std::uint64_t number) const;

    std::filesystem::path path_;
    Descriptor file_;
    std::uint64_t size_ = 0;
    std::uint64_t last_number_ = 0;
    bool moved_ = false; // the file that is open has a number, and there is no new one yet
};

} // namespace weightseal::platform

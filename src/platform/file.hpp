#pragma once
// Files: positional reads and writes, outputs that appear complete or not at all.

#include "weightseal/core/bytes.hpp"
#include "weightseal/core/error.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace weightseal::platform {

/// An open file descriptor.
class Descriptor {
  public:
    Descriptor() noexcept = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

/// Throws the `Errc` of an errno.
[[noreturn]] void throw_errno(int error, std::string_view subject, std::string_view action,
                              std::optional<std::uint64_t> offset = std::nullopt);

/// A regular file open for reading.
struct InputFile {
    Descriptor descriptor;
    std::uint64_t size = 0;
};

/// Opens a regular file; links are followed. Throws `file_not_found`, `unsupported_file` or `io_failed`.
[[nodiscard]] InputFile open_input(const std::filesystem::path& path);

/// Size of an open file now. Throws `io_failed`.
[[nodiscard]] std::uint64_t current_size(int fd, const std::string& subject);

/// Opens anything readable, a pipe as shells make with <(…) too; empty on failure.
[[nodiscard]] Descriptor open_stream(const std::filesystem::path& path) noexcept;

inline constexpr int standard_input = 0;

/// Fills some of `to` from where the descriptor stands; 0 at its end. Throws `io_failed`.
[[nodiscard]] std::size_t read_some(int fd, MutableBytes to, std::string_view subject);

/// Fills all of `to`; throws `source_changed` when the file ends before.
void read_exactly(int fd, std::uint64_t offset, MutableBytes to, const std::string& subject);

/// All of a regular file. Throws `too_large` before anything is allocated when it has more than `most` bytes, else as
/// `open_input` and `read_exactly`.
[[nodiscard]] std::string read_file(const std::filesystem::path& path, std::uint64_t most, Errc too_large);

/// Flushes a folder's entries to disk.
void sync_folder(const std::filesystem::path& folder);

/// A new file, mode 0600, that nobody sees under its name before `commit`. Without a name at all where the file
/// system allows it (O_TMPFILE), so that not even a kill leaves anything behind; else under a temporary name beside
/// the target. Destroyed without `commit`, it is gone.
class OutputFile {
  public:
    /// Throws `file_exists` early when the target exists and must not be replaced.
    OutputFile(std::filesystem::path target, bool overwrite);
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;
    ~OutputFile();

    /// Writes all of `from`. Thread-safe for ranges that do not overlap.
    void write_at(std::uint64_t offset, Bytes from);
    /// Flushes, gives the file its name (atomically replacing an old one if allowed), flushes the folder.
    void commit();

  private:
    void link_as(const std::filesystem::path& name) const;
    std::filesystem::path target_;
    bool overwrite_;
    Descriptor file_;
    std::filesystem::path temporary_; // empty while the file has no name
};

/// A fresh name beside `target` for something temporary.
[[nodiscard]] std::filesystem::path temporary_name(const std::filesystem::path& target);

/// A folder that takes its name when complete. Destroyed without `commit`, it is removed with its content.
class OutputFolder {
  public:
    /// Throws `file_exists` when the target exists and must not be replaced.
    OutputFolder(std::filesystem::path target, bool overwrite);
    OutputFolder(const OutputFolder&) = delete;
    OutputFolder& operator=(const OutputFolder&) = delete;
    ~OutputFolder();

    [[nodiscard]] const std::filesystem::path& staging() const noexcept { return staging_; }
    /// Flushes all folders of it and gives it its name, in one step; a replaced folder is removed then.
    void commit();

  private:
    std::filesystem::path target_;
    bool replace_ = false;
    std::filesystem::path staging_;
};

} // namespace weightseal::platform

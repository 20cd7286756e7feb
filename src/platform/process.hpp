#pragma once
// The process: its terminal, signals, core dumps, children.

#include "weightseal/core/bytes.hpp"

#include <atomic>
#include <filesystem>
#include <string>
#include <string_view>

namespace weightseal::platform {

/// Processors this process may run on, at least 1.
[[nodiscard]] unsigned available_processors() noexcept;

/// A child of fork has another one.
[[nodiscard]] int process_id() noexcept;

/// No core dump of this process, and no debugger of another user's process at it.
void forbid_core_dumps() noexcept;

[[nodiscard]] bool is_terminal(int fd) noexcept;
/// Width of a terminal, 80 when unknown.
[[nodiscard]] unsigned terminal_columns(int fd) noexcept;

/// From now on SIGINT and SIGTERM, unless they are ignored, store their number in `signal_number`, which must outlive
/// the process's main.
void on_interrupt(std::atomic<int>& signal_number);

/// Writes a small file, mode 0600, that appears complete or not at all. Throws `file_exists`, `io_failed`.
void write_new_file(const std::filesystem::path& path, Bytes content, bool overwrite);

/// Fills `to` from a descriptor until its end; returns the bytes read. Throws `io_failed`, or `too_large` when more
/// than `to` holds comes.
[[nodiscard]] std::size_t read_to_end(int fd, MutableBytes to, std::string_view subject);

/// Runs `/bin/sh -c command` and fills `to` with its standard output. Throws `key_source_failed` unless it exits 0;
/// `subject` is what errors call it.
[[nodiscard]] std::size_t read_command(const std::string& command, MutableBytes to, std::string_view subject);

} // namespace weightseal::platform

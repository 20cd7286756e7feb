#pragma once
// Log inputs: where logs are read from, files and pipes alike.

#include "weightseal/core/bytes.hpp" // MutableBytes

#include <functional>
#include <string>
#include <string_view>

namespace weightseal {

/// Bytes in order. Every one is treated as hostile.
struct LogInput {
    std::string name; ///< what messages call it
    /// Fills some of `to`, which is not empty, and returns how much: 0 at the end. Throws what it likes.
    std::function<std::size_t(MutableBytes to)> read;
};

/// A file, a pipe, or with "-" standard input. Throws `file_not_found` or `io_failed`.
[[nodiscard]] LogInput open_log(const std::string& path);

/// Text that outlives the input.
[[nodiscard]] LogInput log_text(std::string_view text, std::string name = "text");

} // namespace weightseal

#pragma once
// Files with secrets, which somebody else renews.

#include "remote/secret_text.hpp"

#include <optional>
#include <string>

namespace weightseal::remote {

/// All of a file; empty where it cannot be opened. Throws `key_source_failed` for more than `most` bytes, or where it
/// cannot be read.
[[nodiscard]] std::optional<SecretText> read_secret_file(const std::string& path, std::size_t most);

/// A file with one secret: its text without white space at the ends. Throws `key_source_failed`, also where it cannot
/// be opened or is empty.
[[nodiscard]] SecretText read_token_file(const std::string& path);

} // namespace weightseal::remote

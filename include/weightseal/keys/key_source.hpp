#pragma once
// Key sources: where a key's text comes from. Never the command line itself.

#include "weightseal/keys/key.hpp" // Key

#include <string_view>

namespace weightseal {

/// Reads a key from `file:PATH`, `env:NAME`, `fd:N`, `cmd:COMMAND` (its standard output, run by /bin/sh) or `-`
/// (standard input). At most 64 KiB are read, and the text is wiped afterwards, the environment's excepted. Throws
/// `key_source_failed` with the source's name but never its content, or what `Key::parse` throws.
[[nodiscard]] Key key_from_source(std::string_view source);

} // namespace weightseal

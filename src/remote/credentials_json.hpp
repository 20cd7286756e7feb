#pragma once
// Credentials as JSON, as services and credential_process give them.

#include "remote/credentials.hpp"

#include <string_view>

namespace weightseal::remote {

/// Of "AccessKeyId", "SecretAccessKey", "Token" or "SessionToken", and "Expiration" in the outermost object. Throws
/// `key_source_failed` without any of the text; `subject` is what errors call it.
[[nodiscard]] Credentials credentials_of_json(std::string_view text, std::string_view subject);

/// The second of "2026-01-31T23:59:59Z" or another time of RFC 3339, of the years 1970 to 2200; empty for anything
/// else.
[[nodiscard]] std::optional<Time> parse_expiration(std::string_view text) noexcept;

} // namespace weightseal::remote

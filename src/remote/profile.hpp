#pragma once
// Profiles: sections of the files that AWS's tools share, ~/.aws/config and ~/.aws/credentials.

#include "remote/secret_text.hpp"

#include <map>
#include <string>
#include <string_view>

namespace weightseal::remote {

/// Settings of one section, by name in lower case.
using Settings = std::map<std::string, SecretText, std::less<>>;

/// The section of one name, "[name]", in the text of a file; empty where there is none.
[[nodiscard]] Settings parse_section(std::string_view text, std::string_view name);

/// What both files say of a profile; of the same setting the credentials file's counts. Their paths are those of
/// AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE where set. Throws `key_source_failed` for a file too large.
[[nodiscard]] Settings read_profile(const std::string& name);

[[nodiscard]] std::string setting(const Settings& settings, std::string_view name);

} // namespace weightseal::remote

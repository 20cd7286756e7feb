#pragma once
// Token files: one secret, which somebody else renews.

#include "remote/secret_text.hpp"

#include <string>

namespace weightseal::remote {

/// Its text without white space at the ends. Throws `key_source_failed`, also where it is empty.
[[nodiscard]] SecretText read_token_file(const std::string& path);

} // namespace weightseal::remote

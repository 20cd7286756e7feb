#pragma once
// Settings of the environment, as AWS's own tools name them.

#include "remote/secret_text.hpp"

#include <initializer_list>
#include <string>

namespace weightseal::remote {

/// The first that is set and not empty; or empty.
[[nodiscard]] std::string environment(std::initializer_list<const char*> names);

/// One that is secret, straight into wiped memory; or empty.
[[nodiscard]] SecretText secret_environment(const char* name);

} // namespace weightseal::remote

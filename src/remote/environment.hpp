#pragma once
// Settings of the environment, as AWS's own tools name them.

#include <initializer_list>
#include <string>

namespace weightseal::remote {

/// The first that is set and not empty; or empty.
[[nodiscard]] std::string environment(std::initializer_list<const char*> names);

} // namespace weightseal::remote

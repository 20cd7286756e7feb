#pragma once
// Objects that policies tell apart.

#include "storage/callers.hpp"

namespace weightseal::storage {

/// One object of each kind, by its ARN, those under the prefix and those beside it; the intent's own first. Where a
/// resource has variables, those of each caller.
[[nodiscard]] std::vector<std::string> objects_apart(const Intent& intent, std::span<const Policy* const> policies,
                                                     std::span<const SymbolicCaller> callers);

} // namespace weightseal::storage

#pragma once
// The rules of `audit`, as it explains them.

#include "weightseal/storage/audit.hpp"

#include <span>

namespace weightseal::storage {

/// Throws `unknown_finding`.
[[nodiscard]] const Rule& rule_of(std::string_view id);

} // namespace weightseal::storage

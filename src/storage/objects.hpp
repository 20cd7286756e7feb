#pragma once
// Objects that policies tell apart.

#include "weightseal/storage/aws_policy.hpp"
#include "weightseal/storage/intent.hpp"

#include <span>
#include <string>
#include <vector>

namespace weightseal::storage {

/// One object of each kind, by its ARN, those under the prefix and those beside it; the intent's own first.
[[nodiscard]] std::vector<std::string> objects_apart(const Intent& intent, std::span<const Policy* const> policies);

} // namespace weightseal::storage

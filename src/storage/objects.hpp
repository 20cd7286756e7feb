#pragma once
// Objects that policies tell apart.

#include "storage/callers.hpp"

namespace weightseal::storage {

/// One object of each kind, by its ARN, those under the prefix and those beside it; the intent's own first. Where a
/// resource has variables, those of each caller.
[[nodiscard]] std::vector<std::string> objects_apart(const Intent& intent, std::span<const Policy* const> policies,
                                                     std::span<const SymbolicCaller> callers);

/// What S3 names when it uses a key, by its ARN: an object, or under a bucket key the bucket. One of each kind that
/// patterns tell apart, the intent's own first.
[[nodiscard]] std::vector<std::string> contexts_apart(const Intent& intent, const std::set<std::string>& patterns);

} // namespace weightseal::storage

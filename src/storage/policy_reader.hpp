#pragma once
// A policy out of JSON that was read already.

#include "storage/json.hpp"
#include "weightseal/storage/aws_policy.hpp"

namespace weightseal::storage {

/// Throws what `Policy::parse` throws, but for the text.
[[nodiscard]] Policy read_policy(const Json& json, std::string_view subject);

} // namespace weightseal::storage

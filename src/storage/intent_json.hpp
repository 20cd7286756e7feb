#pragma once
// The JSON form of an intent.

#include "storage/json.hpp"
#include "weightseal/storage/intent.hpp"

namespace weightseal::storage {

[[nodiscard]] Intent read_intent(const Json& json, std::string_view subject);
[[nodiscard]] Json write_intent(const Intent& intent);

} // namespace weightseal::storage

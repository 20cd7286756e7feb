#pragma once
// One line of JSON lines that come from anybody.

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace weightseal::guard {

/// The object that a line holds, of at most 16 levels; nothing when it is no JSON, no object, or one in which a name
/// stands twice, which another reader may understand in another way.
[[nodiscard]] std::optional<nlohmann::json> parse_json_line(std::string_view line);

/// A member that is a whole number, not negative and of 64 bits; nothing when it is not there or another type.
[[nodiscard]] std::optional<std::uint64_t> whole_number(const nlohmann::json& object, const char* name);
/// A member that is text, likewise. It belongs to the object.
[[nodiscard]] const std::string* text_member(const nlohmann::json& object, const char* name);

} // namespace weightseal::guard

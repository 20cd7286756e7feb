#pragma once
// JSON from anybody: bounded, without duplicate names.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace weightseal::storage {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t max_text_size = std::size_t{4} << 20;
inline constexpr std::size_t max_depth = 64;

/// Throws `policy_not_json`, `policy_too_large` or `duplicate_policy_field`.
[[nodiscard]] Json parse_json(std::string_view text, std::string_view subject);

/// The value at a path of names, or "0" for the first of an array; null where there is none.
[[nodiscard]] const Json& at(const Json& json, std::initializer_list<std::string_view> path);

/// The text at a path; empty where there is none.
[[nodiscard]] std::string text_at(const Json& json, std::initializer_list<std::string_view> path);

} // namespace weightseal::storage

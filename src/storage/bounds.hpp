#pragma once
// What is too much to examine. A document beyond a bound is refused: what was left out would count as closed.

#include <cstddef>
#include <string_view>

namespace weightseal::storage {

// A policy of 20 KiB holds less of each.
inline constexpr std::size_t max_callers = 2'000;
inline constexpr std::size_t max_objects = 1'000;
inline constexpr std::size_t max_networks = 1'000;
inline constexpr std::size_t max_cells = 20'000'000;
inline constexpr std::size_t max_choices = 1'000'000; ///< of all requests together

/// Throws `policy_too_large` where there are more.
void require_at_most(std::size_t most, std::size_t count, std::string_view what);

} // namespace weightseal::storage

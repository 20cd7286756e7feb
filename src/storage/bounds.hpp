#pragma once
// What is too much to examine. A document beyond a bound is refused: what was left out would count as closed.

#include <cstddef>
#include <string_view>

namespace weightseal::storage {

// Ordinary policies hold far less of each; one of 20 KiB, the most that S3 takes, can hold more of some, such as 3,000
// names of users.
inline constexpr std::size_t max_callers = 2'000;
inline constexpr std::size_t max_objects = 1'000;
inline constexpr std::size_t max_networks = 1'000; ///< VPC endpoints, VPCs, and pairs of them
inline constexpr std::size_t max_addresses = 2'500;
inline constexpr std::size_t max_values = 4'100; ///< of one key that callers choose
inline constexpr std::size_t max_cells = 20'000'000;
inline constexpr std::size_t max_choices = 1'000'000; ///< of all requests together

/// Throws `policy_too_large` where there are more.
void require_at_most(std::size_t most, std::size_t count, std::string_view what);

} // namespace weightseal::storage

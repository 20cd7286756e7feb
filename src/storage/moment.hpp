#pragma once
// Points in time, as conditions have them.

#include <cstdint>
#include <optional>
#include <string_view>

namespace weightseal::storage {

/// Seconds since 1970 of "2027-01-31T12:00:00Z", "2027-01-31" or a number of seconds; empty for anything else.
[[nodiscard]] std::optional<std::int64_t> moment_of(std::string_view text) noexcept;

} // namespace weightseal::storage

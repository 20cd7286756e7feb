#pragma once
// Dates and times of day, as documents have them.

#include <chrono>
#include <optional>
#include <string_view>

namespace weightseal {

/// A point in time of any year that has four digits: more than nanoseconds since 1970 can tell.
struct DateTime {
    std::chrono::sys_seconds seconds;
    std::chrono::nanoseconds fraction{0}; ///< less than a second, from `seconds` on
};

/// "2026-01-31"; empty for anything else.
[[nodiscard]] std::optional<std::chrono::sys_days> parse_date(std::string_view text) noexcept;

/// "2026-01-31T23:59:59Z", "2026-01-31T23:59:59.5+01:00" (RFC 3339); empty for anything else, a time without a zone
/// too.
[[nodiscard]] std::optional<DateTime> parse_date_time(std::string_view text) noexcept;

/// The same as one number, of the years 1970 to 2200; empty for any other, which such a number may not hold.
[[nodiscard]] std::optional<std::chrono::sys_time<std::chrono::nanoseconds>>
parse_recent_time(std::string_view text) noexcept;

} // namespace weightseal

#include "storage/moment.hpp"

#include "core/date_time.hpp"

#include <charconv>

namespace weightseal::storage {

std::optional<std::int64_t> moment_of(std::string_view text) noexcept {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
    if (const auto date = parse_date(text)) return std::chrono::sys_seconds(*date).time_since_epoch().count();
    constexpr std::string_view form = "2027-01-31T12:00:00Z"; // the only one of RFC 3339
    if (text.size() != form.size() || text[10] != 'T' || text.back() != 'Z') return std::nullopt;
    const auto time = parse_date_time(text);
    return time ? std::optional(std::int64_t{time->seconds.time_since_epoch().count()}) : std::nullopt;
}

} // namespace weightseal::storage

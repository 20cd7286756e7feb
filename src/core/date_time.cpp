#include "core/date_time.hpp"

#include <charconv>
#include <cstdint>

namespace weightseal {
namespace {

using namespace std::chrono;

// Of exactly so many digits; or -1.
int number(std::string_view text, std::size_t at, std::size_t digits) noexcept {
    if (at + digits > text.size() || text[at] == '-') return -1;
    int value = -1;
    const char* const end = text.data() + at + digits;
    return std::from_chars(text.data() + at, end, value).ptr == end ? value : -1;
}

bool has(std::string_view text, std::size_t at, std::string_view one_of) noexcept {
    return at < text.size() && one_of.find(text[at]) != one_of.npos;
}

// "+01:00"
std::optional<seconds> parse_offset(std::string_view text) noexcept {
    const int hour = number(text, 1, 2), minute = number(text, 4, 2);
    const bool is_offset = text.size() == 6 && has(text, 0, "+-") && has(text, 3, ":");
    if (!is_offset || hour < 0 || hour > 23 || minute < 0 || minute > 59) return std::nullopt;
    const seconds offset = hours(hour) + minutes(minute);
    return text.front() == '-' ? -offset : offset;
}

} // namespace

std::optional<sys_days> parse_date(std::string_view text) noexcept {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const int y = number(text, 0, 4), m = number(text, 5, 2), d = number(text, 8, 2);
    if (y < 0 || m < 0 || d < 0) return std::nullopt;
    const year_month_day date{year(y), month(static_cast<unsigned>(m)), day(static_cast<unsigned>(d))};
    return date.ok() ? std::optional<sys_days>(date) : std::nullopt;
}

std::optional<DateTime> parse_date_time(std::string_view text) noexcept {
    const auto date = parse_date(text.substr(0, 10));
    if (!date || !has(text, 10, "Tt ") || !has(text, 13, ":") || !has(text, 16, ":")) return std::nullopt;
    const int hour = number(text, 11, 2), minute = number(text, 14, 2), second = number(text, 17, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
    DateTime time{*date + hours(hour) + minutes(minute) + seconds(second)};
    std::size_t at = 19;
    if (has(text, at, ".")) {
        std::int64_t unit = 100'000'000; // nanoseconds of a digit
        for (++at; has(text, at, "0123456789"); ++at, unit /= 10)
            time.fraction += nanoseconds((text[at] - '0') * unit);
    }
    if (has(text, at, "Zz")) return at + 1 == text.size() ? std::optional(time) : std::nullopt;
    const auto offset = parse_offset(text.substr(at));
    if (!offset) return std::nullopt;
    time.seconds -= *offset;
    return time;
}

std::optional<sys_time<nanoseconds>> parse_recent_time(std::string_view text) noexcept {
    constexpr sys_days earliest{year(1970) / 1 / 1}, end{year(2201) / 1 / 1};
    const auto time = parse_date_time(text);
    if (!time || time->seconds < earliest || time->seconds >= end) return std::nullopt;
    return time->seconds + time->fraction;
}

} // namespace weightseal

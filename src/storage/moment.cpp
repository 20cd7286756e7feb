#include "storage/moment.hpp"

#include <charconv>
#include <chrono>

namespace weightseal::storage {
namespace {

// Reads a number of exactly `digits` digits and what must follow it.
std::optional<int> take(std::string_view& text, std::size_t digits, std::string_view follower) noexcept {
    int value = 0;
    if (text.size() < digits + follower.size()) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
    if (error != std::errc() || end != text.data() + digits || value < 0) return std::nullopt;
    text.remove_prefix(digits);
    if (!text.starts_with(follower)) return std::nullopt;
    text.remove_prefix(follower.size());
    return value;
}

} // namespace

std::optional<std::int64_t> moment_of(std::string_view text) noexcept {
    using namespace std::chrono;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
    const auto y = take(text, 4, "-"), m = y ? take(text, 2, "-") : std::nullopt;
    const auto d = m ? take(text, 2, "") : std::nullopt;
    if (!d) return std::nullopt;
    const year_month_day date{year(*y), month(static_cast<unsigned>(*m)), day(static_cast<unsigned>(*d))};
    if (!date.ok()) return std::nullopt;
    const std::int64_t midnight = duration_cast<seconds>(sys_days(date).time_since_epoch()).count();
    if (text.empty()) return midnight;
    if (!text.starts_with('T')) return std::nullopt;
    text.remove_prefix(1);
    const auto hour = take(text, 2, ":"), minute = hour ? take(text, 2, ":") : std::nullopt;
    const auto second = minute ? take(text, 2, "") : std::nullopt;
    if (!second || *hour > 23 || *minute > 59 || *second > 60 || text != "Z") return std::nullopt;
    return midnight + *hour * 3600 + *minute * 60 + *second;
}

} // namespace weightseal::storage

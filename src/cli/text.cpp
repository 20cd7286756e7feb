#include "cli/text.hpp"

#include <array>
#include <cmath>
#include <fmt/format.h>

namespace weightseal::cli {

std::string printable(std::string_view untrusted) {
    std::string text;
    text.reserve(untrusted.size());
    while (!untrusted.empty()) {
        const auto [size, code_point] = first_code_point(untrusted);
        if (size == 0)
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(untrusted[0]));
        else if (is_obeyed_or_hidden(code_point))
            text += code_point < 0x80 ? fmt::format("\\x{:02x}", code_point) : fmt::format("\\u{{{:x}}}", code_point);
        else
            text += untrusted.substr(0, size);
        untrusted.remove_prefix(size == 0 ? 1 : size);
    }
    return text;
}

std::string human_size(std::uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    constexpr std::array<const char*, 6> units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < units.size())
        value /= 1024, ++unit;
    // Three digits, and powers of two stay whole numbers.
    const bool whole = value == static_cast<double>(static_cast<std::uint64_t>(value));
    return fmt::format("{:.{}f} {}", value, whole ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0, units[unit]);
}

std::string human_rate(std::uint64_t bytes, double seconds) {
    if (seconds <= 0) return "- GB/s";
    const double rate = static_cast<double>(bytes) / seconds;
    if (rate >= 1e9) return fmt::format("{:.2f} GB/s", rate / 1e9);
    if (rate >= 1e6) return fmt::format("{:.1f} MB/s", rate / 1e6);
    return fmt::format("{:.1f} kB/s", rate / 1e3);
}

std::string human_time(double seconds) {
    if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
    if (seconds < 60) return fmt::format("{:.{}f} s", seconds, seconds == std::floor(seconds) ? 0 : 1);
    const auto whole = static_cast<std::uint64_t>(seconds);
    if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string percent(double fraction) {
    return fmt::format("{:.3g} %", 100 * fraction);
}

std::string deviations(double z) {
    return fmt::format("{:.2f}", std::round(100 * z) / 100 + 0.0); // no "-0.00"
}

std::string probability(double log10_p) {
    return log10_p < -3 ? fmt::format("10^{:.1f}", log10_p) : fmt::format("{:.2g}", std::pow(10, log10_p));
}

std::string counted(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

} // namespace weightseal::cli

#pragma once
// Text: sizes, rates and times for people; names from untrusted files made safe to print.

#include "core/text.hpp"                      // grouped
#include "weightseal/watermark/timestamp.hpp" // utc_text

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weightseal::cli {

/// Shows what a terminal would obey or hide as an escape: control characters, marks that reorder text, and
/// bytes that are not UTF-8. The result is printable UTF-8.
[[nodiscard]] std::string printable(std::string_view untrusted);

/// "612 B", "256 KiB", "44.7 MiB".
[[nodiscard]] std::string human_size(std::uint64_t bytes);

/// "1.43 GB/s", in powers of 1000.
[[nodiscard]] std::string human_rate(std::uint64_t bytes, double seconds);

/// "62 ms", "12.3 s", "3:05", "1:02:03".
[[nodiscard]] std::string human_time(double seconds);

/// "2026-01-31T23:59:59Z" of a time since 1970, without its part of a second.
template <class Rep, class Period>
[[nodiscard]] std::string time_text(std::chrono::duration<Rep, Period> time) {
    return utc_text(std::chrono::floor<std::chrono::seconds>(time).count());
}

/// "0.472 %" of a fraction.
[[nodiscard]] std::string percent(double fraction);

/// A z: "13.45".
[[nodiscard]] std::string deviations(double z);

/// A probability by its logarithm: "10^-38.5", "0.12", "1".
[[nodiscard]] std::string probability(double log10_p);

/// "1 tensor", "2 tensors".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view noun);

/// "a, b, c".
template <class Items, class Format>
[[nodiscard]] std::string joined(const Items& items, Format format) {
    std::string text;
    for (const auto& item : items) {
        if (!text.empty()) text += ", ";
        text += format(item);
    }
    return text;
}

} // namespace weightseal::cli

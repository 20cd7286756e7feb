#pragma once
// Text of the report: numbers, and names that come from anybody, as HTML.

#include <cstdint>
#include <string>
#include <string_view>

namespace weightseal::watermark::report {

/// Escaped; what is not UTF-8, is obeyed or hides stands as U+FFFD.
[[nodiscard]] std::string html(std::string_view text);

/// `html` of a name, a long one without its middle.
[[nodiscard]] std::string html_name(std::string_view name);

/// With a minus sign that is one.
[[nodiscard]] std::string html_number(std::int64_t number);
[[nodiscard]] std::string html_number(double number, int decimals);

/// A bound on a probability by its logarithm, rounded up: "1", "0.013", "2.9 × 10<sup>−39</sup>".
[[nodiscard]] std::string html_bound(double log10_p);

/// The logarithm itself to two decimals, rounded up likewise.
[[nodiscard]] std::string html_log10_bound(double log10_p);

} // namespace weightseal::watermark::report

#include "watermark/report_text.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace weightseal::watermark::report {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

// The sequence of a code point.
std::string_view shown(std::string_view sequence, std::uint32_t code_point) noexcept {
    switch (code_point) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return is_obeyed_or_hidden(code_point) ? replacement : sequence;
    }
}

constexpr std::size_t longest_name = 120;
constexpr std::size_t kept_of_end = 40;

bool continues(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

} // namespace

std::string html(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const auto [size, code_point] = first_code_point(text);
        result += size == 0 ? replacement : shown(text.substr(0, size), code_point);
        text.remove_prefix(std::max<std::size_t>(1, size));
    }
    return result;
}

std::string html_name(std::string_view name) {
    if (name.size() <= longest_name) return html(name);
    std::size_t head = longest_name - kept_of_end;
    std::size_t tail = name.size() - kept_of_end;
    while (head > 0 && continues(name[head]))
        --head;
    while (tail < name.size() && continues(name[tail]))
        ++tail;
    return html(name.substr(0, head)) + "…" + html(name.substr(tail));
}

std::string html_number(std::int64_t number) {
    const std::string text = std::to_string(number);
    return number < 0 ? "−" + text.substr(1) : text;
}

std::string html_number(double number, int decimals) {
    const std::string text = fmt::format("{:.{}f}", std::fabs(number), decimals);
    const bool is_zero = text.find_first_not_of("0.") == std::string::npos;
    return number < 0 && !is_zero ? "−" + text : text;
}

std::string html_bound(double log10_p) {
    if (log10_p >= 0) return "1";
    int exponent = static_cast<int>(std::floor(log10_p));
    // Tenths, rounded up; what floating point adds to a round number does not count.
    int tenths = static_cast<int>(std::ceil(std::pow(10.0, log10_p - exponent + 1) - 1e-9));
    if (tenths == 100) {
        tenths = 10;
        ++exponent;
    }
    if (exponent >= 0) return "1";
    if (exponent >= -3) return fmt::format("{:.{}f}", tenths * std::pow(10.0, exponent - 1), 1 - exponent);
    return fmt::format("{}.{} × 10<sup>−{}</sup>", tenths / 10, tenths % 10, -exponent);
}

std::string html_log10_bound(double log10_p) {
    return html_number(std::ceil(log10_p * 100 - 1e-9) / 100, 2);
}

} // namespace weightseal::watermark::report

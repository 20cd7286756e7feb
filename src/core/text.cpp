#include "core/text.hpp"

#include <array>

namespace weightseal {

CodePoint first_code_point(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC0 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF8 ? 4
                                           : 0;
    if (size == 0 || size > text.size()) return {};
    std::uint32_t value = size == 1 ? lead : lead & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0U) != 0x80) return {};
        value = value << 6 | (byte(i) & 0x3FU);
    }
    constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
    const bool is_surrogate = value >= 0xD800 && value < 0xE000;
    if (value < smallest[size] || value > 0x10FFFF || is_surrogate) return {};
    return {size, value};
}

bool is_obeyed_or_hidden(std::uint32_t c) noexcept {
    return c < 0x20 || (c >= 0x7F && c < 0xA0)       // C0, DEL, C1
           || c == 0xAD || c == 0x61C || c == 0xFEFF // soft hyphen, Arabic letter mark, byte order mark
           || (c >= 0x200B && c <= 0x200F)           // zero width, left-to-right and right-to-left marks
           || (c >= 0x2028 && c <= 0x202E)           // separators of lines, embeddings and overrides
           || (c >= 0x2060 && c <= 0x206F)           // invisible operators, isolates
           || (c >= 0xE0000 && c <= 0xE0FFF);        // tags
}

std::string_view trimmed(std::string_view text, std::string_view blanks) noexcept {
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;)
        text.insert(at -= 3, 1, ',');
    return text;
}

} // namespace weightseal

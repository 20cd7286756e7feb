#pragma once
// Text: UTF-8 that comes from anybody, and numbers for people.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weightseal {

struct CodePoint {
    std::size_t size = 0; ///< bytes of its UTF-8 sequence; 0: there is no valid one
    std::uint32_t value = 0;
};

/// At the start of `text`, which is not empty.
[[nodiscard]] CodePoint first_code_point(std::string_view text) noexcept;

/// Whether a reader would obey it or not see it: controls, marks that hide or turn text around.
[[nodiscard]] bool is_obeyed_or_hidden(std::uint32_t code_point) noexcept;

/// Of ASCII, whatever the locale.
[[nodiscard]] constexpr bool is_alphanumeric(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Without those of `blanks` that stand at its ends.
[[nodiscard]] std::string_view trimmed(std::string_view text, std::string_view blanks = " \t\r\n") noexcept;

/// "1,048,576".
[[nodiscard]] std::string grouped(std::uint64_t number);

} // namespace weightseal

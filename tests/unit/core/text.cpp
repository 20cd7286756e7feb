// UTF-8 of anybody: each code point has one sequence, and nothing else is one.

#include "core/text.hpp"
#include "support/catch.hpp"

namespace weightseal::testing {
namespace {

// The bits of a code point in a sequence of `size` bytes, whether that is the right one or not.
std::string sequence(std::uint32_t code_point, std::size_t size) {
    if (size == 1) return {static_cast<char>(code_point)};
    std::string text(size, '\0');
    for (std::size_t i = size; i-- > 1; code_point >>= 6)
        text[i] = static_cast<char>(0x80U | (code_point & 0x3FU));
    text[0] = static_cast<char>((0xF00U >> size & 0xFFU) | code_point);
    return text;
}

} // namespace

TEST_CASE("the code point at the start of a text") {
    for (std::uint32_t c = 0; c < 0x120000; ++c)
        for (std::size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4; size <= 4; ++size) {
            const std::string text = sequence(c, size);
            const CodePoint found = first_code_point(text + "x");
            const bool is_shortest = size == 1 || c >= (size == 2 ? 0x80U : size == 3 ? 0x800U : 0x10000U);
            const bool is_valid = is_shortest && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
            const bool is_cut_refused = size == 1 || first_code_point(text.substr(0, size - 1)).size == 0;
            if (found.size == (is_valid ? size : 0) && (!is_valid || found.value == c) && is_cut_refused) continue;
            CAPTURE(c, size);
            FAIL("decoded to something else");
        }
    for (unsigned lead = 0x80; lead < 0xC2; ++lead)
        CHECK(first_code_point(std::string{static_cast<char>(lead), '\x80'}).size == 0);
    for (unsigned lead = 0xF5; lead < 0x100; ++lead)
        CHECK(first_code_point(static_cast<char>(lead) + std::string(4, '\x80')).size == 0);
}

TEST_CASE("numbers in groups of three digits") {
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(18446744073709551615U) == "18,446,744,073,709,551,615");
}

} // namespace weightseal::testing

// Names that a container can hold, and those that may become paths.

#include "formats/names.hpp"

#include "support/catch.hpp"

#include <string>

namespace weightseal::testing {
namespace {

using formats::is_safe_path;
using formats::is_valid_name;

} // namespace

TEST_CASE("names are UTF-8 without NUL, of 65,535 bytes at most") {
    for (const char* const name : {"", "w", "a b", "a\nb", "ü", "\u07ff", "\u0800", "\ufffd", "\U00010000",
                                   "\U0010ffff", "\ud7ff", "\ue000", "../x"})
        CHECK(is_valid_name(name));
    CHECK_FALSE(is_valid_name(std::string("a\0b", 3)));
    CHECK(is_valid_name(std::string(65535, 'x')));
    CHECK_FALSE(is_valid_name(std::string(65536, 'x')));
}

TEST_CASE("what is not UTF-8 is no name") {
    for (const char* const name : {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                   "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3",
                                   "a\xe4\xbd", "\xf0\x9f\x98", "\xc3(", "\xe4(\xbd", "\xe4\xbd("})
        CHECK_FALSE(is_valid_name(name));
}

TEST_CASE("safe paths stay inside the folder they are joined to") {
    for (const char* const path : {"a", "a/b", "a/b.c/d", ".hidden", "...", "a..b", "..a/b..", "a b", "ü/模", "-x"})
        CHECK(is_safe_path(path));
    for (const char* const path : {"", "/", "/a", "a/", "a//b", ".", "..", "./a", "../a", "a/.", "a/..", "a/../b",
                                   "a/./b", "a\\b", "..\\a", "a\nb", "a\tb", "\x7f", "\xff"}) {
        INFO(path);
        CHECK_FALSE(is_safe_path(path));
    }
    CHECK_FALSE(is_safe_path(std::string("a\0b", 3)));
}

} // namespace weightseal::testing

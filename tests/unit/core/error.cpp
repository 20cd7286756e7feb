// Errors: numbers that three places must agree on, and messages that tell people what is wrong and nothing
// dangerous.

#include "weightseal/core/error.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>

namespace weightseal::testing {
namespace {

using Numbers = std::map<std::string, int>;

// "name = number," lines of the enumeration that starts with `head` in a header of the tree.
Numbers enumeration(const std::string& path, const std::string& head, const std::string& prefix) {
    const Data file = read_file(tests_folder() / ".." / path);
    std::string text(as_text(file));
    text = text.substr(text.find(head));
    text = text.substr(0, text.find("}"));
    const std::regex line(prefix + R"((\w+) = (\d+))");
    Numbers numbers;
    for (std::sregex_iterator match(text.begin(), text.end(), line), end; match != end; ++match) {
        std::string name = (*match)[1];
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        REQUIRE(numbers.emplace(name, std::stoi((*match)[2])).second);
    }
    return numbers;
}

} // namespace

TEST_CASE("error codes have the same names and numbers in C++, in C and at run time") {
    const Numbers cpp = enumeration("include/weightseal/core/error.hpp", "enum class Errc", "");
    REQUIRE(cpp.size() > 50);
    Numbers c = enumeration("capi/include/weightseal.h", "typedef enum wseal_status", "WSEAL_");
    CHECK(c.at("ok") == 0);
    c.erase("ok");
    CHECK(c == cpp);

    Numbers named;
    for (int number = -1; number < 1000; ++number) {
        const std::string name = errc_name(static_cast<Errc>(number));
        if (name != "unknown") named.emplace(name, number);
    }
    CHECK(named == cpp);
}

TEST_CASE("no two error codes share a number") {
    std::map<int, std::string> names;
    for (const auto& [name, number] : enumeration("include/weightseal/core/error.hpp", "enum class Errc", "")) {
        INFO(name);
        CHECK(names.emplace(number, name).second);
    }
}

TEST_CASE("a few numbers are pinned: they are part of the ABI") {
    CHECK(static_cast<int>(Errc::invalid_argument) == 1);
    CHECK(static_cast<int>(Errc::io_failed) == 10);
    CHECK(static_cast<int>(Errc::wrong_key) == 20);
    CHECK(static_cast<int>(Errc::not_sealed) == 30);
    CHECK(static_cast<int>(Errc::corrupt_data) == 41);
    CHECK(static_cast<int>(Errc::too_large) == 52);
    CHECK(static_cast<int>(Errc::header_truncated) == 60);
    CHECK(static_cast<int>(Errc::no_model) == 86);
}

TEST_CASE("an error carries subject, detail, offset and code") {
    const Error error(Errc::corrupt_data, "model.wseal", "the tag is wrong", 20480);
    CHECK(error.errc() == Errc::corrupt_data);
    CHECK(error.offset() == 20480);
    CHECK(std::string(error.what()) == "model.wseal: the tag is wrong (at byte 20480)");
    CHECK(error.code() == Errc::corrupt_data);
    CHECK(std::string(error.code().category().name()) == "weightseal");
    CHECK(error.code().message() == "corrupt_data");

    const Error without(Errc::wrong_key, "model.wseal", "wrong key");
    CHECK_FALSE(without.offset());
    CHECK(std::string(without.what()) == "model.wseal: wrong key");
    CHECK(std::string(Error(Errc::truncated, "f", "d", 0).what()) == "f: d (at byte 0)");
}

TEST_CASE("control characters of untrusted names cannot reach a terminal") {
    const std::string name = "tensor '\x1b[31m\n\r\t\x7f" + std::string(1, '\0') + "'";
    const std::string text = Error(Errc::no_such_tensor, name, "has\x07no bytes").what();
    CHECK(std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }));
    CHECK(text == R"(tensor '\x1b[31m\x0a\x0d\x09\x7f\x00': has\x07no bytes)");
    CHECK(std::string(Error(Errc::io_failed, "Gewürz/模型", "d").what()) == "Gewürz/模型: d");
}

TEST_CASE("errors are caught as what the standard library knows") {
    try {
        throw Error(Errc::file_not_found, "x", "y");
    } catch (const std::system_error& error) {
        CHECK(error.code() == make_error_code(Errc::file_not_found));
        CHECK(error.code() != Errc::io_failed);
    }
    CHECK(std::string(errc_name(static_cast<Errc>(9999))) == "unknown");
}

} // namespace weightseal::testing

// Texts of patterns, over all that two letters and wildcards can say.

#include "storage/network.hpp"
#include "storage/pattern.hpp"
#include "storage/text.hpp"
#include "support/catch.hpp"
#include "support/guard.hpp" // Random

#include <fmt/format.h>

namespace weightseal::testing {
namespace {

std::string pattern_of(Random& random) {
    std::string text;
    for (std::uint64_t size = random.below(7); size-- != 0;)
        text += "ab*?"[random.below(4)];
    return text;
}

// A text of a pattern, each * of which becomes so many letters.
std::string text_of(Random& random, const std::string& pattern, std::size_t size) {
    std::string text;
    for (const char c : pattern)
        for (std::size_t n = c == '*' ? size : 1; n-- != 0;)
            text += c == '*' || c == '?' ? "ab"[random.below(2)] : c;
    return text;
}

// Whether some text of at most eight letters is in both; patterns here are short enough for that to tell.
bool have_common(const std::string& one, const std::string& other, std::string text = {}) {
    if (storage::matches(one, text) && storage::matches(other, text)) return true;
    if (text.size() == 8) return false;
    return have_common(one, other, text + 'a') || have_common(one, other, text + 'b');
}

} // namespace

TEST_CASE("texts of patterns are texts of them, and common ones are found wherever there are any") {
    Random random(5);
    for (int i = 0; i < 200; ++i) {
        const std::string one = pattern_of(random), other = pattern_of(random);
        INFO(one << " and " << other);
        const storage::Filler filler({one, other});
        CHECK(storage::matches(one, storage::instance_of(one)));
        CHECK(storage::matches(one, filler.fill(one)));
        // Another pattern has this text only where it has every text: here some that are as long.
        if (storage::matches(other, filler.fill(one)))
            for (int n = 0; n < 20; ++n)
                CHECK(storage::matches(other, text_of(random, one, filler.text().size())));
        const std::string both = filler.fill_both(one, other);
        const bool is_common = storage::matches(one, both) && storage::matches(other, both);
        CHECK((is_common || both.empty()));
        CHECK(is_common == have_common(one, other));
    }
}

TEST_CASE("what may follow a start in texts of a pattern") {
    using Rests = std::set<std::string>;
    CHECK(storage::rests_of("ab/c*", "ab/") == Rests{"c*"});
    CHECK(storage::rests_of("a*", "ab/") == Rests{"*"});
    CHECK(storage::rests_of("*/c", "ab/") == Rests{"*/c", "c"});
    CHECK(storage::rests_of("a?/?", "ab/") == Rests{"?"});
    CHECK(storage::rests_of("b*", "ab/").empty());
    CHECK(storage::rests_of("ab", "ab/").empty());
}

TEST_CASE("places are one of each kind that networks tell apart") {
    // All addresses of a /24 are of the kinds of these places, and no two places are of one kind.
    Random random(6);
    for (int i = 0; i < 20; ++i) {
        std::set<std::string> texts;
        for (int n = 0; n < 5; ++n)
            texts.insert(fmt::format("203.0.113.{}/{}", random.below(256), random.between(24, 32)));
        const auto kind_of = [&](const std::string& address) {
            std::string kind;
            for (const std::string& text : texts)
                kind += storage::Network::parse(text)->contains(*storage::Network::parse(address)) ? '1' : '0';
            return kind;
        };
        std::set<std::string> kinds;
        for (const storage::Place& place : storage::places_apart(texts))
            CHECK(kinds.insert(kind_of(place.address)).second);
        for (int last = 0; last < 256; ++last)
            CHECK(kinds.contains(kind_of(fmt::format("203.0.113.{}", last))));
    }
}

} // namespace weightseal::testing

// Limits in JSON with bytes changed, cut, doubled and nested: refused by name, or obeyed.

#include "support/guard.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal::testing {
namespace {

const std::string valid = R"({"capacity": 5000, "ticket_lifetime": 30, "tickets": 100, "logprobs_or_logit_bias": true,
"limits": [{"budget": "queries", "limit": 500, "window": 3600, "overflow_limit": 7},
{"tier": "pool", "budget": "concurrency", "limit": 1000}],
"signals": {"clients": 128, "warm_up": 0, "duplicate_percent": 90}})";

// Whether the text is accepted. Everything but an error of limits fails the test.
bool accepted(const std::string& text) {
    try {
        Limits::parse(text).validate();
        return true;
    } catch (const Error& error) {
        if (error.errc() < Errc::limits_not_json || error.errc() > Errc::duplicate_limit) FAIL(error.what());
        if (std::string_view(error.what()).size() > text.size() + 500) FAIL("a message longer than the text");
        return false;
    }
}

} // namespace

TEST_CASE("limits cut off anywhere are refused") {
    REQUIRE(accepted(valid));
    for (std::size_t size = 0; size < valid.size(); ++size)
        CHECK_FALSE(accepted(valid.substr(0, size)));
}

TEST_CASE("limits with any byte changed are refused, or obey the rules") {
    Random random(91);
    std::uint64_t good = 0;
    for (std::uint64_t i = 0; i < 5'000 * effort; ++i) {
        std::string text = valid;
        for (std::uint64_t changes = random.between(1, 4); changes-- != 0;) {
            const std::size_t at = random.below(text.size());
            switch (random.below(4)) {
            case 0: text[at] = static_cast<char>(random.next()); break;
            case 1: text[at] = "0123456789{}[]\",:-.eE tfn"[random.below(25)]; break;
            case 2: text.erase(at, random.below(20)); break;
            default: text.insert(at, text.substr(random.below(text.size()), random.below(60))); break;
            }
            if (text.empty()) text = "0";
        }
        good += accepted(text);
    }
    CHECK(good > 20 * effort);
}

TEST_CASE("deep, long and many: limits that exhaust a reader are refused at once") {
    const std::string deep(1'000'000, '[');
    CHECK_FALSE(accepted(deep));
    CHECK_FALSE(accepted("{\"limits\": " + deep));
    std::string objects;
    for (int i = 0; i < 100'000; ++i)
        objects += "{\"limits\":";
    CHECK_FALSE(accepted(objects));
    CHECK_FALSE(accepted("{\"limits\": [{\"tier\": \"" + std::string(1'000'000, 'x') + "\"}]}"));
    CHECK_FALSE(accepted("{\"" + std::string(1'000'000, 'x') + "\": 1}"));
    CHECK_FALSE(accepted("{\"capacity\": 1" + std::string(1'000'000, '0') + "}"));
    std::string many = "{\"limits\": [";
    for (int i = 1; i <= 100'000; ++i)
        many += (i == 1 ? "" : ",") + std::string("{\"budget\": \"queries\", \"limit\": 5, \"window\": ") +
                std::to_string(i % 2'000'000 + 1) + "}";
    CHECK_FALSE(accepted(many + "]}"));
}

} // namespace weightseal::testing

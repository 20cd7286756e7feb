// The JSON form of limits, and every refusal of it.

#include "support/guard.hpp"

#include "support/refusal.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal::testing {
namespace {

std::string message(std::string_view json) {
    try {
        static_cast<void>(Limits::parse(json, "limits.json"));
    } catch (const Error& error) {
        return std::string(errc_name(error.errc())) + " " + error.what();
    }
    return "nothing refused";
}

// One limit with a field replaced or added.
std::string one(const std::string& fields) {
    return "{\"limits\": [{\"budget\": \"queries\", " + fields + "}]}";
}

} // namespace

TEST_CASE("limits are read from JSON") {
    const Limits limits = Limits::parse(R"({
        "capacity": 5000, "ticket_lifetime": 30, "tickets": 100, "logprobs_or_logit_bias": true,
        "limits": [
            {"budget": "queries", "limit": 500, "window": 3600},
            {"tier": "pool", "budget": "tokens", "limit": 1000000000000, "window": 86400, "overflow_limit": 7},
            {"tier": "network_56", "budget": "concurrency", "limit": 8}
        ]})");
    Limits expected;
    expected.capacity = 5000;
    expected.ticket_lifetime = 30;
    expected.tickets = 100;
    expected.logprobs_or_logit_bias = true;
    expected.limits = {{},
                       {Tier::pool, Budget::tokens, 1'000'000'000'000, 86'400, 7},
                       {.tier = Tier::network_56, .budget = Budget::concurrency, .limit = 8}};
    CHECK(limits == expected);
    limits.validate();
}

TEST_CASE("the default is 500 queries an hour for each client") {
    CHECK(Limits() == Limits::parse(R"({"limits": [{"budget": "queries", "limit": 500, "window": 3600}]})"));
    Guard guard{Limits{}};
    for (int i = 0; i < 500; ++i)
        CHECK(guard.check(named(guard, 1), {}, noon).allowed);
    CHECK(http_fields(guard.check(named(guard, 1), {}, noon)).status == 429);
}

TEST_CASE("what is not JSON is refused with line and byte") {
    CHECK(message("{\n  \"limits\": [\n  oops]}") ==
          "limits_not_json limits.json: line 3: is not valid JSON (at byte 19)");
    for (const char* const text :
         {"", "{", "{]", "{\"limits\": [}", "nul", "{\"limits\": [{\"tier\": \"\xff\"}]}", "{\"capacity\": 5 5}"})
        CHECK(message(text).starts_with("limits_not_json"));
    CHECK(message(std::string_view("{\0}", 3)).starts_with("limits_not_json"));
}

TEST_CASE("a value of another type is refused with field and line") {
    CHECK(message("5") == "limits_field_type limits.json: the text must be an object");
    CHECK(message("[]") == "limits_field_type limits.json: the text must be an object");
    CHECK(message("{\n\n\"capacity\": \"much\"}") ==
          "limits_field_type limits.json: line 3: capacity must be a whole number");
    CHECK(message("{\"capacity\": 1.5}").starts_with("limits_field_type"));
    CHECK(message("{\"capacity\": 1e99}").starts_with("limits_field_type"));
    CHECK(message("{\"capacity\": null}").starts_with("limits_field_type"));
    CHECK(message("{\"capacity\": {}}").starts_with("limits_field_type"));
    CHECK(message("{\"capacity\": []}").starts_with("limits_field_type"));
    CHECK(message("{\"limits\": {}}").starts_with("limits_field_type"));
    CHECK(message("{\"limits\": [5]}") == "limits_field_type limits.json: line 1: limits must hold objects");
    CHECK(message("{\"limits\": [[]]}").starts_with("limits_field_type"));
    CHECK(message("{\"logprobs_or_logit_bias\": 1}") ==
          "limits_field_type limits.json: line 1: logprobs_or_logit_bias must be true or false");
    CHECK(message("{\"limits\": [{\"tier\":\n7}]}") ==
          "limits_field_type limits.json: line 1: limits[0].tier must be a text");
}

TEST_CASE("numbers outside their range are refused with field and line") {
    CHECK(message("{\n\"capacity\":\n0\n}") ==
          "limits_out_of_range limits.json: line 2: capacity must be 1 … 268435456, and is 0");
    CHECK(message("{\"capacity\": 268435457}").starts_with("limits_out_of_range"));
    CHECK(message("{\"capacity\": -1}") == "limits_out_of_range limits.json: line 1: capacity must not be negative");
    CHECK(message("{\"tickets\": 0}").starts_with("limits_out_of_range"));
    CHECK(message("{\"tickets\": 16777217}").starts_with("limits_out_of_range"));
    CHECK(message("{\"ticket_lifetime\": 0}").starts_with("limits_out_of_range"));
    CHECK(message("{\"ticket_lifetime\": 86401}").starts_with("limits_out_of_range"));
    CHECK(message(one("\"limit\": 0")).starts_with("limits_out_of_range limits.json: line 1: limits[0].limit"));
    CHECK(message(one("\"limit\": 1000000000001")).starts_with("limits_out_of_range"));
    CHECK(message(one("\"window\": 0")).starts_with("limits_out_of_range"));
    CHECK(message(one("\"window\": 2678401")).starts_with("limits_out_of_range"));
    CHECK(message(one("\"window\": 4294967296")).starts_with("limits_out_of_range"));
    CHECK(message(one("\"overflow_limit\": 0")).starts_with("limits_out_of_range"));
    CHECK(message("{\"limits\": []}") ==
          "limits_out_of_range limits.json: line 1: limits must hold one limit at least");
}

TEST_CASE("a tier may have sixteen limits") {
    const auto many = [](int count) {
        std::string text = "{\"limits\": [";
        for (int i = 1; i <= count; ++i)
            text += std::string(i == 1 ? "" : ",\n") +
                    "{\"budget\": \"queries\", \"limit\": 5, \"window\": " + std::to_string(i) + "}";
        return text + "]}";
    };
    CHECK(Limits::parse(many(16)).limits.size() == 16);
    CHECK(message(many(17)) ==
          "limits_out_of_range limits.json: line 17: limits[16] is one more than the 16 that a tier may have");
}

TEST_CASE("unknown fields, tiers and budgets are refused by name") {
    CHECK(message("{\n\"capcity\": 5}") ==
          "unknown_limits_field limits.json: line 2: capcity is no field that this version knows");
    CHECK(message(one("\"windows\": 5")) ==
          "unknown_limits_field limits.json: line 1: limits[0].windows is no field that this version knows");
    CHECK(message(one("\"tier\": \"planet\"")) ==
          "unknown_limits_value limits.json: line 1: limits[0].tier is 'planet', which is no tier");
    CHECK(message("{\"limits\": [{\"budget\": \"Queries\"}]}") ==
          "unknown_limits_value limits.json: line 1: limits[0].budget is 'Queries', which is no budget");
    CHECK(message("{\"limits\": [{\"budget\": \"concurrency\", \"limit\": 5, \"window\": 60}]}")
              .starts_with("unknown_limits_field limits.json: line 1: limits[0].window"));
}

TEST_CASE("missing fields are refused by name") {
    CHECK(message("{\n}") == "missing_limits_field limits.json: line 2: limits is missing");
    CHECK(message("{\"limits\": [\n{}\n]}") == "missing_limits_field limits.json: line 2: limits[0].budget is missing");
    CHECK(message(one("\"window\": 5")) == "missing_limits_field limits.json: line 1: limits[0].limit is missing");
    CHECK(message(one("\"limit\": 5")) == "missing_limits_field limits.json: line 1: limits[0].window is missing");
}

TEST_CASE("fields that stand twice are refused") {
    CHECK(message("{\"capacity\": 5,\n\"capacity\": 5}") ==
          "duplicate_limits_field limits.json: line 2: capacity stands twice");
    CHECK(message(one("\"limit\": 5, \"limit\": 6")) ==
          "duplicate_limits_field limits.json: line 1: limits[0].limit stands twice");
}

TEST_CASE("two limits of one tier, budget and window are refused") {
    const std::string limit = R"({"budget": "queries", "limit": 5, "window": 60})";
    CHECK(message("{\"limits\": [" + limit + ",\n" + limit + "]}") ==
          "duplicate_limit limits.json: line 2: limits[1] has the tier, budget and window of an earlier limit");
    const std::string slot = R"({"budget": "concurrency", "limit": 5})";
    CHECK(message("{\"limits\": [" + slot + ", " + slot + "]}").starts_with("duplicate_limit"));
}

TEST_CASE("limits that a program fills in obey the same rules") {
    const auto refused = [](auto change) {
        Limits limits;
        change(limits);
        return refusal([&] { limits.validate(); });
    };
    CHECK(refused([](Limits& l) { l.capacity = 0; }) == "limits_out_of_range");
    CHECK(refused([](Limits& l) { l.tickets = 0; }) == "limits_out_of_range");
    CHECK(refused([](Limits& l) { l.ticket_lifetime = 0; }) == "limits_out_of_range");
    CHECK(refused([](Limits& l) { l.limits.clear(); }) == "limits_out_of_range");
    CHECK(refused([](Limits& l) { l.limits[0].limit = 0; }) == "limits_out_of_range");
    CHECK(refused([](Limits& l) { l.limits[0].window = 0; }) == "limits_out_of_range");
    CHECK(refused([](Limits& l) { l.limits[0].overflow_limit = max_limit + 1; }) == "limits_out_of_range");
    CHECK(refused([](Limits& l) { l.limits[0].tier = Tier(tier_count); }) == "unknown_limits_value");
    CHECK(refused([](Limits& l) { l.limits[0].budget = Budget(budget_count); }) == "unknown_limits_value");
    CHECK(refused([](Limits& l) { l.limits.push_back(l.limits[0]); }) == "duplicate_limit");
    CHECK(refused([](Limits&) {}) == "nothing refused");
}

} // namespace weightseal::testing

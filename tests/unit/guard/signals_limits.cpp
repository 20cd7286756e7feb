// Thresholds of signals in JSON, every refusal of them, and their change while a guard runs.

#include "support/refusal.hpp"
#include "support/signals.hpp"

namespace weightseal::testing {
namespace {

// The limits' text with this for its signals.
std::string signals_text(const std::string& signals) {
    return "{\"limits\": [{\"budget\": \"queries\", \"limit\": 500, \"window\": 3600}],\n\"signals\": " + signals + "}";
}

std::string message(const std::string& signals) {
    try {
        static_cast<void>(Limits::parse(signals_text(signals), "limits.json"));
    } catch (const Error& error) {
        return std::string(errc_name(error.errc())) + " " + error.what();
    }
    return "nothing refused";
}

} // namespace

TEST_CASE("signals are off unless the limits have them, and have defaults") {
    CHECK_FALSE(Limits().signals);
    CHECK_FALSE(Limits::parse(R"({"limits": [{"budget": "queries", "limit": 500, "window": 3600}]})").signals);
    CHECK(Limits::parse(signals_text("{}")).signals == Signals());
}

TEST_CASE("thresholds are read from JSON") {
    const Limits limits = Limits::parse(signals_text(R"({"clients": 128, "warm_up": 1, "minimum": 2,
        "distinct_prompts": 3, "duplicate_percent": 4, "logprobs_percent": 5, "logit_bias_percent": 6,
        "surge_ratio": 7, "total_excess": 8})"));
    CHECK(limits.signals == Signals{128, 1, 2, 3, 4, 5, 6, 7, 8});
    limits.validate();
}

TEST_CASE("wrong thresholds are refused with field and line") {
    CHECK(message("{\n\"clients\": 63}") ==
          "limits_out_of_range limits.json: line 3: signals.clients must be 64 … 1048576, and is 63");
    for (const char* const field :
         {"\"clients\": 1048577", "\"warm_up\": 8785", "\"minimum\": 0", "\"minimum\": 1000000000001",
          "\"distinct_prompts\": 1000000000001", "\"duplicate_percent\": 101", "\"logprobs_percent\": 101",
          "\"logit_bias_percent\": 101", "\"surge_ratio\": 1000001", "\"total_excess\": 1000001",
          "\"warm_up\": 99999999999999999999999"})
        CHECK(message(std::string("{") + field + "}") != "nothing refused");
    CHECK(message("{\"warm_up\": -1}") ==
          "limits_out_of_range limits.json: line 2: signals.warm_up must not be negative");
    CHECK(message("{\"clientele\": 64}") ==
          "unknown_limits_field limits.json: line 2: signals.clientele is no field that this version knows");
    CHECK(message("{\"limits\": []}").starts_with("unknown_limits_field"));
    CHECK(message("{\"minimum\": 5,\n\"minimum\": 5}") ==
          "duplicate_limits_field limits.json: line 3: signals.minimum stands twice");
    CHECK(message("{}, \"signals\": {}").starts_with("duplicate_limits_field"));
    CHECK(message("5") == "limits_field_type limits.json: line 2: signals must be an object");
    CHECK(message("[]").starts_with("limits_field_type"));
    CHECK(message("null").starts_with("limits_field_type"));
    for (const char* const value : {"1.5", "\"5\"", "true", "null", "[]", "{}"})
        CHECK(message(std::string("{\"minimum\": ") + value + "}") ==
              "limits_field_type limits.json: line 2: signals.minimum must be a whole number");
}

TEST_CASE("values set in C++ obey the same rules") {
    const auto refused = [](const Signals& signals) { return refusal([&] { Guard guard(with(signals)); }); };
    CHECK(refused({.clients = 63}) == "limits_out_of_range");
    CHECK(refused({.minimum = 0}) == "limits_out_of_range");
    CHECK(refused({.duplicate_percent = 101}) == "limits_out_of_range");
    CHECK(refused({.clients = 64}) == "nothing refused");
}

TEST_CASE("thresholds change at once, and what was counted stays") {
    Signals signals{.clients = 64, .warm_up = 0};
    Guard guard(with(signals));
    std::uint64_t prompt = 0;
    send(guard, named(guard, 1), 50, noon, prompt);
    CHECK(Heard(guard).all() == 0);
    signals.distinct_prompts = 51;
    guard.configure(with(signals), noon + hours(1));
    send(guard, named(guard, 1), 1, noon + hours(1), prompt);
    CHECK(Heard(guard).of(GuardEventKind::distinct_prompts) == 1);
}

TEST_CASE("signals are switched on and off while a guard runs, and take memory only then") {
    const Limits off = only({queries(500, 3600)}), on = with({.clients = 64, .warm_up = 2, .distinct_prompts = 10});
    Guard guard(off);
    const std::size_t memory = guard.memory();
    std::uint64_t prompt = 0;
    send(guard, named(guard, 1), 50, noon, prompt);
    guard.configure(on, noon + hours(100));
    CHECK(guard.memory() > memory);
    send(guard, named(guard, 1), 50, noon + hours(100), prompt); // the warm-up begins here
    Heard warming(guard);
    CHECK(warming.of(GuardEventKind::distinct_prompts) == 0);
    send(guard, named(guard, 2), 50, noon + hours(102.5), prompt);
    CHECK(Heard(guard).of(GuardEventKind::distinct_prompts) == 1);
    guard.configure(off, noon + hours(103));
    CHECK(guard.memory() == memory);
    send(guard, named(guard, 3), 50, noon + hours(103), prompt);
    CHECK(Heard(guard).of(GuardEventKind::distinct_prompts) == 0);
}

} // namespace weightseal::testing

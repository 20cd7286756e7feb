// Signals of pools and of the guard: campaigns that no single client shows, and weeks in which nothing happens.

#include "support/signals.hpp"

#include <cmath>
#include <numbers>

namespace weightseal::testing {
namespace {

using Kind = GuardEventKind;

// Requests of an ordinary hour: people by day, and a few clients of all sizes.
double busy(int hour) {
    return 0.55 - 0.45 * std::cos(2 * std::numbers::pi * (hour % 24 - 3) / 24);
}

// One hour of a service with `clients` clients, whose requests are checked, and observed if they are admitted.
void ordinary_hour(Guard& guard, int hour, std::uint64_t clients, Random& random, std::uint64_t& prompt) {
    for (std::uint64_t client = 0; client < clients; ++client) {
        const double rate = 40.0 * busy(hour) / (1 + static_cast<double>(client % 20)); // a heavy tail
        const auto requests = static_cast<std::uint64_t>(rate * 2 * (static_cast<double>(random.below(1000)) / 1000));
        for (std::uint64_t i = 0; i < requests; ++i) {
            const nanoseconds now = noon + hours(hour + static_cast<double>(i) / static_cast<double>(requests) * 0.99);
            REQUIRE(guard.check(named(guard, client), {}, now).allowed);
            guard.observe(named(guard, client), {.prompt_hash = ++prompt}, now);
        }
    }
}

} // namespace

TEST_CASE("a campaign of 24,000 accounts, each far below its limit, raises events while nobody is refused") {
    Limits limits = with({});
    limits.capacity = 30'000;
    Guard guard(limits);
    Random random(11);
    std::uint64_t prompt = 0;
    constexpr std::uint64_t people = 40 * effort;
    int hour = 0;
    for (; hour < 7 * 24; ++hour)
        ordinary_hour(guard, hour, people, random, prompt);
    CHECK(Heard(guard).all() == 0);
    // 667 requests of each account in three weeks are 1.3 an hour.
    constexpr std::uint64_t accounts = 2'400 * effort;
    for (const int begin = hour; hour < begin + 3; ++hour) {
        ordinary_hour(guard, hour, people, random, prompt);
        for (std::uint64_t i = 0; i < accounts * 13 / 10; ++i) {
            const nanoseconds now = noon + hours(hour + 0.99);
            const ClientKey account = named(guard, 1'000'000 + i % accounts);
            REQUIRE(guard.check(account, {}, now).allowed);
            guard.observe(account, {.prompt_hash = ++prompt}, now);
        }
    }
    CHECK(guard.counters().refused == 0);
    const Heard heard(guard);
    CHECK(heard.of(Kind::total_requests) >= 1);
    CHECK(heard.of(Kind::total_new_clients) >= 1);
    CHECK(heard.of(Kind::total_distinct_prompts) >= 1);
    for (const auto& [kind, event] : heard.last) {
        CHECK(event.tier == Tier::pool);
        CHECK(event.client == 0);
        CHECK(event.window == 3600);
        CHECK(event.limit == Signals().total_excess);
        CHECK(event.used >= event.limit);
    }
}

TEST_CASE("ordinary weeks raise no event with the thresholds that are the default") {
    for (const std::uint64_t seed : {21, 22, 23}) {
        Guard guard(with({}));
        Random random(seed);
        std::uint64_t prompt = 0;
        for (int hour = 0; hour < 14 * 24; ++hour)
            ordinary_hour(guard, hour, 20 * effort, random, prompt);
        CHECK(Heard(guard).all() == 0);
        if (effort == 1) break;
    }
}

TEST_CASE("an excess that is too small for one hour is found when it lasts") {
    Guard guard(with({.clients = 64}));
    std::uint64_t prompt = 0;
    int hour = 0;
    const auto hour_with = [&](std::uint64_t requests) {
        for (std::uint64_t i = 0; i < requests; ++i)
            guard.observe(named(guard, i % 200), {.prompt_hash = prompt++ % 50},
                          noon + hours(hour + static_cast<double>(i) / static_cast<double>(requests) * 0.99));
        ++hour;
        return Heard(guard).of(Kind::total_requests);
    };
    while (hour < 10 * 24)
        CHECK(hour_with(1000) == 0);
    int lasted = 0;
    while (hour_with(1300) == 0) // 30 % more, of which 5 % and the usual deviation are no excess
        REQUIRE(++lasted < 48);
    CHECK(lasted > 4);
}

TEST_CASE("each pool has a baseline of its own") {
    Signals signals{.clients = 1024};
    Guard guard(with(signals, {{.tier = Tier::pool, .limit = 1'000'000}}));
    std::uint64_t prompt = 0;
    const auto hour_of = [&](int hour, const char* pool, std::uint64_t requests) {
        for (std::uint64_t i = 0; i < requests; ++i) {
            const std::string name = pool + std::to_string(i % 100);
            guard.observe(guard.identify({.name = name, .pool = pool}), {.prompt_hash = ++prompt},
                          noon + hours(hour + static_cast<double>(i) / static_cast<double>(requests) * 0.99));
        }
    };
    for (int hour = 0; hour < 5 * 24; ++hour) {
        hour_of(hour, "small", 200);
        hour_of(hour, "large", 2000);
    }
    CHECK(Heard(guard).all() == 0);
    hour_of(120, "large", 2000);
    hour_of(120, "small", 800); // nothing to the guard
    const Heard heard(guard);
    CHECK(heard.of(Kind::total_requests) == 1);
    CHECK(heard.last.at(Kind::total_requests).client ==
          guard.identify({.pool = "small"}).hashes[static_cast<std::size_t>(Tier::pool)]);
    hour_of(121, "new", 5000); // has no baseline yet, and is an excess of the guard
    const Heard after(guard);
    CHECK(after.of(Kind::total_requests) == 1);
    CHECK(after.last.at(Kind::total_requests).client == 0);
}

TEST_CASE("clocks that are set, by a day either way, raise no signal and lose none") {
    Signals signals{.clients = 64, .warm_up = 48, .distinct_prompts = 0, .duplicate_percent = 0};
    Guard guard(with(signals));
    std::uint64_t prompt = 0;
    double at = 0;
    const auto ordinary = [&](int count) {
        for (int i = 0; i < count; ++i, at += 1)
            send(guard, named(guard, 1), 20, noon + hours(at), prompt);
    };
    ordinary(72);
    CHECK(Heard(guard).all() == 0);
    at -= 24;
    ordinary(1);
    const Heard back(guard);
    CHECK(back.all() == 1);
    CHECK(back.of(Kind::clock_stepped_back) == 1);
    at += 24;
    ordinary(24);
    at += 1'000'000;
    ordinary(24);
    CHECK(Heard(guard).all() == 0);
    send(guard, named(guard, 1), 200, noon + hours(at), prompt);
    CHECK(Heard(guard).of(Kind::client_surge) == 1);
}

} // namespace weightseal::testing

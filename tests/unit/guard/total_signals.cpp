// Signals of pools and of the guard: campaigns that no single client shows, and weeks in which nothing happens.

#include "support/signals.hpp"

#include <cmath>
#include <numbers>

namespace weightseal::testing {
namespace {

using Kind = GuardEventKind;

// Checks a request of each of these clients, evenly over the hour and in no order, and observes it.
void ask(Guard& guard, int hour, std::vector<std::uint64_t>& clients, Random& random, std::uint64_t& prompt) {
    for (std::size_t i = 0; i < clients.size(); ++i) {
        std::swap(clients[i], clients[random.between(i, clients.size() - 1)]);
        const nanoseconds now = noon + hours(hour + static_cast<double>(i) / static_cast<double>(clients.size()));
        REQUIRE(guard.check(named(guard, clients[i]), {}, now).allowed);
        guard.observe(named(guard, clients[i]), {.prompt_hash = ++prompt}, now);
    }
}

// Who asks in an ordinary hour: people of all sizes, by day.
std::vector<std::uint64_t> ordinary(int hour, std::uint64_t people, Random& random) {
    const double busy = 0.55 - 0.45 * std::cos(2 * std::numbers::pi * (hour % 24 - 3) / 24);
    std::vector<std::uint64_t> clients;
    for (std::uint64_t client = 0; client < people; ++client) {
        const double rate = 40.0 * busy / (1 + static_cast<double>(client % 20)); // a heavy tail
        clients.insert(clients.end(), random.below(static_cast<std::uint64_t>(2 * rate) + 1), client);
    }
    return clients;
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
    for (; hour < 7 * 24; ++hour) {
        std::vector<std::uint64_t> clients = ordinary(hour, people, random);
        ask(guard, hour, clients, random, prompt);
    }
    CHECK(Heard(guard).all() == 0);
    // 667 requests of each account in three weeks are 1.3 an hour.
    constexpr std::uint64_t accounts = 2'400 * effort;
    for (const int begin = hour; hour < begin + 3; ++hour) {
        std::vector<std::uint64_t> clients = ordinary(hour, people, random);
        for (std::uint64_t i = 0; i < accounts * 13 / 10; ++i)
            clients.push_back(1'000'000 + i % accounts);
        ask(guard, hour, clients, random, prompt);
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
    for (const std::uint64_t seed : {21U, 22U, 23U}) {
        Guard guard(with({}));
        Random random(seed);
        std::uint64_t prompt = 0;
        for (int hour = 0; hour < 14 * 24; ++hour) {
            std::vector<std::uint64_t> clients = ordinary(hour, 20 * effort, random);
            ask(guard, hour, clients, random, prompt);
        }
        CHECK(Heard(guard).all() == 0);
        if (effort == 1) break;
    }
}

TEST_CASE("an excess that is too small for one hour is found when it lasts") {
    Guard guard(with({.clients = 64, .total_excess = 200}));
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
    const Signals signals{.clients = 1024, .total_excess = 200};
    Guard guard(with(signals, {{.tier = Tier::pool, .limit = 1'000'000}}));
    std::uint64_t prompt = 0;
    const auto half_of = [&](double hour, const char* pool, std::uint64_t requests) {
        for (std::uint64_t i = 0; i < requests; ++i) {
            const std::string name = pool + std::to_string(i % 100);
            guard.observe(guard.identify({.name = name, .pool = pool}), {.prompt_hash = ++prompt},
                          noon + hours(hour + static_cast<double>(i) / static_cast<double>(requests) * 0.49));
        }
    };
    for (int hour = 0; hour < 5 * 24; ++hour) {
        half_of(hour, "small", 200);
        half_of(hour + 0.5, "large", 2000);
    }
    CHECK(Heard(guard).all() == 0);
    half_of(120, "small", 800); // nothing to the guard
    half_of(120.5, "large", 2000);
    const Heard heard(guard);
    CHECK(heard.of(Kind::total_requests) == 1);
    CHECK(heard.last.at(Kind::total_requests).client ==
          guard.identify({.pool = "small"}).hashes[static_cast<std::size_t>(Tier::pool)]);
    half_of(121, "new", 20'000); // has no baseline yet, and is an excess of the guard
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

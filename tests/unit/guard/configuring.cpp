// Changing the limits while the guard runs.

#include "support/guard.hpp"

#include "support/refusal.hpp"

#include <vector>

namespace weightseal::testing {
namespace {

bool admits(Guard& guard, std::uint64_t queries, nanoseconds now, std::uint64_t client = 1) {
    return guard.check(named(guard, client), {.queries = queries}, now).allowed;
}

} // namespace

TEST_CASE("a limit changes at once, and counts are kept") {
    Guard guard(only({queries(10, 160)}));
    REQUIRE(admits(guard, 8, noon));
    const std::size_t memory = guard.memory();
    guard.configure(only({queries(100, 160)}), noon + seconds(1));
    CHECK_FALSE(admits(guard, 93, noon + seconds(1)));
    CHECK(admits(guard, 92, noon + seconds(1)));
    guard.configure(only({queries(10, 160)}), noon + seconds(2));
    CHECK_FALSE(admits(guard, 1, noon + seconds(2)));
    CHECK_FALSE(admits(guard, 1, noon + seconds(159)));
    CHECK(admits(guard, 10, noon + seconds(171)));
    CHECK(guard.memory() == memory);
    CHECK(guard.limits() == only({queries(10, 160)}));
}

TEST_CASE("a limit may change by any factor within a window: counts stay true") {
    Guard guard(only({tokens(10, 160)}));
    const auto take = [&](std::uint64_t tokens) {
        return guard.check(named(guard, 1), {.tokens = tokens}, noon).allowed;
    };
    CHECK(take(7));
    guard.configure(only({tokens(max_limit, 160)}), noon);
    CHECK(take(max_limit - 7'000'000));
    guard.configure(only({tokens(500, 160)}), noon);
    CHECK_FALSE(take(1));
    guard.configure(only({tokens(max_limit, 160)}), noon);
    CHECK_FALSE(take(7'000'000));
    CHECK(take(6'000'000));
}

TEST_CASE("changed windows run beside the old ones until the longest old one has passed") {
    Guard guard(only({queries(10, 160)}));
    const std::size_t memory = guard.memory();
    REQUIRE(admits(guard, 8, noon));
    guard.configure(only({queries(20, 16)}), noon + seconds(1));
    CHECK(guard.memory() > memory);
    CHECK(admits(guard, 2, noon + seconds(1)));
    CHECK_FALSE(admits(guard, 1, noon + seconds(100))); // the old window is full
    CHECK(admits(guard, 10, noon + seconds(100), 2));
    CHECK_FALSE(admits(guard, 11, noon + seconds(100), 3));
    guard.trim(noon + seconds(160));
    CHECK(guard.memory() > memory);
    CHECK(admits(guard, 20, noon + seconds(220)));
    CHECK_FALSE(admits(guard, 1, noon + seconds(220)));
    guard.trim(noon + seconds(220));
    CHECK(guard.memory() == memory);
}

TEST_CASE("a window that old and new limits have in common has its new number at once") {
    Guard guard(only({queries(10, 160)}));
    guard.configure(only({queries(30, 160), queries(50, 16)}), noon);
    CHECK(admits(guard, 30, noon));
    CHECK_FALSE(admits(guard, 1, noon));
}

TEST_CASE("a change of capacity forgets nobody") {
    Limits limits = only({queries(3, 160)}, 100);
    Guard guard(limits);
    for (std::uint64_t i = 0; i < 100; ++i)
        REQUIRE(admits(guard, 3, noon, i));
    const std::size_t memory = guard.memory();
    limits.capacity = 5000;
    guard.configure(limits, noon + seconds(1));
    CHECK(guard.memory() > memory);
    for (std::uint64_t i = 0; i < 100; ++i)
        REQUIRE_FALSE(admits(guard, 1, noon + seconds(100), i));
    for (std::uint64_t i = 0; i < 100; ++i)
        REQUIRE(admits(guard, 3, noon + seconds(190), i));
}

TEST_CASE("tiers come and go: nobody is without limits meanwhile or afterwards") {
    Limits limits = only({queries(3, 160)});
    Guard guard(limits);
    limits.limits = {{.tier = Tier::address, .limit = 5, .window = 160}};
    guard.configure(limits, noon);
    const ClientKey name = named(guard, 1);
    const ClientKey address = guard.identify({.address = Address::parse("192.0.2.1")});
    const auto count = [&](const ClientKey& client, nanoseconds now) {
        int admitted = 0;
        while (guard.check(client, {}, now).allowed && admitted < 100)
            ++admitted;
        return admitted;
    };
    CHECK(count(name, noon) == 3);
    CHECK(count(address, noon) == 5);
    // After the old table's time a name alone is the anonymous address, before and after the table is released.
    CHECK(count(name, noon + seconds(400)) == 5);
    guard.trim(noon + seconds(800));
    CHECK(count(name, noon + seconds(800)) == 5);
    CHECK(count(address, noon + seconds(800)) == 5);
}

TEST_CASE("a ticket of before the change settles, and refunds what it was charged to only") {
    Guard guard(only({tokens(100, 160)}));
    const Decision old = guard.check(named(guard, 1), {.tokens = 90}, noon);
    guard.configure(only({tokens(100, 160), tokens(50, 16)}), noon);
    const Decision fresh = guard.check(named(guard, 1), {.tokens = 10}, noon);
    REQUIRE(fresh.allowed);
    CHECK(guard.settle(old.ticket, {.tokens = 10}, noon) == Settlement::settled);
    CHECK_FALSE(guard.check(named(guard, 1), {.tokens = 41}, noon).allowed);
    CHECK(guard.check(named(guard, 1), {.tokens = 40}, noon).allowed);
    CHECK(guard.settle(fresh.ticket, {.tokens = 0}, noon) == Settlement::settled);
    CHECK(guard.check(named(guard, 1), {.tokens = 10}, noon).allowed);
    CHECK_FALSE(guard.check(named(guard, 1), {.tokens = 1}, noon).allowed);
}

TEST_CASE("a limit of concurrency that goes away is settled until its table has passed") {
    Limits limits = only({concurrency(3), queries(1000, 3600)});
    Guard guard(limits);
    limits.limits.erase(limits.limits.begin());
    guard.configure(limits, noon);
    for (int i = 0; i < 100; ++i) {
        const Decision decision = guard.check(named(guard, 1), {}, noon + seconds(i));
        REQUIRE(decision.allowed);
        CHECK(guard.settle(decision.ticket, {}, noon + seconds(i)) == Settlement::settled);
    }
    guard.trim(noon + seconds(4800));
    CHECK(guard.check(named(guard, 1), {}, noon + seconds(4800)).ticket == 0);
}

TEST_CASE("too many changes at once are refused, and change nothing") {
    Guard guard(only({queries(10, 160)}));
    for (std::uint32_t window = 161; window < 164; ++window)
        guard.configure(only({queries(10, window)}), noon);
    CHECK(refusal([&] { guard.configure(only({queries(10, 164)}), noon); }) == "limits_change_pending");
    CHECK(guard.limits() == only({queries(10, 163)}));
    guard.configure(only({queries(20, 163)}), noon); // a new number is no such change
    guard.configure(only({queries(10, 164)}), noon + seconds(220));
    CHECK(guard.limits() == only({queries(10, 164)}));
}

TEST_CASE("limits that change at random hold in every window, against a log") {
    // A window holds from when it is configured until the longest one beside it has passed after it was taken away.
    struct InForce {
        std::uint32_t window;
        std::uint64_t limit;
        std::int64_t since, until;
    };
    constexpr std::array<std::uint32_t, 4> windows{5, 10, 20, 40};
    constexpr std::int64_t second = 1'000'000'000;
    Random random(33);
    std::uint64_t changes = 0, pending = 0;
    for (std::uint64_t round = 0; round < 4 * effort; ++round) {
        std::int64_t now = noon.count();
        std::vector<InForce> in_force;
        std::vector<std::pair<std::int64_t, std::uint64_t>> log;
        const auto configure = [&](const Limits& limits) {
            std::int64_t longest = 0;
            for (const InForce& old : in_force)
                if (old.until == INT64_MAX) longest = std::max<std::int64_t>(longest, old.window * second);
            for (InForce& old : in_force) {
                const auto found = std::ranges::find(limits.limits, old.window, &Limit::window);
                if (found != limits.limits.end())
                    old.limit = found->limit;
                else if (old.until == INT64_MAX)
                    old.until = now + longest;
            }
            for (const Limit& limit : limits.limits)
                if (std::ranges::none_of(in_force, [&](const InForce& old) {
                        return old.window == limit.window && old.until == INT64_MAX;
                    }))
                    in_force.push_back({limit.window, limit.limit, now, INT64_MAX});
        };
        const auto some_limits = [&] {
            Limits limits = only({}, random.once_in(4) ? 600 : 500);
            for (const std::uint32_t window : windows)
                if (random.once_in(2)) limits.limits.push_back(queries(random.between(3, 60), window));
            if (limits.limits.empty()) limits.limits.push_back(queries(9, 10));
            return limits;
        };
        const Limits first = some_limits();
        Guard guard(first);
        configure(first);
        for (int i = 0; i < 3000; ++i) {
            now += static_cast<std::int64_t>(random.below(random.once_in(100) ? 10 * second : second / 2));
            if (random.once_in(40)) {
                const Limits limits = some_limits();
                if (refusal([&] { guard.configure(limits, nanoseconds(now)); }) == "nothing refused") {
                    configure(limits);
                    ++changes;
                } else {
                    ++pending;
                }
            }
            const std::uint64_t cost = random.between(1, 3);
            if (!admits(guard, cost, nanoseconds(now))) continue;
            log.emplace_back(now, cost);
            for (const InForce& limit : in_force) {
                if (limit.until <= now) continue;
                std::uint64_t sum = 0;
                for (const auto& [at, charged] : log)
                    if (at > now - limit.window * second && at >= limit.since) sum += charged;
                if (sum > limit.limit) FAIL(sum << " in " << limit.window << " s, not " << limit.limit);
            }
            std::erase_if(log, [&](const auto& entry) { return entry.first <= now - 40 * second; });
            std::erase_if(in_force, [&](const InForce& limit) { return limit.until <= now; });
        }
    }
    CHECK(changes > 10 * effort);
    CHECK(pending > 2 * effort);
}

TEST_CASE("what cannot be changed, or is no valid configuration, is refused and changes nothing") {
    Guard guard(only({queries(10, 160)}));
    Limits limits = only({queries(11, 160)});
    limits.tickets = 7;
    CHECK(refusal([&] { guard.configure(limits, noon); }) == "unsupported");
    CHECK(refusal([&] { guard.configure(only({}), noon); }) == "limits_out_of_range");
    CHECK(refusal([&] { guard.configure(only({queries(0, 160)}), noon); }) == "limits_out_of_range");
    CHECK(guard.limits() == only({queries(10, 160)}));
    CHECK(refusal([] { Guard(only({queries(1, 0)})); }) == "limits_out_of_range");
}

} // namespace weightseal::testing

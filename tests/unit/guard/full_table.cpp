// Full tables: whom the guard remembers exactly, and how it treats those whom it cannot.

#include "guard/table.hpp"

#include "support/guard.hpp"

#include <algorithm>
#include <map>

namespace weightseal::testing {
namespace {

using guard::Sketch;

} // namespace

TEST_CASE("a sketch never tells less of a client than it was told, for each quarter while it is in the window") {
    Random random(41);
    std::vector<float> cells(Sketch::cells_needed(64));
    std::vector<std::uint64_t> numbers(Sketch::quarters);
    Sketch sketch(cells, numbers);
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> told; // hash, quarter
    std::uint64_t quarter = 9;
    for (std::uint64_t i = 0; i < 20'000 * effort; ++i) {
        if (random.once_in(500)) quarter += random.below(3);
        Random hash(random.below(300));
        const std::uint64_t client = hash.next();
        const std::uint64_t of = quarter - random.below(Sketch::quarters);
        const std::uint64_t amount = random.below(std::uint64_t{1} << random.below(40));
        sketch.note(client, of, amount);
        std::uint64_t& most = told[{client, of}];
        most = std::max(most, amount);
        for (std::uint64_t q = quarter + 1 - Sketch::quarters; q <= quarter; ++q)
            if (const auto found = told.find({client, q}); found != told.end())
                REQUIRE(sketch.estimate(client, q) >= found->second);
    }
}

TEST_CASE("a sketch that a million clients with one query each went through still says one") {
    std::vector<float> cells(Sketch::cells_needed(64));
    std::vector<std::uint64_t> numbers(Sketch::quarters);
    Sketch sketch(cells, numbers);
    Random random(42);
    for (std::uint64_t i = 0; i < 100'000 * effort; ++i)
        sketch.note(random.next(), 7, 1);
    CHECK(sketch.estimate(random.next(), 7) <= 1);
    CHECK(sketch.estimate(random.next(), 8) == 0);
}

TEST_CASE("as many clients as the capacity says are remembered exactly") {
    for (const std::size_t capacity : {std::size_t{1}, std::size_t{64}, std::size_t{1000}, std::size_t{20'000}}) {
        Guard guard(only({queries(3, 3600)}, capacity));
        for (int query = 0; query < 3; ++query)
            for (std::size_t i = 0; i < capacity; ++i)
                if (!guard.check(named(guard, i), {}, noon).allowed) FAIL("client " << i << ", query " << query);
        for (std::size_t i = 0; i < capacity; ++i)
            if (guard.check(named(guard, i), {}, noon).allowed) FAIL("client " << i << " has a fourth");
        CHECK(guard.counters().inserted == capacity);
        CHECK(guard.counters().evicted == 0);
    }
}

TEST_CASE("places of clients whose counts have left are free, however many clients come") {
    Guard guard(only({queries(3, 60)}, 1000));
    for (std::uint64_t minute = 0; minute < 20; ++minute)
        for (std::uint64_t i = 0; i < 900; ++i)
            REQUIRE(guard.check(named(guard, minute * 10'000 + i), {}, noon + seconds(70 * static_cast<double>(minute)))
                        .allowed);
    CHECK(guard.counters().inserted == 18'000);
    CHECK(guard.counters().evicted == 0);
}

TEST_CASE("a heavy client is still over its limit after a flood of clients with one query each") {
    Guard guard(only({queries(500, 3600)}, 1000));
    const ClientKey heavy = named(guard, 1);
    for (int i = 0; i < 500; ++i)
        REQUIRE(guard.check(heavy, {}, noon).allowed);
    Random random(43);
    std::uint64_t refused = 0;
    for (std::uint64_t i = 0; i < 100'000 * effort; ++i) {
        const std::uint64_t name = random.next();
        const ClientKey client = guard.identify({.name = std::string_view(reinterpret_cast<const char*>(&name), 8)});
        if (!guard.check(client, {}, noon + seconds(static_cast<double>(i) * 1e-5)).allowed) ++refused;
    }
    CHECK(refused == 0); // fresh clients are admitted as long as there is room
    CHECK_FALSE(guard.check(heavy, {}, noon + seconds(100)).allowed);
    CHECK(guard.counters().evicted > 90'000 * effort);
}

TEST_CASE("losing one's place forgives nothing: clients that are flooded out, against a log") {
    Random random(44);
    for (std::uint64_t round = 0; round < 4 * effort; ++round) {
        // Two windows, of which either may be the one that decides; sub-buckets of 10 s and of 2.5 s.
        Guard guard(only({queries(40, 160), queries(25, 40)}, 64));
        std::map<std::uint64_t, std::array<AdmissionLog, 2>> log;
        std::int64_t now = noon.count();
        std::uint64_t flood = 1'000'000;
        for (int i = 0; i < 20'000; ++i) {
            now += static_cast<std::int64_t>(random.below(100'000'000));
            const bool heavy = random.once_in(2);
            const std::uint64_t client = heavy ? random.below(8) : flood++;
            const std::uint64_t cost = heavy ? random.between(1, 5) : 1;
            if (!guard.check(named(guard, client), {.queries = cost}, nanoseconds(now)).allowed || !heavy) continue;
            auto& [longer, shorter] = log[client];
            longer.add(now, cost);
            shorter.add(now, cost);
            if (longer.in_window(now, 160'000'000'000) > 40) FAIL("more than 40 in 160 s");
            if (shorter.in_window(now, 40'000'000'000) > 25) FAIL("more than 25 in 40 s");
        }
        CHECK(guard.counters().evicted > 1000);
    }
}

TEST_CASE("clients at their limit keep their places, and newcomers share a limit of their own") {
    Limit limit = queries(5, 3600);
    limit.overflow_limit = 30;
    Guard guard(only({limit}, 64));
    // Everybody who gets a place uses all of it.
    std::uint64_t client = 0;
    while (guard.counters().overflow == 0) {
        for (int i = 0; i < 5; ++i)
            static_cast<void>(guard.check(named(guard, client), {}, noon));
        ++client;
    }
    for (; client < 20'000; ++client)
        for (int i = 0; i < 5; ++i)
            static_cast<void>(guard.check(named(guard, client), {}, noon));
    // All shards are full now. Nobody who is at the limit is let in again.
    const GuardCounters before = guard.counters();
    CHECK(before.inserted < 1000);
    for (std::uint64_t i = 0; i < client; ++i)
        REQUIRE_FALSE(guard.check(named(guard, i), {}, noon).allowed);
    CHECK(before.overflow == 30);
    const Decision decision = guard.check(named(guard, 777'777), {}, noon);
    CHECK_FALSE(decision.allowed);
    CHECK(decision.reason == Reason::table_saturated);
    CHECK(decision.limit == 30);
    CHECK(decision.retry_after > seconds(3600));
    const std::vector<GuardEvent> events = events_of(guard);
    CHECK(std::ranges::count(events, GuardEventKind::table_saturated, &GuardEvent::kind) == 1);
    // With nothing in between, the retry succeeds.
    CHECK(guard.check(named(guard, 777'777), {}, noon + decision.retry_after).allowed);
}

TEST_CASE("who shares with newcomers is still below its own limit, in and out of the table") {
    Limit limit = queries(5, 160);
    limit.overflow_limit = 1'000'000;
    Guard guard(only({limit}, 1));
    Random random(45);
    std::map<std::uint64_t, AdmissionLog> log;
    std::int64_t now = noon.count();
    for (std::uint64_t i = 0; i < 100'000 * effort; ++i) {
        now += static_cast<std::int64_t>(random.below(10'000'000));
        const std::uint64_t client = random.below(2000);
        if (!guard.check(named(guard, client), {}, nanoseconds(now)).allowed) continue;
        log[client].add(now, 1);
        if (log[client].in_window(now, 160'000'000'000) > 5) FAIL("6 in a window");
    }
    CHECK(guard.counters().overflow > 1000);
}

TEST_CASE("what newcomers share is below its limit in every window, too") {
    Limit limit = queries(5, 160);
    limit.overflow_limit = 50;
    Guard guard(only({limit}, 1));
    Random random(48);
    AdmissionLog shared;
    std::int64_t now = noon.count();
    for (std::uint64_t i = 0; i < 100'000 * effort; ++i) {
        now += static_cast<std::int64_t>(random.below(10'000'000));
        const std::uint64_t cost = random.between(1, 5);
        const Decision decision = guard.check(named(guard, random.below(2000)), {.queries = cost}, nanoseconds(now));
        if (!decision.allowed || !decision.overflow) continue;
        shared.add(now, cost);
        if (shared.in_window(now, 160'000'000'000) > 50) FAIL("more than 50 in a window");
    }
    CHECK(guard.counters().overflow > 10 * effort);
}

TEST_CASE("a refusal by a full table tells when a retry succeeds, whether counts, a sketch or a share refused") {
    Limit slow = queries(9, 160), fast = queries(6, 20);
    slow.overflow_limit = 20;
    fast.overflow_limit = 4; // less than a client's own: a cost of 5 or 6 has to wait for a place
    Random random(49);
    std::array<std::uint64_t, 6> retried{}; // by reason
    std::uint64_t by_sketch = 0;
    for (std::uint64_t round = 0; round < 20 * effort; ++round) {
        Guard guard(only({slow, fast}, 1));
        std::int64_t now = noon.count();
        for (int i = 0; i < 2000; ++i) {
            now += static_cast<std::int64_t>(random.below(50'000'000));
            const ClientKey client = named(guard, random.below(300));
            const Costs costs{.queries = random.between(1, 6)};
            const Decision decision = guard.check(client, costs, nanoseconds(now));
            if (decision.allowed) continue;
            REQUIRE(decision.retry_after.count() > 0);
            if (!random.once_in(40)) continue;
            ++retried[static_cast<std::size_t>(decision.reason)];
            if (decision.retry_after > seconds(170)) ++by_sketch; // only quarters make it longer than 17 sub-buckets
            now += decision.retry_after.count();
            if (!guard.check(client, costs, nanoseconds(now)).allowed) FAIL("refused at the time that was told");
        }
    }
    CHECK(retried[static_cast<std::size_t>(Reason::limit_reached)] > 10 * effort);
    CHECK(retried[static_cast<std::size_t>(Reason::table_saturated)] > 10 * effort);
    CHECK(by_sketch >= effort);
}

TEST_CASE("a client whose place was taken while its request ran settles without harm") {
    Guard guard(only({tokens(1000, 3600), concurrency(50)}, 1));
    Random random(46);
    std::vector<Decision> open;
    for (std::uint64_t i = 0; i < 2000; ++i) {
        const Decision decision = guard.check(named(guard, i), {.tokens = 100}, noon);
        if (decision.allowed) open.push_back(decision);
    }
    for (const Decision& decision : open)
        CHECK(guard.settle(decision.ticket, {.tokens = random.below(101)}, noon) == Settlement::settled);
    // A debt follows its client, too.
    const Decision indebted = guard.check(named(guard, 3), {.tokens = 10}, noon);
    REQUIRE(indebted.allowed);
    for (std::uint64_t i = 0; i < 2000; ++i)
        static_cast<void>(guard.check(named(guard, 100'000 + i), {.tokens = 200}, noon));
    CHECK(guard.settle(indebted.ticket, {.tokens = 11}, noon) == Settlement::in_debt);
    for (std::uint64_t i = 0; i < 10; ++i)
        CHECK_FALSE(
            guard.check(named(guard, 3), {.tokens = i % 2}, noon + seconds(100.0 * static_cast<double>(i))).allowed);
}

TEST_CASE("a flood of addresses displaces no name: tiers have tables of their own") {
    Limits limits = only({queries(5, 3600)}, 100);
    limits.limits.push_back({.tier = Tier::address, .limit = 5, .window = 3600});
    Guard guard(limits);
    for (int query = 0; query < 4; ++query)
        for (std::uint64_t i = 0; i < 100; ++i)
            REQUIRE(guard.check(named(guard, i), {}, noon).allowed);
    Random random(47);
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        Address address;
        const std::uint64_t bytes = random.next();
        std::memcpy(address.bytes.data(), &bytes, 4);
        static_cast<void>(guard.check(guard.identify({.address = address}), {}, noon));
    }
    for (std::uint64_t i = 0; i < 100; ++i) {
        REQUIRE(guard.check(named(guard, i), {}, noon).allowed);
        REQUIRE_FALSE(guard.check(named(guard, i), {}, noon).allowed);
    }
}

} // namespace weightseal::testing

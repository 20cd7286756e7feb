// Leases: nobody waits, chunks end with their sub-bucket, and the allowance comes back.

#include "support/shared.hpp"

using namespace weightseal;
using namespace weightseal::testing;

namespace {

struct World {
    RedisServer server;
    SharedTime time;
    std::unique_ptr<guard::SharedState> make(const Limits& limits, std::uint32_t replicas = 2) {
        return std::make_unique<guard::SharedState>(
            limits, shared_secret(), shared_options(server.url(), SharedMode::lease, replicas), time.server());
    }
    Decision check(guard::SharedState& state, const std::string& name, const Costs& costs = {}) {
        return ask(state, name, costs, time.now(), guard::Asks::lease);
    }
};

/// A question for this client is under way in the background.
bool is_asking(guard::SharedState& state, const std::string& name) {
    const std::uint64_t hash = state.local.identify({.name = name}).hashes[0];
    const std::lock_guard lock(state.tiers[0].leases->lock(hash));
    return state.tiers[0].leases->find(hash)->asking;
}

} // namespace

TEST_CASE("shared lease: a first request is admitted from the allowance, which is charged and free again") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(only({queries(64, 3600)})); // an allowance of 4, 56 for the server
    world.server.pause();
    for (int i = 0; i < 4; ++i)
        CHECK(world.check(*state, "x").allowed);
    const Decision pending = world.check(*state, "x");
    CHECK_FALSE(pending.allowed);
    CHECK(pending.reason == Reason::lease_pending);
    CHECK(pending.retry_after == std::chrono::seconds(5));
    CHECK(http_fields(pending).status == 503);
    world.server.resume();
    CHECK(soon([&] { return world.check(*state, "x").allowed; }));
    std::uint64_t admitted = 5;
    CHECK(soon([&] {
        const Decision decision = world.check(*state, "x");
        admitted += decision.allowed ? 1 : 0;
        return decision.reason == Reason::limit_reached;
    }));
    CHECK(admitted == 60); // 56 and this process's allowance: the other 4 are another process's
    CHECK(events_of(*state).at(0).kind == GuardEventKind::limit_reached);
}

TEST_CASE("shared lease: a chunk is of no use after its sub-bucket, and what is left of it goes back") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(only({queries(6400, 3600)}), 32); // an allowance of 25, chunks of 175 of 5600
    std::uint64_t used = 0;
    const auto until_admitted = [&](std::uint64_t cost) {
        CHECK(soon([&] { return world.check(*state, "x", {.queries = cost}).allowed; }));
        used += cost;
    };
    const auto until_leased = [&] {
        CHECK(soon([&] {
            const Decision decision = world.check(*state, "x");
            used += decision.allowed ? 1 : 0;
            return decision.remaining >= 125;
        }));
    };
    until_admitted(500);
    until_leased();
    CHECK(world.check(*state, "x", {.queries = 100}).allowed);
    used += 100;
    until_leased();
    world.time.advance(225'000'000);
    world.server.pause();
    CHECK(world.check(*state, "x", {.queries = 100}).reason == Reason::lease_pending);
    world.server.resume();
    until_admitted(100);
    until_admitted(5600 - used - 260); // all but what is leased now, at most 250
}

TEST_CASE("shared lease: a clock that is set back ends all leases") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(only({queries(6400, 3600)}), 32);
    CHECK(soon([&] { return world.check(*state, "x").remaining >= 125; }));
    world.server.pause();
    const nanoseconds earlier = world.time.now() - std::chrono::hours(1);
    CHECK(ask(*state, "x", {.queries = 100}, earlier, guard::Asks::lease).reason == Reason::lease_pending);
    world.server.resume();
}

TEST_CASE("shared lease: a clock that was set back when a request was settled ends all leases, too") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(only({tokens(6400, 3600)}), 32);
    Decision decision;
    CHECK(soon([&] {
        decision = world.check(*state, "x", {.tokens = 1});
        return decision.remaining >= 125;
    }));
    world.server.pause();
    const nanoseconds earlier = world.time.now() - std::chrono::hours(1);
    (void)state->settle(decision.ticket, {.tokens = 1}, earlier);
    CHECK(ask(*state, "x", {.tokens = 100}, earlier, guard::Asks::lease).reason == Reason::lease_pending);
    world.server.resume();
}

TEST_CASE("shared lease: settling gives back to the lease or the server, and debt ends both") {
    if (!have_redis()) return;
    World world;
    const auto a = world.make(only({tokens(6400, 3600), concurrency(64)}));
    const auto b = world.make(only({tokens(6400, 3600), concurrency(64)}));
    Decision large;
    CHECK(soon([&] { return (large = world.check(*a, "x", {.tokens = 5000})).allowed; }));
    CHECK_FALSE(ask(*b, "x", {.tokens = 5000}, world.time.now()).allowed);
    CHECK(a->settle(large.ticket, {}, world.time.now()) == Settlement::settled);
    CHECK(world.check(*a, "x", {.tokens = 5000}).allowed); // at once: the lease runs
    world.time.advance(225'000'000 * 2);
    const Decision small = world.check(*a, "y", {.tokens = 10});
    CHECK(small.allowed);
    CHECK(soon([&] { return world.check(*a, "y", {.tokens = 450}).allowed; })); // the allowance was charged
    CHECK(a->settle(small.ticket, {.tokens = 11}, world.time.now()) == Settlement::in_debt);
    CHECK(world.check(*a, "y").reason == Reason::in_debt);
    CHECK(soon([&] { return ask(*b, "y", {.tokens = 5000}, world.time.now()).reason == Reason::in_debt; }));
    CHECK(soon([&] {
        const Decision decision = world.check(*a, "y");
        return decision.reason == Reason::in_debt && decision.retry_after <= seconds(3600 + 225);
    }));
}

TEST_CASE("shared lease: slots of requests that were admitted from the allowance come back") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(only({concurrency(8)}), 1); // an allowance of 1, 7 for the server
    for (int i = 0; i < 40; ++i) {                            // one after the other, more than there are slots
        Decision decision;
        CHECK(soon([&] { return (decision = world.check(*state, "x")).allowed; }));
        if (i % 2 == 0) world.time.advance(40'000'000); // another sub-bucket
        CHECK(soon([&] {
            const std::lock_guard lock(state->tiers[0].leases->lock(state->local.identify({.name = "x"}).hashes[0]));
            return !state->tiers[0].leases->seat(0).asking;
        }));
        CHECK(state->settle(decision.ticket, {}, world.time.now()) == Settlement::settled);
    }
}

TEST_CASE("shared lease: check_shared waits where a lease is pending") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(only({queries(64, 3600)}));
    CHECK(ask(*state, "x", {.queries = 50}, world.time.now(), guard::Asks::decision).allowed);
    CHECK(ask(*state, "x", {.queries = 50}, world.time.now(), guard::Asks::decision).reason == Reason::limit_reached);
    CHECK(ask(*state, "x", {.queries = 57}, world.time.now(), guard::Asks::decision).reason ==
          Reason::cost_exceeds_limit);
}

TEST_CASE("shared lease: what check_leases leaves to check_shared is charged once, and counted once") {
    if (!have_redis()) return;
    World world;
    const auto a = world.make(only({queries(640, 3600)})); // an allowance of 40, 560 for the server
    const auto b = world.make(only({queries(640, 3600)}));
    for (int i = 0; i < 3; ++i) {
        world.server.pause();
        CHECK(ask(*a, "x", {.queries = 100}, world.time.now(), guard::Asks::nothing).reason == Reason::lease_pending);
        CHECK_FALSE(is_asking(*a, "x"));
        world.server.resume();
        CHECK(ask(*a, "x", {.queries = 100}, world.time.now()).allowed);
    }
    CHECK(ask(*b, "x", {.queries = 260}, world.time.now()).allowed); // the full rest
    CHECK_FALSE(ask(*b, "x", {.queries = 41}, world.time.now()).allowed);
    CHECK(a->sums().admitted == 3);
    CHECK(a->sums().refused == 0);
    CHECK(b->sums().admitted == 1);
    CHECK(b->sums().refused == 1);
}

TEST_CASE("shared lease: check_leases decides from the allowance and leases, and asks for the next ones") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(only({queries(64, 3600)})); // an allowance of 4, 56 for the server
    for (int i = 0; i < 70; ++i) {
        const Decision decision = ask(*state, "x", {}, world.time.now(), guard::Asks::nothing);
        CHECK(decision.reason == (i < 60 ? Reason::admitted : Reason::limit_reached));
        CHECK(soon([&] { return !is_asking(*state, "x"); }));
    }
    CHECK(state->sums().admitted == 60);
    CHECK(state->sums().refused == 10);
}

TEST_CASE("shared lease: a full table of leases turns newcomers away only while all others owe something") {
    if (!have_redis()) return;
    World world;
    SharedOptions options = shared_options(world.server.url(), SharedMode::lease, 1);
    options.leases = 8;
    guard::SharedState state(only({queries(800, 3600)}), shared_secret(), options, world.time.server());
    world.server.pause();
    for (int i = 0; i < 8; ++i)
        CHECK(world.check(state, std::to_string(i)).allowed);
    CHECK(world.check(state, "8").reason == Reason::lease_pending);
    CHECK(world.check(state, "0").allowed);
    world.server.resume();
    for (int i = 8; i < 100; ++i)
        CHECK(soon([&] { return world.check(state, std::to_string(i)).allowed; }));
    CHECK_FALSE(state.exchange.degraded());
}

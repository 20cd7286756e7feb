// Exact checks, one at a time, on a real server.

#include "support/refusal.hpp"
#include "support/shared.hpp"

using namespace weightseal;
using namespace weightseal::testing;

namespace {

struct World {
    RedisServer server;
    SharedTime time;
    std::unique_ptr<guard::SharedState> make(const Limits& limits, SharedMode mode = SharedMode::exact,
                                             std::uint32_t replicas = 4) {
        return std::make_unique<guard::SharedState>(limits, shared_secret(),
                                                    shared_options(server.url(), mode, replicas), time.server());
    }
};

} // namespace

TEST_CASE("shared: two guards share one count, and a retry after retry_after succeeds") {
    if (!have_redis()) return;
    World world;
    const auto a = world.make(only({queries(10, 60)}));
    const auto b = world.make(only({queries(10, 60)}));
    for (int i = 0; i < 5; ++i) {
        CHECK(ask(*a, "x", {}, world.time.now()).remaining == 9U - 2 * static_cast<unsigned>(i));
        CHECK(ask(*b, "x", {}, world.time.now()).allowed);
    }
    const Decision refused = ask(*a, "x", {}, world.time.now());
    CHECK_FALSE(refused.allowed);
    CHECK(refused.reason == Reason::limit_reached);
    CHECK(refused.limit == 10);
    CHECK(refused.window == 60);
    CHECK(refused.refused_by == 1);
    CHECK(ask(*b, "y", {}, world.time.now()).allowed);
    const std::int64_t wait = refused.retry_after.count() / 1000;
    CHECK(wait >= 60'000'000);
    CHECK(wait <= 64'000'000);
    world.time.advance(wait - 1);
    CHECK_FALSE(ask(*b, "x", {}, world.time.now()).allowed);
    world.time.advance(1);
    CHECK(ask(*b, "x", {.queries = 10}, world.time.now()).allowed);
    CHECK(ask(*a, "x", {.queries = 11}, world.time.now()).reason == Reason::cost_exceeds_limit);
    CHECK(events_of(*a).at(0).kind == GuardEventKind::limit_reached);
}

TEST_CASE("shared: all windows, budgets and tiers admit, or none is charged") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(
        only({queries(100, 60), queries(3, 3600), tokens(1000, 60), {.tier = Tier::pool, .limit = 4, .window = 60}}),
        SharedMode::exact, 1);
    const ClientKey one = state->local.identify({.name = "one", .pool = "all"});
    const ClientKey two = state->local.identify({.name = "two", .pool = "all"});
    const auto check = [&](const ClientKey& who, std::uint64_t tokens) {
        return state->check(who, {.tokens = tokens}, world.time.now(), guard::Asks::decision);
    };
    CHECK(check(one, 900).allowed);
    const Decision by_tokens = check(one, 101);
    CHECK(by_tokens.budget == Budget::tokens);
    CHECK(check(one, 100).allowed);
    CHECK(check(one, 0).allowed);
    CHECK(check(one, 0).refused_by == 1U); // the hour is used up: two refusals had charged nothing to it
    CHECK(check(two, 0).allowed);
    const Decision by_pool = check(two, 0);
    CHECK(by_pool.tier == Tier::pool);
    CHECK(by_pool.limit == 4);
}

TEST_CASE("shared: settling gives back to the server, and debt stops all guards") {
    if (!have_redis()) return;
    World world;
    const auto a = world.make(only({tokens(1000, 60), concurrency(8)}));
    const auto b = world.make(only({tokens(1000, 60), concurrency(8)}));
    const Decision first = ask(*a, "x", {.tokens = 900}, world.time.now());
    REQUIRE(first.ticket != 0);
    CHECK(ask(*b, "x", {.tokens = 200}, world.time.now()).budget == Budget::tokens);
    CHECK(a->settle(first.ticket, {.tokens = 100}, world.time.now()) == Settlement::settled);
    CHECK(a->settle(first.ticket, {.tokens = 100}, world.time.now()) == Settlement::unknown);
    Decision second;
    CHECK(soon([&] { return (second = ask(*b, "x", {.tokens = 900}, world.time.now())).allowed; }));
    CHECK(ask(*a, "x", {.tokens = 1}, world.time.now()).reason == Reason::limit_reached);
    CHECK(b->settle(second.ticket, {.tokens = 901}, world.time.now()) == Settlement::in_debt);
    CHECK(soon([&] { return ask(*a, "x", {}, world.time.now()).reason == Reason::in_debt; }));
    const Decision in_debt = ask(*b, "x", {}, world.time.now());
    CHECK(in_debt.reason == Reason::in_debt);
    world.time.advance(in_debt.retry_after.count() / 1000);
    CHECK(ask(*b, "x", {.tokens = 1000}, world.time.now()).allowed);
}

TEST_CASE("shared: requests in progress are counted by all guards together, and expire") {
    if (!have_redis()) return;
    World world;
    const auto a = world.make(only({concurrency(4)}));
    const auto b = world.make(only({concurrency(4)}));
    std::vector<Ticket> tickets;
    for (int i = 0; i < 4; ++i)
        tickets.push_back(ask(i % 2 == 0 ? *a : *b, "x", {}, world.time.now()).ticket);
    const Decision refused = ask(*a, "x", {}, world.time.now());
    CHECK(refused.budget == Budget::concurrency);
    CHECK(b->settle(tickets[1], {}, world.time.now()) == Settlement::settled);
    CHECK(soon([&] { return ask(*a, "x", {}, world.time.now()).allowed; }));
    world.time.advance(refused.retry_after.count() / 1000);
    CHECK(ask(*b, "x", {}, world.time.now()).allowed);
    world.time.advance(600'000'000 / 16); // a process counts in sub-buckets of its own
    CHECK(b->settle(tickets[3], {}, world.time.now()) == Settlement::expired);
}

TEST_CASE("shared: a server's clock that is set back forgives nobody and stops nobody for good") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(only({queries(10, 3600)}));
    CHECK(ask(*state, "x", {.queries = 9}, world.time.now()).allowed);
    world.time.advance(-86'400'000'000);
    CHECK_FALSE(ask(*state, "x", {.queries = 2}, world.time.now()).allowed);
    CHECK(ask(*state, "x", {.queries = 1}, world.time.now()).allowed);
    world.time.advance(3'600'000'000 + 225'000'000);
    CHECK(ask(*state, "x", {.queries = 10}, world.time.now()).allowed);
    CHECK_FALSE(ask(*state, "x", {.queries = 1}, world.time.now()).allowed);
}

TEST_CASE("shared: a server's clock that is set back a little, just when a sub-bucket began, is no failure") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(only({queries(10, 3600)}));
    const auto length = static_cast<std::int64_t>(state->tiers[0].windows[0].length);
    world.time.advance(length - world.time.now().count() / 1000 % length);
    CHECK(ask(*state, "x", {.queries = 10}, world.time.now()).allowed);
    world.time.advance(-1);
    const Decision refused = ask(*state, "x", {}, world.time.now());
    CHECK(refused.reason == Reason::limit_reached);
    CHECK(refused.limit == 10);
    CHECK(refused.retry_after == std::chrono::microseconds(17 * length + 1));
    CHECK_FALSE(state->exchange.degraded());
}

TEST_CASE("shared: a client leaves the process as a keyed hash only") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(only({queries(10, 3600)}));
    (void)ask(*state, "sk-very-secret", {}, world.time.now());
    const std::string keys = world.server.command({"KEYS", "*"});
    CHECK_THAT(keys, ContainsSubstring("weightseal:{"));
    CHECK(keys.find("secret") == std::string::npos);
    char hash[17];
    std::snprintf(hash, sizeof hash, "%016lx", state->local.identify({.name = "sk-very-secret"}).hashes[0]);
    CHECK(keys.find(hash) == std::string::npos);
    std::string key = world.server.command({"KEYS", "*:queries.3600"});
    key.erase(key.find_last_not_of('\n') + 1);
    const long lifetime = std::stol(world.server.command({"TTL", key}));
    CHECK(lifetime > 3600);
    CHECK(lifetime < 3600 * 19 / 16);
}

TEST_CASE("shared: a server that has lost the script is given it again") {
    if (!have_redis()) return;
    World world;
    const auto exact = world.make(only({queries(10, 60)}));
    CHECK(ask(*exact, "x", {}, world.time.now()).allowed);
    CHECK(world.server.command({"SCRIPT", "FLUSH"}) == "OK");
    CHECK(ask(*exact, "x", {}, world.time.now()).remaining == 8);
    const auto leasing = world.make(only({queries(1000, 60)}), SharedMode::lease);
    CHECK(soon([&] { return ask(*leasing, "y", {.queries = 500}, world.time.now(), guard::Asks::lease).allowed; }));
    CHECK(world.server.command({"SCRIPT", "FLUSH"}) == "OK");
    CHECK(soon([&] { return ask(*leasing, "z", {.queries = 500}, world.time.now(), guard::Asks::lease).allowed; }));
    CHECK(events_of(*exact).empty());
}

TEST_CASE("shared: many requests wait at once, and each gets an answer of its own") {
    if (!have_redis()) return;
    World world;
    const auto state = world.make(only({queries(1000, 3600)}));
    std::atomic<int> admitted{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 16; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 100; ++i)
                admitted += ask(*state, "x", {}, world.time.now()).allowed ? 1 : 0;
        });
    for (std::thread& thread : threads)
        thread.join();
    CHECK(admitted == 1000);
    CHECK(state->sums().admitted == 1000);
    CHECK(state->sums().refused == 600);
}

// A Redis Cluster of three servers on the loopback, and what is left of it when one is gone.

#include "guard/shared/cluster.hpp"
#include "support/shared.hpp"

using namespace weightseal;
using namespace weightseal::testing;

namespace {

/// Three masters, a third of the slots each.
class ThreeServers {
  public:
    ThreeServers() {
        for (int i = 0; i < 3; ++i) {
            ports_.push_back(free_port());
            servers_.push_back(std::make_unique<RedisServer>(
                std::vector<std::string>{"--port", std::to_string(ports_.back()), "--bind", "127.0.0.1",
                                         "--cluster-enabled", "yes", "--cluster-port", std::to_string(free_port()),
                                         "--cluster-require-full-coverage", "no", "--cluster-node-timeout", "60000"}));
        }
        for (std::size_t i = 0; i < 3; ++i) {
            REQUIRE(servers_[i]->command({"CLUSTER", "ADDSLOTSRANGE", std::to_string(first(i)),
                                          std::to_string(first(i + 1) - 1)}) == "OK");
            REQUIRE(servers_[i]->command({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)}) == "OK");
        }
        for (std::size_t i = 1; i < 3; ++i) {
            const std::string bus = servers_[i]->command({"CONFIG", "GET", "cluster-port"});
            REQUIRE(servers_[0]->command({"CLUSTER", "MEET", "127.0.0.1", std::to_string(ports_[i]),
                                          bus.substr(bus.find('\n') + 1, bus.rfind('\n') - bus.find('\n') - 1)}) ==
                    "OK");
        }
        for (const auto& server : servers_)
            REQUIRE(soon([&] {
                const std::string info = server->command({"CLUSTER", "INFO"});
                return info.find("cluster_slots_ok:16384") != std::string::npos &&
                       info.find("cluster_state:ok") != std::string::npos;
            }));
    }
    static std::uint32_t first(std::size_t server) {
        return std::min(guard::slot_count, static_cast<std::uint32_t>(server) * 5462);
    }
    RedisServer& operator[](std::size_t i) { return *servers_[i]; }
    [[nodiscard]] std::string url() const { return "redis://127.0.0.1:" + std::to_string(ports_[0]); }

  private:
    std::vector<std::uint16_t> ports_;
    std::vector<std::unique_ptr<RedisServer>> servers_;
};

/// Names of clients whose counts are on that server.
std::vector<std::string> clients_of(guard::SharedState& state, std::size_t server, std::size_t count) {
    std::vector<std::string> names;
    for (int i = 0; names.size() < count; ++i) {
        const std::string name = "client-" + std::to_string(i);
        const std::uint32_t slot = guard::slot_of(state.tag_of(0, state.local.identify({.name = name}).hashes[0]));
        if (slot / 5462 == server) names.push_back(name);
    }
    return names;
}

} // namespace

TEST_CASE("shared cluster: one dead server degrades its slots only") {
    if (!have_redis()) return;
    ThreeServers servers;
    SharedTime time;
    for (const SharedMode mode : {SharedMode::exact, SharedMode::lease}) {
        const bool exact = mode == SharedMode::exact;
        SharedOptions options = shared_options(servers.url(), mode, 4);
        options.timeout = std::chrono::milliseconds(500);
        options.prefix = exact ? "exact" : "lease";
        guard::SharedState a(only({queries(40, 3600)}), shared_secret(), options, time.server());
        guard::SharedState b(only({queries(40, 3600)}), shared_secret(), options, time.server());
        std::array<std::vector<std::string>, 3> names;
        for (std::size_t s = 0; s < 3; ++s) {
            names[s] = clients_of(a, s, 3);
            // Both count together, wherever the counts are.
            REQUIRE(soon([&] { return ask(a, names[s][0], {.queries = 20}, time.now(), guard::Asks::lease).allowed; }));
            REQUIRE(soon([&] {
                return ask(b, names[s][0], {.queries = 30}, time.now(), guard::Asks::lease).reason ==
                       Reason::limit_reached;
            }));
        }
        CHECK_FALSE(a.exchange.degraded());
        servers[1].kill();
        REQUIRE(soon([&] {
            (void)ask(a, names[1][1], {.queries = 8}, time.now(), guard::Asks::lease);
            return a.exchange.degraded();
        }));
        std::uint64_t admitted = 0;
        REQUIRE(soon([&] { // without waiting, the first request only finds out whose client it is
            const Decision decision = ask(a, names[1][2], {}, time.now(), guard::Asks::lease);
            admitted += decision.allowed ? 1 : 0;
            return decision.reason == Reason::limit_reached && decision.limit == 10;
        }));
        CHECK(admitted >= 10);
        CHECK(admitted <= (exact ? 10 : 11));
        for (const std::size_t s : {std::size_t{0}, std::size_t{2}}) {
            REQUIRE(soon([&] { return ask(a, names[s][1], {.queries = 20}, time.now(), guard::Asks::lease).allowed; }));
            REQUIRE(soon([&] {
                return ask(b, names[s][1], {.queries = 30}, time.now(), guard::Asks::lease).reason ==
                       Reason::limit_reached;
            }));
        }
        servers[1].start();
        REQUIRE(soon([&] { return !a.exchange.degraded(); }));
        REQUIRE(soon([&] { return ask(a, names[1][2], {.queries = 20}, time.now(), guard::Asks::lease).limit == 40; }));
    }
}

TEST_CASE("shared cluster: a server whose slots another one has taken over is missed by nobody") {
    if (!have_redis()) return;
    SharedTime time;
    for (const SharedMode mode : {SharedMode::exact, SharedMode::lease}) {
        ThreeServers servers;
        SharedOptions options = shared_options(servers.url(), mode, 4);
        options.timeout = std::chrono::milliseconds(500);
        guard::SharedState state(only({queries(40, 3600)}), shared_secret(), options, time.server());
        const std::vector<std::string> names = clients_of(state, 0, 2);
        REQUIRE(soon([&] { return ask(state, names[0], {.queries = 20}, time.now(), guard::Asks::lease).allowed; }));
        const std::string lost = servers[0].command({"CLUSTER", "MYID"});
        servers[0].kill(); // the one that the URL names
        REQUIRE(soon([&] {
            (void)ask(state, names[0], {.queries = 8}, time.now(), guard::Asks::lease);
            return state.exchange.degraded();
        }));
        CHECK(servers[1].command({"CLUSTER", "FORGET", lost}) == "OK");
        CHECK(servers[2].command({"CLUSTER", "FORGET", lost}) == "OK");
        CHECK(servers[1].command({"CLUSTER", "ADDSLOTSRANGE", "0", "5461"}) == "OK");
        REQUIRE(soon([&] { return !state.exchange.degraded(); }));
        REQUIRE(soon([&] { return ask(state, names[1], {.queries = 20}, time.now(), guard::Asks::lease).allowed; }));
    }
}

TEST_CASE("shared cluster: tiers on several servers admit together or not at all") {
    if (!have_redis()) return;
    ThreeServers servers;
    SharedTime time;
    guard::SharedState state(only({queries(40, 3600), {.tier = Tier::pool, .limit = 8, .window = 3600}}),
                             shared_secret(), shared_options(servers.url()), time.server());
    REQUIRE(soon([&] { return state.exchange.cluster().has_slots(); }));
    for (int i = 0; i < 20; ++i) {
        const std::string name = "client-" + std::to_string(i);
        const auto check = [&](const char* pool, std::uint64_t cost) {
            return state.check(state.local.identify({.name = name, .pool = pool}), {.queries = cost}, time.now(),
                               guard::Asks::decision);
        };
        CHECK(check(i % 2 == 0 ? "even" : "odd", 10).reason == Reason::cost_exceeds_limit);
        // The client got back what the pool refused.
        REQUIRE(soon([&] { return check(name.c_str(), 8).remaining == 0; }));
        REQUIRE(soon([&] {
            const Decision decision =
                state.check(state.local.identify({.name = name}), {.queries = 32}, time.now(), guard::Asks::decision);
            return decision.allowed;
        }));
    }
}

TEST_CASE("shared cluster: slots that move are followed") {
    if (!have_redis()) return;
    ThreeServers servers;
    SharedTime time;
    for (const SharedMode mode : {SharedMode::exact, SharedMode::lease}) {
        const bool exact = mode == SharedMode::exact;
        SharedOptions options = shared_options(servers.url(), mode, 4);
        options.prefix = exact ? "exact" : "lease";
        guard::SharedState state(only({queries(4000, 3600)}), shared_secret(), options, time.server());
        const std::string name = clients_of(state, exact ? 0 : 2, 1)[0];
        const std::uint32_t slot = guard::slot_of(state.tag_of(0, state.local.identify({.name = name}).hashes[0]));
        REQUIRE(soon([&] { return ask(state, name, {.queries = 1000}, time.now(), guard::Asks::lease).allowed; }));
        const std::string to = servers[1].command({"CLUSTER", "MYID"});
        const std::string from = servers[exact ? 0 : 2].command({"CLUSTER", "MYID"});
        const std::string number = std::to_string(slot);
        // Half-way: what is not there yet is asked of the other one.
        CHECK(servers[1].command({"CLUSTER", "SETSLOT", number, "IMPORTING", from}) == "OK");
        CHECK(servers[exact ? 0 : 2].command({"CLUSTER", "SETSLOT", number, "MIGRATING", to}) == "OK");
        const std::string key = servers[exact ? 0 : 2].command({"CLUSTER", "GETKEYSINSLOT", number, "10"});
        const std::string port = servers[1].command({"CONFIG", "GET", "port"});
        (void)servers[exact ? 0 : 2].command(
            {"MIGRATE", "127.0.0.1", port.substr(5, port.size() - 6), key.substr(0, key.size() - 1), "0", "5000"});
        REQUIRE(soon([&] { return ask(state, name, {.queries = 1000}, time.now(), guard::Asks::lease).allowed; }));
        for (const std::size_t s : {std::size_t{1}, std::size_t{0}, std::size_t{2}})
            CHECK(servers[s].command({"CLUSTER", "SETSLOT", number, "NODE", to}) == "OK");
        REQUIRE(soon([&] { return ask(state, name, {.queries = 1000}, time.now(), guard::Asks::lease).allowed; }));
        CHECK(soon([&] { // the answer that tells of the move may be under way
            (void)ask(state, name, {.queries = 0}, time.now(), guard::Asks::lease);
            return state.exchange.cluster().node_of(slot).port() == std::stoi(port.substr(5));
        }));
        // It was one count all the time.
        REQUIRE(soon([&] {
            return ask(state, name, {.queries = 1000}, time.now(), guard::Asks::lease).reason == Reason::limit_reached;
        }));
        CHECK(testing::events_of(state).size() == 1);
    }
}

// Servers that die, stop, come back, or refuse: the failure policy decides, and says so.

#include "support/refusal.hpp"
#include "support/shared.hpp"

#include <algorithm>
#include <sstream>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

SharedOptions hasty(const std::string& url, SharedMode mode, FailurePolicy policy = FailurePolicy::local) {
    SharedOptions options = shared_options(url, mode, 4);
    options.timeout = std::chrono::milliseconds(200);
    options.failure_policy = policy;
    return options;
}

bool has(const std::vector<GuardEvent>& events, GuardEventKind kind) {
    for (const GuardEvent& event : events)
        if (event.kind == kind) return true;
    return false;
}

std::uint64_t admitted_of(guard::SharedState& state, const std::string& name, nanoseconds now, int attempts) {
    std::uint64_t admitted = 0;
    for (int i = 0; i < attempts; ++i)
        admitted += ask(state, name, {}, now).allowed ? 1U : 0U;
    return admitted;
}

std::size_t count_of(std::string_view text, std::string_view part) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size())
        ++count;
    return count;
}

/// Of all connections but the one that asks for them.
std::vector<std::string> client_ids(const RedisServer& server) {
    std::vector<std::string> ids;
    std::istringstream clients(server.command({"CLIENT", "LIST"}));
    for (std::string line; std::getline(clients, line);)
        if (line.find(" cmd=client") == line.npos) ids.push_back(line.substr(0, line.find(' ')));
    return ids;
}

} // namespace

TEST_CASE("shared failure: with the server killed each process admits its share, until the server is back") {
    if (!have_redis()) return;
    RedisServer server;
    SharedTime time;
    for (const SharedMode mode : {SharedMode::exact, SharedMode::lease}) {
        guard::SharedState state(only({queries(40, 3600)}), shared_secret(), hasty(server.url(), mode), time.server());
        CHECK(ask(state, "before", {}, time.now()).allowed);
        server.kill();
        CHECK(soon([&] {
            (void)ask(state, "other", {.queries = 8}, time.now());
            return state.exchange.degraded();
        }));
        CHECK(admitted_of(state, "after", time.now(), 60) == 10);
        const Decision refused = ask(state, "after", {}, time.now());
        CHECK(refused.limit == 10);
        CHECK(refused.reason == Reason::limit_reached);
        CHECK(has(events_of(state), GuardEventKind::shared_degraded));
        server.start();
        CHECK(soon([&] { return !state.exchange.degraded(); }));
        CHECK(has(events_of(state), GuardEventKind::shared_restored));
        CHECK(soon([&] { return ask(state, "anew", {}, time.now()).limit == 40; }));
    }
}

TEST_CASE("shared failure: the policies open and closed") {
    SharedTime time;
    const TemporaryFolder nowhere;
    const std::string url = "unix://" + (nowhere / "socket").string();
    for (const SharedMode mode : {SharedMode::exact, SharedMode::lease}) {
        guard::SharedState open(only({queries(4, 60)}), shared_secret(), hasty(url, mode, FailurePolicy::open));
        CHECK(soon([&] { return open.exchange.degraded(); }));
        CHECK(admitted_of(open, "x", time.now(), 20) == 20);
        guard::SharedState closed(only({queries(4, 60)}), shared_secret(), hasty(url, mode, FailurePolicy::closed));
        CHECK(soon([&] { return closed.exchange.degraded(); }));
        const Decision refused = ask(closed, "x", {}, time.now());
        CHECK_FALSE(refused.allowed);
        CHECK(refused.reason == Reason::server_unavailable);
        CHECK(http_fields(refused).status == 503);
        CHECK(was_degraded_by(closed, Errc::server_unreachable));
    }
}

TEST_CASE("shared failure: a server that stops answering is waited for once") {
    if (!have_redis()) return;
    RedisServer server;
    SharedTime time;
    guard::SharedState exact(only({queries(40, 3600)}), shared_secret(), hasty(server.url(), SharedMode::exact));
    guard::SharedState leasing(only({queries(40, 3600)}), shared_secret(), hasty(server.url(), SharedMode::lease));
    CHECK(soon([&] { return ask(exact, "x", {}, time.now()).limit == 40; }));
    CHECK(ask(leasing, "x", {}, time.now()).allowed);
    server.pause();
    const auto start = std::chrono::steady_clock::now();
    CHECK(admitted_of(exact, "y", time.now(), 50) == 10);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5)); // fifty would be ten
    CHECK(was_degraded_by(exact, Errc::server_unreachable));
    CHECK(soon([&] {
        (void)ask(leasing, "y", {.queries = 8}, time.now(), guard::Asks::lease);
        return leasing.exchange.degraded();
    }));
    server.resume();
    CHECK(soon([&] { return !exact.exchange.degraded() && !leasing.exchange.degraded(); }));
    CHECK(has(events_of(exact), GuardEventKind::shared_restored));
    CHECK(has(events_of(leasing), GuardEventKind::shared_restored));
}

TEST_CASE("shared failure: connections that the server has closed are made anew, without a failure") {
    if (!have_redis()) return;
    RedisServer server;
    SharedTime time;
    guard::SharedState exact(only({queries(40, 3600)}), shared_secret(), shared_options(server.url()), time.server());
    guard::SharedState leasing(only({queries(4000, 3600)}), shared_secret(),
                               shared_options(server.url(), SharedMode::lease), time.server());
    CHECK(ask(exact, "x", {}, time.now()).remaining == 39);
    CHECK(soon([&] { return ask(leasing, "z", {.queries = 1000}, time.now(), guard::Asks::lease).allowed; }));
    CHECK(soon([&] { // both backgrounds have been answered, and one who waited
        return count_of(server.command({"CLIENT", "LIST"}), " cmd=evalsha ") == 3;
    }));
    const std::vector<std::string> before = client_ids(server);
    CHECK(std::stol(server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"})) >= 2);
    CHECK(soon([&] { // it closes them a little later; who was asking comes back at once
        const std::vector<std::string> after = client_ids(server);
        return std::ranges::none_of(before, [&](const std::string& id) { return std::ranges::count(after, id) != 0; });
    }));
    CHECK(ask(exact, "x", {}, time.now()).remaining == 38);
    CHECK(soon([&] { return ask(leasing, "y", {.queries = 1000}, time.now(), guard::Asks::lease).allowed; }));
    CHECK(events_of(exact).empty());
    CHECK(events_of(leasing).empty());
}

TEST_CASE("shared failure: errors of a server that is there") {
    if (!have_redis()) return;
    SharedTime time;
    SECTION("no memory") {
        RedisServer server;
        guard::SharedState state(only({queries(40, 3600)}), shared_secret(), shared_options(server.url()),
                                 time.server());
        CHECK(ask(state, "x", {}, time.now()).limit == 40);
        CHECK(server.command({"CONFIG", "SET", "maxmemory", "1"}) == "OK");
        CHECK(ask(state, "y", {}, time.now()).limit == 10);
        CHECK(was_degraded_by(state, Errc::server_refused));
        CHECK(server.command({"CONFIG", "SET", "maxmemory", "0"}) == "OK");
        CHECK(soon([&] { return !state.exchange.degraded(); }));
    }
    SECTION("a script that does not end") {
        RedisServer server({"--busy-reply-threshold", "50"});
        guard::SharedState state(only({queries(40, 3600)}), shared_secret(),
                                 shared_options(server.url(), SharedMode::exact), time.server());
        CHECK(ask(state, "x", {}, time.now()).limit == 40);
        std::thread busy([&] { (void)server.command({"EVAL", "while true do end", "0"}); });
        CHECK(soon([&] { return ask(state, "y", {}, time.now()).limit == 10; }));
        CHECK(was_degraded_by(state, Errc::server_refused));
        CHECK(soon([&] { return server.command({"SCRIPT", "KILL"}) == "OK"; }));
        busy.join();
        CHECK(soon([&] { return !state.exchange.degraded(); }));
    }
    SECTION("a key that holds something else") {
        RedisServer server;
        guard::SharedState state(only({queries(40, 3600)}), shared_secret(), shared_options(server.url()),
                                 time.server());
        CHECK(ask(state, "x", {}, time.now()).limit == 40);
        const std::string tag = state.tag_of(0, state.local.identify({.name = "x"}).hashes[0]);
        (void)server.command({"SET", state.key_of(tag, state.tiers[0].windows[0]), "else"});
        CHECK(ask(state, "x", {}, time.now()).limit == 10);
        CHECK(was_degraded_by(state, Errc::server_refused));
    }
    SECTION("a password") {
        RedisServer server({"--requirepass", "right"});
        SharedOptions options = shared_options(server.url());
        const auto connected = [&](const std::string& password) {
            options.password = password;
            SharedGuard guard(only({queries(40, 3600)}), shared_secret(), options);
            return refusal_code([&] { guard.connect(); });
        };
        CHECK(connected("wrong") == "server_refused");
        CHECK(connected("") == "server_refused");
        CHECK(connected("right") == "nothing refused");
    }
    SECTION("no such database") {
        RedisServer server({"--port", std::to_string(free_port())});
        const std::string port = server.command({"CONFIG", "GET", "port"}).substr(5, 5);
        SharedOptions options = shared_options("redis://127.0.0.1:" + port.substr(0, port.find('\n')) + "/99");
        SharedGuard guard(only({queries(40, 3600)}), shared_secret(), options);
        CHECK(refusal_code([&] { guard.connect(); }) == "server_refused");
        options.url = "redis://127.0.0.1:" + port.substr(0, port.find('\n')) + "/3";
        SharedGuard other(only({queries(40, 3600)}), shared_secret(), options);
        CHECK(refusal_code([&] { other.connect(); }) == "nothing refused");
        CHECK(other.check_shared(other.identify({.name = "x"}), {}, time.now()).allowed);
        CHECK_THAT(server.command({"INFO", "keyspace"}), ContainsSubstring("db3:"));
    }
}

TEST_CASE("shared failure: nobody is there") {
    const TemporaryFolder nowhere;
    SharedGuard guard(only({queries(40, 3600)}), shared_secret(),
                      hasty("unix://" + (nowhere / "socket").string(), SharedMode::exact));
    CHECK(refusal_code([&] { guard.connect(); }) == "server_unreachable");
}

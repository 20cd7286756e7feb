// What becomes of questions to servers that answer late, twice, not at all, or with errors that say nothing about them.

#include "support/false_redis.hpp"
#include "support/shared.hpp"

#include <mutex>

using namespace weightseal;
using namespace weightseal::testing;

TEST_CASE("shared answers: what a closed connection left unanswered is asked once more, and gives nothing back twice") {
    SharedTime time;
    std::mutex mutex;
    std::vector<std::string> corrections;
    const auto count = [&] {
        const std::lock_guard lock(mutex);
        return corrections.size();
    };
    FalseServer server(greeting_then([&](const std::string& text) -> std::optional<std::string> {
        const std::lock_guard lock(mutex);
        corrections.push_back(text);
        if (corrections.size() == 2) return std::nullopt;
        return granting(0);
    }));
    guard::SharedState state(only({queries(4000, 3600)}), shared_secret(), shared_options(server.url()), time.server());
    state.correct({.stamp = 6, .refund = 1});
    state.exchange.wake();
    CHECK(soon([&] { return count() == 1; }));
    state.correct({.stamp = 7, .refund = 3, .excess = 2});
    state.exchange.wake();
    CHECK(soon([&] { return count() == 3; }));
    const auto question = [&](guard::WindowQuestion wanted) {
        wanted.length = state.tiers[0].windows[0].length;
        wanted.limit = 4000;
        wanted.excess_stamp = 7;
        wanted.excess = 2;
        return guard::encode({wanted});
    };
    const std::lock_guard lock(mutex);
    CHECK_THAT(corrections.at(1), ContainsSubstring(question({.back_stamp = 7, .back = 3})));
    CHECK_THAT(corrections.at(2), ContainsSubstring(question({})));
    CHECK(testing::events_of(state).empty());
}

TEST_CASE("shared answers: a question that a new connection may have lost is not asked again") {
    SharedTime time;
    std::atomic<int> questions{0};
    FalseServer server(greeting_then([&](const std::string&) -> std::optional<std::string> {
        ++questions;
        return std::nullopt;
    }));
    guard::SharedState state(only({queries(40, 3600)}), shared_secret(), shared_options(server.url()), time.server());
    CHECK(ask(state, "x", {}, time.now()).limit == 10);
    CHECK(questions == 1);
}

TEST_CASE("shared answers: who waits and is refused looks for a lease that came meanwhile, and reports no refusal") {
    for (const bool lasts : {true, false}) { // the lease, until the server has refused
        SharedTime time;
        std::atomic<int> questions{0};
        std::atomic<bool> leased{false};
        FalseServer server(greeting_then([&](const std::string&) {
            switch (++questions) {
            case 1: // of the background; answered when the server is asked once more
                (void)soon([&] { return questions == 2; });
                return doubles({7, 20, 0, 20, -1, 0, lasts ? 60e6 : 1000, 3600e6});
            case 2: // of who waits
                (void)soon([&] { return leased.load(); });
                std::this_thread::sleep_for(std::chrono::milliseconds(5)); // longer than the short lease
                return doubles({7, 0, 0, 340, 60e6, 0, 1000, 1000});
            default: return granting(0);
            }
        }));
        guard::SharedState leasing(only({queries(400, 3600)}), shared_secret(),
                                   shared_options(server.url(), SharedMode::lease), time.server());
        CHECK(ask(leasing, "x", {.queries = 20}, time.now(), guard::Asks::lease).reason == Reason::lease_pending);
        CHECK(soon([&] { return questions == 1; }));
        std::thread watch([&] {
            const std::uint64_t hash = leasing.local.identify({.name = "x"}).hashes[0];
            leased = soon([&] {
                const std::lock_guard lock(leasing.tiers[0].leases->lock(hash));
                return leasing.tiers[0].leases->leases(*leasing.tiers[0].leases->find(hash))[0].left == 20;
            });
        });
        CHECK(ask(leasing, "x", {.queries = 20}, time.now(), guard::Asks::decision).allowed == lasts);
        watch.join();
        CHECK(testing::events_of(leasing).size() == (lasts ? 0 : 1));
    }
}

TEST_CASE("shared answers: a server that answers one question after the other is not late for the last") {
    SharedTime time;
    std::atomic<int> answered{0};
    FalseServer server(greeting_then([&](const std::string&) {
        ++answered;
        std::this_thread::sleep_for(std::chrono::milliseconds(60));
        return granting(0);
    }));
    SharedOptions options = shared_options(server.url());
    options.timeout = std::chrono::seconds(1);
    guard::SharedState state(only({queries(40, 3600)}), shared_secret(), options, time.server());
    for (int i = 0; i < 30; ++i) // 1.8 s together
        state.correct({.stamp = 7, .refund = 1});
    state.exchange.wake();
    CHECK(soon([&] { return answered == 30; }));
    CHECK(testing::events_of(state).empty());
}

TEST_CASE("shared answers: an address that never answers is not tried for ever") {
    SharedTime time;
    FalseServer silent([](int connection) {
        while (FalseServer::receive(connection)) {
        }
    });
    FalseServer server(greeting_then([](const std::string&) { return granting(1); }));
    const auto address_of = [](const FalseServer& of) {
        return platform::local_address(of.url().substr(std::string_view("unix://").size()));
    };
    guard::SharedState state(only({queries(40, 3600)}), shared_secret(), shared_options(silent.url()), time.server());
    state.exchange.cluster().node(0).use({address_of(silent), address_of(server)});
    CHECK(soon([&] { return was_degraded_by(state, Errc::server_unreachable); }));
    CHECK(soon([&] { return !state.exchange.degraded(); }));
    CHECK(ask(state, "x", {}, time.now()).limit == 40);
}

TEST_CASE("shared answers: an allowance whose charge was lost is charged although the next request needs more") {
    SharedTime time;
    std::atomic<int> questions{0};
    FalseServer server(greeting_then([&](const std::string&) -> std::optional<std::string> {
        if (++questions <= 2) return std::nullopt; // and once more
        return doubles({7, 0, 1, 1, -1, 0, 60e6, 3600e6});
    }));
    guard::SharedState state(only({queries(40, 3600)}), shared_secret(),
                             shared_options(server.url(), SharedMode::lease), time.server());
    CHECK(ask(state, "x", {}, time.now(), guard::Asks::nothing).allowed); // all of the allowance
    CHECK(soon([&] { return was_degraded_by(state, Errc::server_unreachable); }));
    CHECK(soon([&] { return !state.exchange.degraded(); }));
    CHECK(ask(state, "x", {.queries = 2}, time.now(), guard::Asks::nothing).reason == Reason::lease_pending);
    CHECK(soon([&] { return ask(state, "x", {}, time.now(), guard::Asks::nothing).allowed; }));
    CHECK(questions == 3);
}

TEST_CASE("shared answers: check_leases never asks in exact mode") {
    SharedTime time;
    FalseServer server(greeting_then([](const std::string&) { return granting(1); }));
    guard::SharedState state(only({queries(40, 3600)}), shared_secret(), shared_options(server.url()), time.server());
    for (int i = 0; i < 3; ++i)
        CHECK(ask(state, "x", {}, time.now(), guard::Asks::nothing).reason == Reason::lease_pending);
    CHECK(state.sums().admitted + state.sums().refused == 0);
    CHECK(ask(state, "x", {}, time.now(), guard::Asks::lease).allowed); // as check_shared
    CHECK(state.sums().admitted == 1);
}

TEST_CASE("shared answers: keys that are being moved are no failure of the server") {
    SharedTime time;
    std::atomic<int> questions{0};
    FalseServer server(greeting_then([&](const std::string&) {
        ++questions;
        return "-TRYAGAIN Multiple keys request\r\n";
    }));
    for (const SharedMode mode : {SharedMode::exact, SharedMode::lease}) {
        guard::SharedState state(only({queries(40, 3600)}), shared_secret(), shared_options(server.url(), mode),
                                 time.server());
        questions = 0;
        CHECK(soon([&] { // a lease is asked for again
            const Decision decision = ask(state, "x", {.queries = 3}, time.now(), guard::Asks::lease);
            if (mode == SharedMode::exact) CHECK(decision.limit == 10); // the policy's, for that request
            return questions >= 3;
        }));
        CHECK_FALSE(state.exchange.degraded());
        CHECK(testing::events_of(state).empty());
    }
}

TEST_CASE("shared answers: that a server belongs to a cluster may turn out with the first request") {
    SharedTime time;
    std::atomic<int> asked{0};
    FalseServer server(greeting_then([&](const std::string& question) {
        ++asked;
        const bool is_single = question.find("\r\n$1\r\n1\r\n") != question.npos;
        return is_single ? granting(1) : "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
    }));
    guard::SharedState state(only({queries(40, 3600), {.tier = Tier::pool, .limit = 8, .window = 3600}}),
                             shared_secret(), shared_options(server.url()), time.server());
    const ClientKey client = state.local.identify({.name = "x", .pool = "all"});
    for (int i = 0; i < 2; ++i)
        CHECK(state.check(client, {}, time.now(), guard::Asks::decision).allowed);
    CHECK(asked == 5); // together, then one by one
    CHECK(testing::events_of(state).empty());
}

TEST_CASE("shared answers: an event of the background has its own time, not that of the question") {
    SharedTime time;
    constexpr std::chrono::milliseconds late{20};
    FalseServer server(greeting_then([&](const std::string&) {
        std::this_thread::sleep_for(late);
        return "garbage\r\n";
    }));
    guard::SharedState state(only({queries(40, 3600)}), shared_secret(),
                             shared_options(server.url(), SharedMode::lease), time.server());
    CHECK(ask(state, "x", {}, time.now(), guard::Asks::lease).allowed);
    std::vector<GuardEvent> events;
    CHECK(soon([&] { return !(events = testing::events_of(state)).empty(); }));
    CHECK(events.at(0).kind == GuardEventKind::shared_degraded);
    CHECK(events.at(0).now >= time.now() + late);
}

TEST_CASE("shared answers: that tickets have run out has the time of the check that got none") {
    SharedTime time;
    FalseServer server(greeting_then([](const std::string&) { return granting(1); }));
    Limits limits = only({concurrency(400)});
    limits.tickets = 1;
    for (const SharedMode mode : {SharedMode::exact, SharedMode::lease}) {
        guard::SharedState state(limits, shared_secret(), shared_options(server.url(), mode), time.server());
        for (int i = 0; i < 2; ++i)
            CHECK(ask(state, "x", {}, time.now(), guard::Asks::lease).allowed);
        const std::vector<GuardEvent> events = testing::events_of(state);
        REQUIRE(events.size() == 1);
        CHECK(events[0].kind == GuardEventKind::tickets_exhausted);
        CHECK(events[0].now == time.now());
    }
}

TEST_CASE("shared answers: any number is a time") {
    SharedTime time;
    std::atomic<int> questions{0};
    FalseServer server(greeting_then([&](const std::string&) -> std::string {
        return ++questions % 2 == 1 ? doubles({7, 0, 0, 340, 60e6, 0, 1000, 1000}) : "garbage\r\n";
    }));
    for (const SharedMode mode : {SharedMode::exact, SharedMode::lease})
        for (const nanoseconds now : {nanoseconds::max(), nanoseconds::min()}) {
            guard::SharedState state(only({queries(400, 3600)}), shared_secret(), shared_options(server.url(), mode),
                                     time.server());
            CHECK(ask(state, "x", {.queries = 99}, now).reason == Reason::limit_reached);
            CHECK(ask(state, "x", {.queries = 99}, now).limit == 100); // the policy's
            CHECK(was_degraded_by(state, Errc::server_answer));
        }
}

// Servers that answer garbage, slowly, in halves or without end: each ends in the failure policy and an event.

#include "guard/shared/reply.hpp"
#include "support/false_redis.hpp"
#include "support/refusal.hpp"
#include "support/shared.hpp"

using namespace weightseal;
using namespace weightseal::testing;

namespace {

SharedOptions hasty(const std::string& url, SharedMode mode) {
    SharedOptions options = shared_options(url, mode, 4);
    options.timeout = std::chrono::milliseconds(100);
    return options;
}

/// A server that greets as it should, answers the next question with `answer`, and then says nothing more: the
/// beginning of an answer, twice, would be something else.
std::function<void(int)> answering(std::string answer) {
    return [answer = std::move(answer)](int connection) {
        if (!FalseServer::receive(connection)) return;
        FalseServer::send(connection, false_greeting);
        if (!FalseServer::receive(connection)) return;
        FalseServer::send(connection, answer);
        while (FalseServer::receive(connection)) {
        }
    };
}

std::string replies_of(std::string_view text) {
    guard::ReplyReader reader;
    return refusal_code([&] {
        reader.feed(as_bytes(text));
        while (reader.next()) {
        }
    });
}

} // namespace

TEST_CASE("shared hostile: answers that are none") {
    SharedTime time;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<std::pair<std::string, Errc>> answers{
        {"garbage\r\n", Errc::server_answer},
        {std::string(100, '\0'), Errc::server_answer},
        {"+OK\r\n", Errc::server_answer},
        {":1\r\n", Errc::server_answer},
        {"$-1\r\n", Errc::server_answer},
        {"*2\r\n:1\r\n:2\r\n", Errc::server_answer},
        {"$3\r\nabc\r\n", Errc::server_answer},
        {doubles({1, 0, 0, 0, -1, 0, 1}), Errc::server_answer},      // too short
        {doubles({1, 2, 0, 0, -1, 0, 1, 1}), Errc::server_answer},   // more than was wanted
        {doubles({1, 0.5, 0, 0, -1, 0, 1, 1}), Errc::server_answer}, // half a unit
        {doubles({nan, nan, nan, nan, nan, nan, nan, nan}), Errc::server_answer},
        {doubles({1, 1, 0, 0, 5, 0, 1, 1}), Errc::server_answer},     // given and refused
        {doubles({1, 0, 0, 0, 1e300, 0, 1, 1}), Errc::server_answer}, // a wait without end
        {doubles({1, 1, 0, 0, -1, 0, 1e15, 1}), Errc::server_answer}, // a sub-bucket without end
        {doubles({1, 0, 0, 0, -1, 0, 1, 1}), Errc::server_answer},    // neither given nor refused
        {"-MOVED 3\r\n", Errc::server_answer},
        {"-MOVED 99999 127.0.0.1:1\r\n", Errc::server_answer},
        {"-ASK 5 127.0.0.1:0\r\n", Errc::server_answer},
        {"-ERR no\r\n", Errc::server_refused},
        {"-LOADING Redis is loading the dataset in memory\r\n", Errc::server_refused},
        {"-CLUSTERDOWN The cluster is down\r\n", Errc::server_refused},
        {"$10\r\nhalf", Errc::server_unreachable},
        {"$99999999\r\n", Errc::server_unreachable},
        {"*16384\r\n*16384\r\n*16384\r\n", Errc::server_unreachable},
        {"", Errc::server_unreachable},
    };
    for (const auto& [answer, reason] : answers)
        for (const SharedMode mode : {SharedMode::exact, SharedMode::lease}) {
            INFO(answer << " " << static_cast<int>(mode));
            FalseServer server(answering(answer));
            // Only what is no answer takes until the timeout.
            const SharedOptions options =
                reason == Errc::server_unreachable ? hasty(server.url(), mode) : shared_options(server.url(), mode);
            guard::SharedState state(only({queries(40, 3600)}), shared_secret(), options);
            std::vector<GuardEvent> events;
            CHECK(soon([&] {
                (void)ask(state, "x", {}, time.now(), guard::Asks::lease);
                events = testing::events_of(state);
                return !events.empty();
            }));
            CHECK(events.at(0).kind == GuardEventKind::shared_degraded);
            CHECK(errc_name(static_cast<Errc>(events.at(0).used)) == std::string(errc_name(reason)));
            CHECK(ask(state, "y", {}, time.now()).limit == 10);
        }
}

TEST_CASE("shared hostile: answers in single bytes are answers") {
    SharedTime time;
    FalseServer server([](int connection) {
        if (!FalseServer::receive(connection)) return;
        for (const char c : false_greeting)
            FalseServer::send(connection, {&c, 1});
        while (FalseServer::receive(connection))
            for (const char c : granting(1))
                FalseServer::send(connection, {&c, 1});
    });
    guard::SharedState state(only({queries(40, 3600)}), shared_secret(), shared_options(server.url()));
    CHECK(ask(state, "x", {}, time.now()).remaining == 37);
}

TEST_CASE("shared hostile: greetings that are none, and servers that talk without end") {
    SharedTime time;
    const std::vector<std::pair<std::string, std::string>> greetings{
        {"garbage\r\n", "server_answer"},
        {"$3\r\nabc\r\n", "server_answer"},
        {"-NOAUTH Authentication required.\r\n", "server_refused"},
        {"-NOPERM this user has no permissions\r\n", "server_refused"},
        {"$40\r\n01234567890", "server_unreachable"},
    };
    for (const auto& [text, reason] : greetings) {
        INFO(text);
        FalseServer server([greets = text](int connection) {
            FalseServer::send(connection, greets);
            while (FalseServer::receive(connection)) {
            }
        });
        SharedGuard guard(only({queries(40, 3600)}), shared_secret(), hasty(server.url(), SharedMode::exact));
        CHECK(refusal_code([&] { guard.connect(); }) == reason);
        CHECK(guard.check(guard.identify({.name = "x"}), {}, time.now()).limit == 10);
    }
    std::atomic<std::size_t> sent{0};
    FalseServer endless([&](int connection) {
        const std::string flood = "*16384\r\n" + std::string(60'000, '+') + "\r\n";
        for (int i = 0; i < 1000; ++i) {
            const std::size_t before = sent;
            FalseServer::send(connection, flood);
            sent = before + flood.size();
        }
    });
    SharedGuard guard(only({queries(40, 3600)}), shared_secret(), hasty(endless.url(), SharedMode::exact));
    CHECK(refusal_code([&] { guard.connect(); }) == "server_answer");
}

TEST_CASE("shared hostile: a server that talks unasked, and without end") {
    FalseServer server([](int connection) {
        if (!FalseServer::receive(connection)) return;
        FalseServer::send(connection, false_greeting);
        if (!FalseServer::receive(connection)) return;
        FalseServer::send(connection, granting(1));
        std::string flood;
        for (int i = 0; i < 20'000; ++i)
            flood += "+OK\r\n";
        for (int i = 0; i < 500; ++i)
            FalseServer::send(connection, flood);
    });
    for (const SharedMode mode : {SharedMode::exact, SharedMode::lease}) {
        guard::SharedState state(only({queries(40, 3600)}), shared_secret(), shared_options(server.url(), mode));
        CHECK(soon([&] { return was_degraded_by(state, Errc::server_answer); }));
    }
}

TEST_CASE("shared hostile: lost connections") {
    SharedTime time;
    FalseServer server([](int connection) {
        (void)FalseServer::receive(connection);
        FalseServer::send(connection, false_greeting);
        (void)FalseServer::receive(connection);
        // and it hangs up
    });
    for (const SharedMode mode : {SharedMode::exact, SharedMode::lease}) {
        guard::SharedState state(only({queries(40, 3600)}), shared_secret(), hasty(server.url(), mode));
        CHECK(soon([&] {
            (void)ask(state, "x", {}, time.now(), guard::Asks::lease);
            return was_degraded_by(state, Errc::server_unreachable);
        }));
    }
}

TEST_CASE("shared hostile: a cluster in which slots have two servers tells nothing") {
    const auto ranges_of = [](int count) {
        guard::ReplyReader reader;
        std::string text = "*" + std::to_string(count) + "\r\n";
        for (int i = 0; i < count; ++i)
            text += "*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\nh\r\n:1\r\n";
        reader.feed(as_bytes(text));
        return guard::slots_of(reader.next().value()).size();
    };
    CHECK(ranges_of(1) == 1);
    CHECK(ranges_of(2) == 0);
}

TEST_CASE("shared hostile: replies are bounded before anything is made for them") {
    CHECK(replies_of("+OK\r\n:5\r\n$2\r\nab\r\n*1\r\n$-1\r\n") == "nothing refused");
    CHECK(replies_of("*16385\r\n") == "server_answer");
    CHECK(replies_of("*2000000000\r\n") == "server_answer");
    CHECK(replies_of("*-7\r\n") == "server_answer");
    CHECK(replies_of("$-7\r\n") == "server_answer");
    CHECK(replies_of("$99999999999999999999\r\n") == "server_answer");
    std::string nested;
    for (int i = 0; i < 20; ++i)
        nested += "*1\r\n";
    CHECK(replies_of(nested) == "server_answer");
    CHECK(replies_of("*16384\r\n" + std::string(guard::longest_reply, ' ')) == "server_answer");
    std::string lists = "*16384\r\n"; // small in bytes, large in memory, and never complete
    for (int i = 0; i < 40; ++i) {
        lists += "*16384\r\n";
        for (int j = 0; j < 16'384; ++j)
            lists += "*0\r\n";
    }
    CHECK(replies_of(lists) == "server_answer");
}

// The event log: what it holds, and where it may go.

#include "support/event_log.hpp"
#include "support/files.hpp"
#include "support/refusal.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <thread>

namespace weightseal::testing {
namespace {

using Json = nlohmann::json;

std::vector<Json> records_of(const std::string& text) {
    std::vector<Json> records;
    for (const std::string& line : lines_of(text))
        records.push_back(Json::parse(line));
    return records;
}

} // namespace

// The log of tests/vectors, from which a verifier in another language is tested.
TEST_CASE("the bytes of a log are those that its format says") {
    std::string text;
    Limits limits = only({queries(2, 60), tokens(100, 3600)}, 100);
    limits.tickets = 1;
    Guard guard(limits, fixed_secret(1));
    EventLog log(guard, into(text), signing_key(), noon, 3);
    const auto check = [&](std::string_view name, Costs costs, nanoseconds now) {
        return guard.check(guard.identify({.name = name}), costs, now);
    };
    const Decision first = check("alice", {.tokens = 10}, seconds(5));
    static_cast<void>(check("alice", {.queries = 5}, seconds(6)));
    static_cast<void>(check("alice", {.queries = 2}, seconds(7)));
    guard.settle(first.ticket, {.tokens = 200}, seconds(8));
    static_cast<void>(check("bob", {.queries = 2}, seconds(9)));
    static_cast<void>(check("bob", {}, seconds(10)));
    limits.limits[0].limit = 1;
    guard.configure(limits, seconds(11));
    CHECK(log.write(seconds(12), noon + seconds(12)) == 4);
    static_cast<void>(check("\x1b[31mcarol\n\"", {}, seconds(13)));
    static_cast<void>(check("\x1b[31mcarol\n\"", {}, seconds(13)));
    static_cast<void>(check("dave", {}, seconds(14)));
    CHECK(log.close(seconds(15), noon + seconds(15)));
    const std::filesystem::path expected = tests_folder() / "vectors" / "guard_log.jsonl";
    CHECK(text == as_text(read_file(expected)));
}

TEST_CASE("a log names a client by a pseudonym that is neither its name nor its hash") {
    const auto uids = [](Secret secret) {
        std::string text;
        Guard guard(
            only({queries(1, 60), {.tier = Tier::address, .budget = Budget::queries, .limit = 1, .window = 60}}),
            secret);
        EventLog log(guard, into(text), signing_key(), noon);
        const auto refuse = [&](const Client& client) {
            const ClientKey key = guard.identify(client);
            static_cast<void>(guard.check(key, {}, noon));
            static_cast<void>(guard.check(key, {.queries = 2}, noon));
            static_cast<void>(guard.check(key, {}, noon + seconds(200)));
            static_cast<void>(guard.check(key, {}, noon + seconds(200)));
            for (const std::uint64_t hash : key.hashes)
                if (hash != 0) CHECK(text.find(std::to_string(hash)) == std::string::npos);
        };
        refuse({.name = "alice"});
        refuse({.address = Address::parse("192.0.2.77")});
        CHECK(log.close(noon, noon));
        CHECK(text.find("alice") == std::string::npos);
        CHECK(text.find("192.0.2") == std::string::npos);
        std::vector<std::string> found;
        for (const Json& record : records_of(text))
            if (record.contains("actor")) found.push_back(record["actor"]["user"]["uid"].get<std::string>());
        return found;
    };
    const std::vector<std::string> first = uids(fixed_secret(1));
    REQUIRE(first.size() == 4);
    CHECK(first[0] == first[1]);
    CHECK(first[2] == first[3]);
    CHECK(first[0] != first[2]);
    CHECK(first[0].size() == 32);
    CHECK(uids(fixed_secret(1)) == first);
    const std::vector<std::string> other = uids(fixed_secret(2));
    CHECK(std::set<std::string>{first[0], first[2], other[0], other[2]}.size() == 4);
}

TEST_CASE("a tier is part of a pseudonym") {
    const Guard guard{Limits{}};
    CHECK(guard.pseudonym(Tier::client, 1) != guard.pseudonym(Tier::pool, 1));
    CHECK(guard.pseudonym(Tier::client, 1) == guard.pseudonym(Tier::client, 1));
}

TEST_CASE("a signed record follows every so many events, a minute, and the end") {
    std::string text;
    Guard guard(one_query());
    EventLog log(guard, into(text), signing_key(), noon, 10);
    const auto signed_records = [&] { return verify(text).checkpoints; };
    CHECK(signed_records() == 1);
    make_events(guard, 35);
    CHECK(log.write(noon, noon) == 35);
    CHECK(signed_records() == 4);
    CHECK(verify(text).unsigned_events == 5);
    CHECK(log.write(noon, noon + seconds(59)) == 0);
    CHECK(signed_records() == 4);
    CHECK(log.write(noon, noon + seconds(60)) == 0);
    CHECK(signed_records() == 5);
    CHECK(verify(text).unsigned_events == 0);
    CHECK(log.write(noon, noon + seconds(200)) == 0); // nothing to sign
    CHECK(signed_records() == 5);
    make_events(guard, 1, 35);
    CHECK_FALSE(verify(text).is_closed);
    CHECK(log.close(noon, noon + seconds(201)));
    const LogVerification whole = verify(text);
    CHECK(whole.events == 36);
    CHECK(whole.checkpoints == 6);
    CHECK(whole.is_closed);
    CHECK(log.counters().events == 36);
    const std::string before = text;
    CHECK(log.close(noon, noon));
    CHECK(text == before);
    CHECK(refusal([&] { log.write(noon, noon); }) == "invalid_argument");
}

TEST_CASE("an event has the time at which it happened") {
    std::string text;
    Guard guard(one_query());
    EventLog log(guard, into(text), signing_key(), noon);
    make_events(guard, 1, 0, seconds(100));
    make_events(guard, 1, 1, seconds(109));
    log.write(seconds(110), noon + seconds(50));
    make_events(guard, 1, 2, seconds(500)); // a clock that was set back since
    log.write(seconds(300), noon + seconds(51));
    make_events(guard, 1, 3, seconds(500));
    log.write(nanoseconds::max(), nanoseconds::min()); // and one that makes no sense at all
    const std::vector<Json> records = records_of(text);
    const std::int64_t start = noon.count() / 1'000'000;
    CHECK(records.at(0)["time"] == start);
    CHECK(records.at(1)["time"] == start + 40'000);
    CHECK(records.at(2)["time"] == start + 49'000);
    CHECK(records.at(3)["time"] == start + 51'000);
    CHECK(records.at(4)["metadata"]["sequence"] == 4);
    CHECK(verify(text).events == 4);
}

TEST_CASE("a log says how many events were lost before each of its records") {
    std::string text;
    Guard guard(one_query());
    EventLog log(guard, into(text), signing_key(), noon);
    make_events(guard, 4096 + 23);
    CHECK(guard.counters().dropped_events == 23);
    CHECK(log.write(noon, noon) == 4096);
    CHECK(records_of(text).at(0)["unmapped"]["dropped"] == 0);
    CHECK(records_of(text).at(1)["unmapped"]["dropped"] == 23);
    CHECK(verify(text).dropped == 23);
}

TEST_CASE("a target that refuses is offered the same lines again, and no event is taken meanwhile") {
    std::string text;
    int refusals = 0;
    bool open = true;
    Guard guard(one_query());
    const auto target = [&](std::string_view lines) {
        if (open) text += lines;
        if (!open && ++refusals % 2 == 0) throw std::runtime_error("disk full");
        return open;
    };
    EventLog log(guard, target, signing_key(), noon);
    open = false;
    make_events(guard, 1000);
    CHECK(log.write(noon, noon) == 256); // one batch is kept
    CHECK(log.write(noon, noon) == 0);
    CHECK(log.write(noon, noon) == 0);
    make_events(guard, 4096, 1000); // the queue holds the others, and counts what it cannot hold
    CHECK(guard.counters().dropped_events == 1000 - 256);
    const EventLogCounters counters = log.counters();
    CHECK(counters.failures == 3);
    CHECK(counters.last_failure == Errc::callback_failed);
    CHECK(counters.waiting > 256 * 300);
    CHECK(counters.waiting < 256 * 1024);
    CHECK(verify(text).events == 0);
    open = true;
    CHECK(log.write(noon, noon) == 4096);
    CHECK(log.counters().waiting == 0);
    CHECK(log.close(noon, noon));
    const LogVerification whole = verify(text);
    CHECK(whole.events == 256 + 4096);
    CHECK(whole.dropped == 1000 - 256);
    CHECK(whole.unsigned_events == 0);
}

TEST_CASE("a log that cannot be closed completely says so") {
    std::string text;
    bool open = true;
    Guard guard(one_query());
    EventLog log(
        guard, [&](std::string_view lines) { return open && (text += lines, true); }, signing_key(), noon);
    open = false;
    make_events(guard, 1);
    CHECK_FALSE(log.close(noon, noon));
    open = true;
    CHECK(log.close(noon, noon));
    CHECK(verify(text).is_closed);
    CHECK(verify(text).events == 1);
}

TEST_CASE("checks go on while a log is written") {
    std::string text;
    Guard guard(one_query());
    EventLog log(guard, into(text), signing_key(), noon);
    std::thread checking([&] { make_events(guard, 2000); });
    std::thread counting([&] {
        for (int i = 0; i < 100; ++i)
            static_cast<void>(log.counters());
    });
    std::uint64_t events = 0;
    for (int i = 0; i < 200; ++i)
        events += log.write(noon, noon);
    checking.join();
    counting.join();
    while (const std::size_t more = log.write(noon, noon))
        events += more;
    CHECK(events == 2000);
    CHECK(verify(text).events == 2000);
}

TEST_CASE("what a log cannot be opened with is refused") {
    Guard guard(one_query());
    const auto open = [&](LogTarget target, const Key& key, std::uint32_t every = 1) {
        return refusal([&] { const EventLog log(guard, std::move(target), key, noon, every); });
    };
    std::string text;
    CHECK(open(into(text), {KeyKind::seal, fixed_secret(1)}) == "key_kind");
    CHECK(open(into(text), {KeyKind::signing, {}}) == "invalid_argument");
    CHECK(open(into(text), signing_key(), 0) == "invalid_argument");
    CHECK(open(into(text), signing_key(), 65'537) == "invalid_argument");
    CHECK(open(LogCallback(), signing_key()) == "invalid_argument");
    CHECK(open(LogDescriptor(), signing_key()) == "invalid_argument");
    CHECK(open(LogFile{"log", 4095}, signing_key()) == "invalid_argument");
    CHECK(text.empty());
}

} // namespace weightseal::testing

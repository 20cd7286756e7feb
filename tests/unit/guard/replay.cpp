// Replaying past traffic: what is counted, and every line that is refused.

#include "weightseal/guard/replay.hpp"
#include "support/event_log.hpp"
#include "support/refusal.hpp"

#include <numeric>

namespace weightseal::testing {
namespace {

Replay played(const std::string& text, const Limits& limits = {}) {
    return replay(log_text(text, "traffic"), limits);
}

std::string repeated(const std::string& line, int times) {
    std::string text;
    for (int i = 0; i < times; ++i)
        text += line + '\n';
    return text;
}

std::string message(const std::string& text) {
    try {
        static_cast<void>(played(text));
    } catch (const Error& error) {
        return std::string(errc_name(error.errc())) + ' ' + error.what();
    }
    return "nothing refused";
}

// Of a request with these members, besides its time.
std::string problem(const std::string& members) {
    const std::string found = message("{\"time\": 1, " + members + "}");
    const std::string start = "not_a_traffic_log traffic: line 1 is no request: ";
    return found.starts_with(start) ? found.substr(start.size()) : found;
}

} // namespace

TEST_CASE("who would have been stopped, when, and by what") {
    std::string text = repeated(R"({"time": 1790000000, "client": "scraper"})", 600);
    text += repeated(R"({"time": 1790000001.5, "client": "person"})", 20);
    text += repeated(R"({"time": 1790000002, "client": "scraper"})", 5);
    text += repeated(R"({"time": 1790000002, "client": "other", "prompts": 501})", 2);
    text += repeated(R"({"time": 1790000003, "client": "other", "prompts": 500})", 2);
    const Replay found = played(text);
    CHECK(found.requests == 629);
    CHECK(found.admitted == 500 + 20 + 1);
    CHECK(found.refused == 100 + 5 + 2 + 1);
    CHECK(found.reasons[static_cast<std::size_t>(Reason::limit_reached)] == 106);
    CHECK(found.reasons[static_cast<std::size_t>(Reason::cost_exceeds_limit)] == 2);
    CHECK(found.first == seconds(1'790'000'000));
    CHECK(found.last == seconds(1'790'000'003));
    CHECK(found.out_of_order == 0);
    REQUIRE(found.limits.size() == 1);
    CHECK(found.limits[0].refused == 108);
    CHECK(found.limits[0].limit == 500);
    REQUIRE(found.clients.size() == 2);
    CHECK(found.clients[0].name == "scraper");
    CHECK(found.clients[0].known_by == "client");
    CHECK(found.clients[0].requests == 605);
    CHECK(found.clients[0].refused == 105);
    CHECK(found.clients[0].first_refused == seconds(1'790'000'000));
    CHECK(found.clients[0].reason == Reason::limit_reached);
    CHECK(found.clients[0].first_limit.window == 3600);
    CHECK(found.clients[1].name == "other");
    CHECK(found.clients[1].refused == 3);
    CHECK(found.clients[1].first_refused == seconds(1'790'000'002));
    CHECK(found.clients[1].reason == Reason::cost_exceeds_limit);
    REQUIRE(found.slices.size() == 4);
    CHECK(found.slice == seconds(1));
    CHECK(found.slices[0].admitted == 500);
    CHECK(found.slices[0].refused == 100);
    CHECK(found.slices[1].admitted == 20);
    CHECK(found.slices[2].refused == 7);
}

TEST_CASE("a log without requests has none") {
    for (const char* const text : {"", "\n", " \r\n\n"})
        CHECK(played(text).requests == 0);
}

TEST_CASE("the guard's own names of fields are read, too, and fields of others passed over") {
    Limits limits = only({{.tier = Tier::address, .budget = Budget::queries, .limit = 1, .window = 60},
                          {.tier = Tier::pool, .budget = Budget::queries, .limit = 3, .window = 60},
                          {.tier = Tier::client, .budget = Budget::logit_bias_entries, .limit = 2, .window = 60}});
    const std::string text = R"({"now": 5, "name": "a", "peer": "192.0.2.1:55", "pool": "p", "path": "/v1", "n": null}
{"time": 6, "client": "a", "address": "::ffff:192.0.2.1"}
{"now": 7, "pool": "p", "n": 2}
{"now": 8, "pool": "p"}
{"time": 9, "client": "b", "logit_bias": {"17": -100, "18": 5}}
{"time": 9, "client": "b", "logit_bias_entries": 1}
)";
    const Replay found = played(text, limits);
    CHECK(found.admitted == 3);
    REQUIRE(found.clients.size() == 3);
    CHECK(found.clients[0].name == "a");
    CHECK(found.clients[0].first_limit.tier == Tier::address);
    CHECK(found.clients[1].name == "p");
    CHECK(found.clients[1].known_by == "pool");
    CHECK(found.clients[2].name == "b");
    CHECK(found.clients[2].first_limit.budget == Budget::logit_bias_entries);
}

TEST_CASE("a request that names nobody counts as everybody's") {
    const Replay found = played(repeated(R"({"time": 1})", 501));
    REQUIRE(found.clients.size() == 1);
    CHECK(found.clients[0].known_by.empty());
    CHECK(found.clients[0].name.empty());
}

TEST_CASE("tokens are reserved, and what was not used comes back when a request ends") {
    const Limits limits = only({tokens(1000, 60), concurrency(2)});
    const auto admitted = [&](const std::string& text) { return played(text, limits).admitted; };
    const std::string request = R"({"time": 1, "client": "a", "input_tokens": 100, "max_tokens": 300, "n": 2)";
    CHECK(admitted(repeated(request + "}", 5)) == 1);
    CHECK(admitted(repeated(request + R"(, "tokens": 200})", 6)) == 2);
    CHECK(admitted(repeated(request + R"(, "used_tokens": 100})", 9)) == 4);
    // As long as a request lasts, it is in progress and keeps its reservation.
    CHECK(admitted(repeated(request + R"(, "tokens": 100, "duration": 1.5})", 9)) == 1);
    const std::string small = R"(, "client": "a", "max_tokens": 1, "duration": 10})";
    CHECK(admitted(repeated(R"({"time": 1)" + small, 3)) == 2);
    CHECK(admitted(repeated(R"({"time": 1)" + small, 3) + R"({"time": 10.5)" + small) == 2);
    CHECK(admitted(repeated(R"({"time": 1)" + small, 3) + "\n" + R"({"time": 11)" + small) == 3);
    // More than was reserved is debt.
    const Replay debt = played(R"({"time": 1, "client": "a", "max_tokens": 10, "tokens": 2000}
{"time": 2, "client": "a"})",
                               limits);
    REQUIRE(debt.clients.size() == 1);
    CHECK(debt.clients[0].reason == Reason::in_debt);
}

TEST_CASE("log-probabilities as requests have them") {
    Limits limits = only({queries(9, 60), {.budget = Budget::logprob_tokens, .limit = 10, .window = 60}});
    limits.logprobs_or_logit_bias = true;
    const std::string request = R"({"time": 1, "client": "a", "max_tokens": 10, "logprobs": )";
    for (const char* const yes : {"true", "5"}) {
        const Replay found = played(repeated(request + yes + "}", 2), limits);
        CHECK(found.refused == 1);
        CHECK(found.clients.at(0).first_limit.budget == Budget::logprob_tokens);
        CHECK(played(repeated(request + yes + R"(, "logprob_tokens": 5})", 2), limits).refused == 1);
        CHECK(played(repeated(request + yes + R"(, "logprob_tokens": 0})", 2), limits).refused == 0);
    }
    for (const char* const no : {"false", "0", "null"})
        CHECK(played(repeated(request + no + "}", 2), limits).refused == 0);
    const Replay both = played(request + R"(1, "logit_bias": {"1": 1}})", limits);
    REQUIRE(both.clients.size() == 1);
    CHECK(both.clients[0].reason == Reason::logprobs_with_logit_bias);
    CHECK(both.clients[0].first_limit.window == 0);
    CHECK(both.limits.empty());
}

TEST_CASE("times are seconds or text") {
    const auto time = [](const std::string& text) { return played("{\"time\": " + text + "}").first; };
    CHECK(time("0") == nanoseconds(0));
    CHECK(time("1790000000.25") == nanoseconds(1'790'000'000'250'000'000));
    CHECK(time("9e9") == seconds(9'000'000'000));
    CHECK(time("\"2026-09-21T14:13:20Z\"") == seconds(1'790'000'000));
    CHECK(time("\"2026-09-21t14:13:20.123456789123z\"") == nanoseconds(1'790'000'000'123'456'789));
    CHECK(time("\"2026-09-21 16:43:20+02:30\"") == seconds(1'790'000'000));
    CHECK(time("\"2026-09-21T04:13:20.5-10:00\"") == nanoseconds(1'790'000'000'500'000'000));
    for (const char* const wrong :
         {"\"\"", "\"today\"", "\"2026-09-21\"", "\"2026-13-21T14:13:20Z\"", "\"2026-02-29T14:13:20Z\"",
          "\"2026-09-21T24:13:20Z\"", "\"2026-09-21T14:13:20\"", "\"2026-09-21T14:13:20Zz\"",
          "\"2026-09-21T14:13:61Z\"", "\"2026-09-21T14:13:20+2:00\"", "\"2026-09-21T14:13:20+02:00 \"",
          "\"1969-09-21T14:13:20Z\"", "\"2026--9-21T14:13:20Z\"", "-1", "9.1e9", "1e300", "true", "[]"})
        CHECK(message(std::string("{\"time\": ") + wrong + "}").starts_with("not_a_traffic_log"));
}

TEST_CASE("requests out of order count at the latest time before them") {
    const Replay found = played(R"({"time": 4000, "client": "a"}
{"time": 5, "client": "a", "prompts": 499}
{"time": 7599, "client": "a"})");
    CHECK(found.out_of_order == 1);
    CHECK(found.refused == 1);
    CHECK(found.first == seconds(4000));
    CHECK(found.last == seconds(7599));
}

TEST_CASE("however long a log is, its time has at most 64 slices, and all requests are in them") {
    for (const std::int64_t length : std::array<std::int64_t, 6>{63, 64, 65, 1000, 1'000'000, 4'000'000'000}) {
        std::string text;
        for (int i = 0; i <= 100; ++i)
            text +=
                R"({"time": )" + std::to_string(100 + length * i / 100) + R"(, "client": "c", "prompts": 7})" + '\n';
        const Replay found = played(text);
        CHECK(found.slices.size() <= 64);
        CHECK(found.slices.size() > 31);
        CHECK(found.slice * static_cast<std::int64_t>(found.slices.size()) > std::chrono::seconds(length));
        std::uint64_t admitted = 0, refused = 0;
        for (const ReplaySlice& slice : found.slices) {
            admitted += slice.admitted;
            refused += slice.refused;
        }
        CHECK(admitted == found.admitted);
        CHECK(refused == found.refused);
    }
}

TEST_CASE("a line that is no request is refused with its number and field") {
    CHECK(message("{\"time\": 1}\n\n{\"time\": 1, \"n\": -1}\n") ==
          "not_a_traffic_log traffic: line 3 is no request: 'n' is no whole number from 0 to 2^64 - 1");
    CHECK(message("{}") == "not_a_traffic_log traffic: line 1 is no request: 'time' is missing");
    CHECK(message("{\"time\": null}").ends_with("'time' is missing"));
    for (const char* const line : {"[]", "5", "{", "GET /", "{\"time\": 1} {\"time\": 1}", "{\"time\": 1, \"time\": 2}",
                                   "{\"time\": 1, \"a\": {\"b\": 1, \"b\": 2}}", "{\"time\": 1, \"client\": \"\xff\"}"})
        CHECK(message(line) ==
              "not_a_traffic_log traffic: line 1 is no request: no JSON object, or one with a name twice");
    CHECK(message("{\"time\": 1}" + std::string(1, '\0')).starts_with("not_a_traffic_log"));
    CHECK(message("{\"time\": 1, \"a\": " + std::string(100'000, '[')).starts_with("not_a_traffic_log"));
    CHECK(message("{\"time\": 1}\n" + std::string(300'000, ' ')) ==
          "not_a_traffic_log traffic: line 2 is longer than 262144 bytes");
    CHECK(problem("\"now\": 1") == "'time' stands beside 'now'");
    CHECK(problem(R"("client": "a", "name": "b")") == "'client' stands beside 'name'");
    CHECK(problem(R"("client": 5)") == "'client' is no text");
    CHECK(problem(R"("pool": [])") == "'pool' is no text");
    CHECK(problem(R"("address": "localhost")") == "'address' is no address of the Internet");
    CHECK(problem(R"("max_tokens": 1.5)") == "'max_tokens' is no whole number from 0 to 2^64 - 1");
    CHECK(problem(R"("prompts": 18446744073709551616)") == "'prompts' is no whole number from 0 to 2^64 - 1");
    CHECK(problem(R"("tokens": "5")") == "'tokens' is no whole number from 0 to 2^64 - 1");
    CHECK(problem(R"("logprobs": "yes")") == "'logprobs' is neither true or false nor a whole number");
    CHECK(problem(R"("logit_bias": [])") == "'logit_bias_entries' is neither a whole number nor an object");
    CHECK(problem(R"("duration": -1)") == "'duration' is no number of seconds from 0 to 9e9");
    CHECK(problem(R"("duration": "1")") == "'duration' is no number of seconds from 0 to 9e9");
}

TEST_CASE("numbers of any size are counted, not wrapped") {
    const std::string most = "18446744073709551615";
    const Replay found =
        played(R"({"time": 1, "client": "a", "prompts": )" + most + R"(, "n": )" + most + R"(, "max_tokens": )" + most +
               R"(, "input_tokens": )" + most + R"(, "tokens": )" + most + R"(, "duration": 9e9})");
    CHECK(found.refused == 1);
    CHECK(found.clients.at(0).reason == Reason::cost_exceeds_limit);
}

} // namespace weightseal::testing

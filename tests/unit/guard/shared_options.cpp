// What shared state is configured by.

#include "guard/shared/cluster.hpp"
#include "guard/shared/server_url.hpp"
#include "support/refusal.hpp"
#include "support/shared.hpp"

using namespace weightseal;
using namespace weightseal::testing;

namespace {

std::string url_refusal(const std::string& text) {
    return refusal_code([&] { (void)guard::parse_server_url(text); });
}

std::string options_refusal(const std::function<void(SharedOptions&)>& spoil,
                            const Limits& limits = only({queries(40, 60)}), const Secret& secret = shared_secret()) {
    SharedOptions options = shared_options("unix:///nowhere/at/all");
    spoil(options);
    return refusal_code([&] { SharedGuard guard(limits, secret, options); });
}

} // namespace

TEST_CASE("shared options: URLs of servers") {
    const guard::ServerUrl plain = guard::parse_server_url("redis://cache");
    CHECK(plain.transport == guard::Transport::tcp);
    CHECK(plain.host == "cache");
    CHECK(plain.port == 6379);
    CHECK(plain.database == 0);
    const guard::ServerUrl full = guard::parse_server_url("rediss://guard:p%40s%2Fs:x@cache.example:6380/12");
    CHECK(full.transport == guard::Transport::tls);
    CHECK(full.user == "guard");
    CHECK(full.password == "p@s/s:x");
    CHECK(full.host == "cache.example");
    CHECK(full.port == 6380);
    CHECK(full.database == 12);
    const guard::ServerUrl v6 = guard::parse_server_url("redis://:word@[2001:db8::1]:1234/");
    CHECK(v6.user.empty());
    CHECK(v6.password == "word");
    CHECK(v6.host == "2001:db8::1");
    CHECK(v6.port == 1234);
    CHECK(guard::parse_server_url("redis://only-user@[::1]").user == "only-user");
    const guard::ServerUrl local = guard::parse_server_url("unix:///run/redis/redis.sock");
    CHECK(local.transport == guard::Transport::local);
    CHECK(local.host == "/run/redis/redis.sock");
    for (const char* const text : {"",
                                   "redis:",
                                   "http://cache",
                                   "redis://",
                                   "redis://:6379",
                                   "redis://cache:",
                                   "redis://cache:0",
                                   "redis://cache:65536",
                                   "redis://cache:port",
                                   "redis://cache/x",
                                   "redis://cache/65536",
                                   "redis://cache/1/2",
                                   "redis://[::1",
                                   "redis://[::1]6379",
                                   "redis://a%zz@cache",
                                   "redis://a%0@cache",
                                   "redis://a%00@cache",
                                   "redis://ca che",
                                   "redis://ca\nche",
                                   "unix://socket",
                                   "unix://"})
        CHECK(url_refusal(text) == "bad_server_url");
    CHECK(url_refusal("redis://" + std::string(2000, 'a')) == "bad_server_url");
    try {
        (void)guard::parse_server_url("redis://user:pass-word@cache:99999");
        FAIL("that is no port");
    } catch (const Error& error) {
        CHECK(std::string(error.what()).find("pass-word") == std::string::npos);
    }
}

TEST_CASE("shared options: each is bounded, and a secret is needed") {
    CHECK(options_refusal([](SharedOptions&) {}) == "nothing refused");
    CHECK(options_refusal([](SharedOptions&) {}, only({queries(40, 60)}), {}) == "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.replicas = 0; }) == "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.replicas = 1'000'001; }) == "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.timeout = std::chrono::milliseconds(0); }) == "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.timeout = std::chrono::hours(1); }) == "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.leases = 7; }) == "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.connections = 0; }) == "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.prefix = ""; }) == "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.prefix = "a{b}"; }) == "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.prefix = std::string(65, 'a'); }) == "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.mode = static_cast<SharedMode>(2); }) == "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.failure_policy = static_cast<FailurePolicy>(3); }) ==
          "invalid_argument");
    CHECK(options_refusal([](SharedOptions& o) { o.url = "cache"; }) == "bad_server_url");
    CHECK(options_refusal([](SharedOptions& o) { o.url = "unix:///" + std::string(200, 'a'); }) == "bad_server_url");
    CHECK(options_refusal([](SharedOptions& o) {
              o.url = "rediss://cache";
              o.authorities = "/nowhere/at/all";
          }) == "bad_server_url");
    CHECK(options_refusal([](SharedOptions&) {}, only({queries(3, 60)})) == "limits_out_of_range");
    CHECK(options_refusal([](SharedOptions&) {}, only({})) == "limits_out_of_range");
}

TEST_CASE("shared options: completions cost at most what the server may admit at once") {
    SharedOptions options = shared_options("unix:///nowhere/at/all", SharedMode::lease);
    const SharedGuard leasing(only({tokens(3200, 60)}), shared_secret(), options);
    CHECK(leasing.costs_of({.max_tokens = 1'000'000}).tokens == 2800); // four allowances of 100 are not the server's
    options.mode = SharedMode::exact;
    const SharedGuard exact(only({tokens(3200, 60)}), shared_secret(), options);
    CHECK(exact.costs_of({.max_tokens = 1'000'000}).tokens == 3200);
    CHECK(exact.costs_of({.input_tokens = 5, .max_tokens = 6}).tokens == 11);
}

TEST_CASE("shared options: slots and redirections of a cluster") {
    CHECK(guard::slot_of("123456789") == 0x31C3); // of the cluster's specification
    CHECK(guard::slot_of("") == 0);
    const auto moved = guard::redirection_of("MOVED 3999 127.0.0.1:6381");
    REQUIRE(moved);
    CHECK(moved->slot == 3999);
    CHECK(moved->host == "127.0.0.1");
    CHECK(moved->port == 6381);
    CHECK_FALSE(moved->once);
    CHECK(guard::redirection_of("ASK 1 ::1:7000")->once);
    CHECK(guard::redirection_of("ASK 1 ::1:7000")->host == "::1");
    CHECK(guard::redirection_of("MOVED 1 :7000")->host.empty());
    CHECK_FALSE(guard::redirection_of("ERR unknown"));
    for (const char* const text :
         {"MOVED ", "MOVED x 127.0.0.1:1", "MOVED 16384 127.0.0.1:1", "MOVED 1", "MOVED 1 ", "MOVED 1 host",
          "MOVED 1 host:", "MOVED 1 host:0", "MOVED 1 host:65536", "MOVED 1 host:12x", "ASK -1 host:1"})
        CHECK(refusal_code([&] { (void)guard::redirection_of(text); }) == "server_answer");
}

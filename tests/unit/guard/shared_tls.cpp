// TLS to a real server, under an authority that the test makes.

#include "support/certificates.hpp"
#include "support/refusal.hpp"
#include "support/shared.hpp"

using namespace weightseal;
using namespace weightseal::testing;

TEST_CASE("shared tls: verified by authority and name, and refused otherwise") {
    if (!have_redis()) return;
    const Certificates certificates("IP:127.0.0.1");
    const Certificates others("DNS:elsewhere.example");
    const std::uint16_t port = free_port();
    const std::uint16_t wrong_port = free_port();
    const auto start = [](const Certificates& own, std::uint16_t at) {
        return std::make_unique<RedisServer>(std::vector<std::string>{
            "--port", "0", "--tls-port", std::to_string(at), "--tls-cert-file", own.certificate(), "--tls-key-file",
            own.key(), "--tls-ca-cert-file", own.authorities(), "--tls-auth-clients", "no"});
    };
    const auto server = start(certificates, port);
    const auto wrong = start(others, wrong_port);
    const auto connect = [](const std::string& url, const std::string& authorities) {
        SharedOptions options = shared_options(url);
        options.authorities = authorities;
        SharedGuard guard(only({queries(40, 3600)}), shared_secret(), options);
        try {
            guard.connect();
        } catch (const Error& error) {
            return std::string(errc_name(error.errc())) + ": " + error.what();
        }
        return guard.check_shared(guard.identify({.name = "x"}), {}, noon).limit == 40 ? std::string("connected")
                                                                                       : std::string("degraded");
    };
    const std::string right_url = "rediss://127.0.0.1:" + std::to_string(port);
    CHECK(connect(right_url, certificates.authorities()) == "connected");
    CHECK_THAT(connect(right_url, others.authorities()), ContainsSubstring("server_unreachable"));
    CHECK_THAT(connect(right_url, ""), ContainsSubstring("server_unreachable"));
    const std::string other_name = connect("rediss://127.0.0.1:" + std::to_string(wrong_port), others.authorities());
    CHECK_THAT(other_name, ContainsSubstring("server_unreachable"));
    CHECK_THAT(other_name, ContainsSubstring("IP address mismatch"));
    // Without TLS the server does not even greet.
    CHECK(connect("redis://127.0.0.1:" + std::to_string(port), "") != "connected");
}

TEST_CASE("shared tls: leases come over TLS, too") {
    if (!have_redis()) return;
    const Certificates certificates("DNS:localhost");
    const std::uint16_t port = free_port();
    const RedisServer server({"--port", "0", "--tls-port", std::to_string(port), "--tls-cert-file",
                              certificates.certificate(), "--tls-key-file", certificates.key(), "--tls-ca-cert-file",
                              certificates.authorities(), "--tls-auth-clients", "no"});
    SharedOptions options =
        shared_options("rediss://localhost:" + std::to_string(port), SharedMode::lease); // a name with two addresses
    options.authorities = certificates.authorities();
    SharedTime time;
    guard::SharedState state(only({queries(4000, 3600)}), shared_secret(), options, time.server());
    CHECK(soon([&] { return ask(state, "x", {.queries = 1000}, time.now(), guard::Asks::lease).allowed; }));
    CHECK(ask(state, "y", {.queries = 1000}, time.now(), guard::Asks::decision).allowed);
    CHECK(testing::events_of(state).empty());
}

// The client's address behind proxies, as X-Forwarded-For and Forwarded tell it.

#include "support/guard.hpp"

#include <vector>

namespace weightseal::testing {
namespace {

constexpr auto x_forwarded_for = ForwardedHeader::x_forwarded_for;
constexpr auto forwarded = ForwardedHeader::forwarded;

Address at(std::string_view text) {
    return Address::parse(text).value();
}

// Behind proxies of 10.0.0.0/8 and fd00::/8, the last of them at 10.0.0.1.
Address client(std::string_view value, ForwardedHeader header, std::string_view peer = "10.0.0.1") {
    static const std::vector<Network> proxies{Network::parse("10.0.0.0/8"), Network::parse("fd00::/8")};
    return client_address(at(peer), value, header, proxies);
}

} // namespace

TEST_CASE("who is no trusted proxy is the client, whatever it forwards") {
    CHECK(client("192.0.2.1", x_forwarded_for, "198.51.100.7") == at("198.51.100.7"));
    CHECK(client("for=192.0.2.1", forwarded, "198.51.100.7") == at("198.51.100.7"));
    CHECK(client_address(at("10.0.0.1"), "192.0.2.1", x_forwarded_for, {}) == at("10.0.0.1"));
}

TEST_CASE("a trusted proxy tells its client, and a chain of them tells the first that is none") {
    CHECK(client("192.0.2.1", x_forwarded_for) == at("192.0.2.1"));
    CHECK(client("192.0.2.1, 10.0.0.3,10.0.0.2", x_forwarded_for) == at("192.0.2.1"));
    CHECK(client("203.0.113.9, 192.0.2.1, 10.0.0.2", x_forwarded_for) == at("192.0.2.1")); // 203… is its invention
    CHECK(client("10.0.0.9, 192.0.2.1", x_forwarded_for) == at("192.0.2.1"));
    CHECK(client("2001:db8::1, fd00::2", x_forwarded_for) == at("2001:db8::1"));
    CHECK(client("[2001:db8::1]:443, ::ffff:10.0.0.2", x_forwarded_for) == at("2001:db8::1"));
    CHECK(client("for=192.0.2.1;proto=https;by=10.0.0.1, for=\"10.0.0.2:80\"", forwarded) == at("192.0.2.1"));
    CHECK(client("FOR=\"[2001:db8::1]:443\" ; proto=http", forwarded) == at("2001:db8::1"));
    CHECK(client("proto=http;host=\"a,b;c\";For=192.0.2.1", forwarded) == at("192.0.2.1"));
    CHECK(client("secret=\"a\\\",for=203.0.113.9\";for=192.0.2.1", forwarded) == at("192.0.2.1"));
}

TEST_CASE("where proxies are all there is, the farthest of them is the client") {
    CHECK(client("", x_forwarded_for) == at("10.0.0.1"));
    CHECK(client(" ,, ,", x_forwarded_for) == at("10.0.0.1"));
    CHECK(client("10.0.0.3, 10.0.0.2", x_forwarded_for) == at("10.0.0.3"));
    CHECK(client(",192.0.2.1,,", x_forwarded_for) == at("192.0.2.1"));
}

TEST_CASE("an entry that is no address ends the search: the proxy that let it through is the client") {
    for (const char* const entry : {"unknown", "_hidden", "192.0.2", "192.0.2.1 192.0.2.2", "\"192.0.2.1\"",
                                    "for=192.0.2.1", "192.0.2.1;", "\x01", "http://192.0.2.1/"})
        CHECK(client(std::string("203.0.113.9, ") + entry + ", 10.0.0.2", x_forwarded_for) == at("10.0.0.2"));
    for (const char* const entry :
         {"192.0.2.1", "for", "for=", "for=unknown", "for=\"_x\"", "for=\"192.0.2.1", "for=192.0.2.1\"",
          "for =192.0.2.1", "for= 192.0.2.1", "by=192.0.2.1", "for=192.0.2.1;for=192.0.2.2", "for=2001:db8::1;;;for=x",
          "fo\xEF=192.0.2.1", "=", ";", "for=\"192.0.2.1\"\""})
        CHECK(client(std::string("for=203.0.113.9, ") + entry + ", for=10.0.0.2", forwarded) == at("10.0.0.2"));
}

TEST_CASE("nothing that a client writes left of a proxy's entry changes what the proxy's entry says") {
    Random random(71);
    const std::string_view alphabet = "for=\"\\,; []:.%0192abFOR_\t";
    for (std::uint64_t i = 0; i < 50'000 * effort; ++i) {
        std::string invented;
        for (std::uint64_t length = random.below(40); length-- != 0;)
            invented += random.once_in(20) ? static_cast<char>(random.next()) : alphabet[random.below(alphabet.size())];
        if (client(invented + ", 192.0.2.1, 10.0.0.2", x_forwarded_for) != at("192.0.2.1")) FAIL(invented);
        if (client(invented + ", for=192.0.2.1, for=\"10.0.0.2\"", forwarded) != at("192.0.2.1")) FAIL(invented);
        // Alone it may name anybody, and does no harm.
        static_cast<void>(client(invented, x_forwarded_for));
        static_cast<void>(client(invented, forwarded));
    }
}

TEST_CASE("long headers are read in one pass") {
    const std::string proxies = [] {
        std::string text;
        for (int i = 0; i < 100'000; ++i)
            text += ",10.0.0.2";
        return text;
    }();
    CHECK(client("192.0.2.1" + proxies, x_forwarded_for) == at("192.0.2.1"));
    const std::string backslashes(1'000'000, '\\');
    CHECK(client(backslashes + "\", for=192.0.2.1", forwarded) == at("192.0.2.1"));
    CHECK(client("for=\"" + backslashes + "\"", forwarded) == at("10.0.0.1"));
    CHECK(client(std::string(1'000'000, '"'), forwarded) == at("10.0.0.1"));
}

} // namespace weightseal::testing

// Addresses, networks, and the tiers that an address belongs to.

#include "support/guard.hpp"

#include "support/refusal.hpp"

#include <arpa/inet.h>
#include <set>

namespace weightseal::testing {
namespace {

// In the words of the C library; "none" for no address.
std::string canonical(const std::optional<Address>& address) {
    if (!address) return "none";
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(address->is_v6 ? AF_INET6 : AF_INET, address->bytes.data(), text.data(), text.size());
    return text.data();
}

std::string canonical(std::string_view text) {
    return canonical(Address::parse(text));
}

bool in_network(std::string_view network, std::string_view address) {
    return Network::parse(network).contains(Address::parse(address).value());
}

} // namespace

TEST_CASE("addresses are read in every form that sockets and headers have") {
    CHECK(canonical("192.0.2.1") == "192.0.2.1");
    CHECK(canonical("192.0.2.1:443") == "192.0.2.1");
    CHECK(canonical("255.255.255.255:65535") == "255.255.255.255");
    CHECK(canonical("2001:db8::1") == "2001:db8::1");
    CHECK(canonical("2001:DB8:0:0:0:0:0:1") == "2001:db8::1");
    CHECK(canonical("[2001:db8::1]") == "2001:db8::1");
    CHECK(canonical("[2001:db8::1]:443") == "2001:db8::1");
    CHECK(canonical("fe80::1%eth0") == "fe80::1");
    CHECK(canonical("[fe80::1%eth0]:1") == "fe80::1");
    CHECK(canonical("::") == "::");
}

TEST_CASE("IPv4 inside IPv6 is IPv4: mapped by a socket, or by NAT64") {
    for (const char* const text : {"192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:201", "[::ffff:192.0.2.1]:443",
                                   "64:ff9b::192.0.2.1", "64:ff9b::c000:201"})
        CHECK(Address::parse(text) == Address::parse("192.0.2.1"));
    // Other prefixes with an IPv4 address at their end are IPv6.
    for (const char* const text : {"::192.0.2.1", "::fffe:192.0.2.1", "64:ff9b:1::192.0.2.1", "2002:c000:201::"})
        CHECK(Address::parse(text)->is_v6);
}

TEST_CASE("what is no address is none, whatever it looks like") {
    const std::string nul("192.0.2.1\0", 10);
    const std::string long_digits(100'000, '1');
    const std::string long_colons(100'000, ':');
    for (const std::string_view text : std::initializer_list<std::string_view>{"",
                                                                               " ",
                                                                               "192.0.2",
                                                                               "192.0.2.256",
                                                                               "192.0.2.1.1",
                                                                               "192.0.2.01",
                                                                               "0x7f.1",
                                                                               "127.1",
                                                                               "3221225985",
                                                                               "192.0.2.1:",
                                                                               "192.0.2.1:x",
                                                                               "192.0.2.1:123456",
                                                                               "192.0.2.1:-1",
                                                                               " 192.0.2.1",
                                                                               "192.0.2.1 ",
                                                                               "192.0.2.1%1",
                                                                               "[192.0.2.1]",
                                                                               "2001:db8::1::",
                                                                               "2001:db8",
                                                                               ":1",
                                                                               ":::",
                                                                               "[",
                                                                               "]",
                                                                               "[]",
                                                                               "[2001:db8::1",
                                                                               "2001:db8::1]",
                                                                               "[2001:db8::1]443",
                                                                               "[2001:db8::1]:",
                                                                               "[2001:db8::1]x",
                                                                               "[[2001:db8::1]]",
                                                                               "fe80::1%",
                                                                               "[fe80::1%]:1",
                                                                               "12345::",
                                                                               "::g",
                                                                               "1:2:3:4:5:6:7:8:9",
                                                                               "unknown",
                                                                               "_hidden",
                                                                               "localhost",
                                                                               "\xff\xfe",
                                                                               nul,
                                                                               long_digits,
                                                                               long_colons})
        CHECK(canonical(text) == "none");
}

TEST_CASE("addresses are read from the bytes of a socket") {
    const auto of = [](std::initializer_list<unsigned> values) {
        std::vector<std::byte> bytes;
        for (const unsigned value : values)
            bytes.push_back(static_cast<std::byte>(value));
        return canonical(Address::from_bytes(bytes));
    };
    CHECK(of({192, 0, 2, 1}) == "192.0.2.1");
    CHECK(of({0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) == "2001:db8::1");
    CHECK(of({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1}) == "192.0.2.1");
    CHECK(of({}) == "none");
    CHECK(of({192, 0, 2}) == "none");
    CHECK(of({192, 0, 2, 1, 0}) == "none");
}

TEST_CASE("a network contains the addresses that share its leading bits") {
    CHECK(in_network("10.0.0.0/8", "10.255.0.1"));
    CHECK_FALSE(in_network("10.0.0.0/8", "11.0.0.1"));
    CHECK(in_network("192.0.2.128/25", "192.0.2.200"));
    CHECK_FALSE(in_network("192.0.2.128/25", "192.0.2.127"));
    CHECK(in_network("192.0.2.1", "192.0.2.1"));
    CHECK_FALSE(in_network("192.0.2.1", "192.0.2.0"));
    CHECK(in_network("0.0.0.0/0", "255.1.2.3"));
    CHECK_FALSE(in_network("0.0.0.0/0", "2001:db8::1"));
    CHECK_FALSE(in_network("::/0", "192.0.2.1"));
    CHECK(in_network("2001:db8:0:8000::/49", "2001:db8:0:ffff::1"));
    CHECK_FALSE(in_network("2001:db8:0:8000::/49", "2001:db8:0:7fff::1"));
    CHECK_FALSE(in_network("2001:db8::1/128", "2001:db8::"));
    // However its addresses come.
    CHECK(in_network("10.0.0.0/8", "::ffff:10.1.2.3"));
    CHECK(in_network("::ffff:10.0.0.0/104", "10.1.2.3"));
    CHECK_FALSE(in_network("::ffff:10.0.0.0/104", "11.1.2.3"));
}

TEST_CASE("what is no network is refused") {
    for (const char* const text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                                   "10.0.0.0/8/8", "10.0.0.0/ 8", "10.0.0.0:80/8", "[2001:db8::]/32", "fe80::1%eth0/64",
                                   "2001:db8::/129", "::ffff:10.0.0.0/95", "10.0.0.0/99999999999", "everywhere"})
        CHECK(refusal([&] { static_cast<void>(Network::parse(text)); }) == "bad_address");
}

TEST_CASE("an address belongs to its tiers: IPv6 by /64, /56 and /48, IPv4 by itself") {
    const Guard guard(only({queries(5, 60)}));
    const auto key = [&](std::string_view text) { return guard.identify({.address = Address::parse(text)}); };
    const auto shared = [&](std::string_view a, std::string_view b) {
        const ClientKey x = key(a), y = key(b);
        std::set<Tier> tiers;
        for (std::size_t t = 0; t < tier_count; ++t)
            if ((x.tiers & y.tiers) >> t & 1 && x.hashes[t] == y.hashes[t]) tiers.insert(static_cast<Tier>(t));
        return tiers;
    };
    using Tiers = std::set<Tier>;
    CHECK(shared("2001:db8:1:2::1", "2001:db8:1:2:ffff::") == Tiers{Tier::address, Tier::network_56, Tier::network_48});
    CHECK(shared("2001:db8:1:2::1", "2001:db8:1:3::1") == Tiers{Tier::network_56, Tier::network_48});
    CHECK(shared("2001:db8:1:2::1", "2001:db8:1:ff02::1") == Tiers{Tier::network_48});
    CHECK(shared("2001:db8:1:2::1", "2001:db8:2:2::1").empty());
    CHECK(shared("192.0.2.1", "192.0.2.1:443") == Tiers{Tier::address});
    CHECK(shared("192.0.2.1", "192.0.2.2").empty());
    CHECK(shared("192.0.2.1", "::ffff:192.0.2.1") == Tiers{Tier::address});
    // Leading zeros of IPv6 are not an IPv4 address.
    CHECK(shared("0.0.0.0", "::").empty());
}

TEST_CASE("keys have any length and any bytes, and differ where one byte differs") {
    const Guard guard(only({queries(5, 60)}));
    std::set<std::uint64_t> hashes;
    Random random(61);
    for (std::size_t length = 0; length < 300; ++length) {
        std::string name(length, '\0');
        for (char& c : name)
            c = static_cast<char>(random.next());
        hashes.insert(guard.identify({.name = name}).hashes[0]);
        name += '\0';
        hashes.insert(guard.identify({.name = name}).hashes[0]);
    }
    CHECK(hashes.size() == 600);
    const std::string large(1 << 22, 'x');
    CHECK(guard.identify({.name = large}).hashes[0] != guard.identify({.name = large.substr(1)}).hashes[0]);
    // The same bytes as a name and as a pool are two clients.
    const ClientKey both = guard.identify({.name = "x", .pool = "x"});
    CHECK(both.hashes[0] != both.hashes[4]);
    CHECK(guard.identify({}).tiers == 0);
    CHECK(guard.identify({.name = ""}).tiers == 1);
}

} // namespace weightseal::testing

// X-Forwarded-For and Forwarded. Whatever a client sends, the entries that trusted proxies add say who it is.

#include "base.hpp"
#include "weightseal/guard/client_key.hpp"

#include <string>

using namespace weightseal;
using namespace weightseal::testing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::array proxies{Network::parse("10.0.0.0/8"), Network::parse("fd00::/8")};
    static const Address proxy = Address::parse("10.0.0.1").value();
    static const Address client = Address::parse("192.0.2.1").value();
    const std::string sent(reinterpret_cast<const char*>(data), size);
    for (const auto header : {ForwardedHeader::x_forwarded_for, ForwardedHeader::forwarded}) {
        const bool is_forwarded = header == ForwardedHeader::forwarded;
        const std::string added =
            is_forwarded ? ", for=192.0.2.1;proto=https, for=\"[fd00::2]:80\"" : ", 192.0.2.1, fd00::2";
        require(client_address(proxy, sent + added, header, proxies) == client, "the proxies' word");
        require(client_address(client, sent, header, proxies) == client, "no proxy, no word");
        static_cast<void>(client_address(proxy, sent, header, proxies));
    }
    if (const auto address = Address::parse(sent)) {
        require(address->is_v6 || std::ranges::count(address->bytes, 0) >= 12, "IPv4 fills four bytes");
        require(Network{*address, address->is_v6 ? 128U : 32U}.contains(*address), "an address is in itself");
    }
    try {
        const Network network = Network::parse(sent);
        require(network.prefix <= (network.address.is_v6 ? 128 : 32), "a prefix of its kind of address");
        require(network.contains(network.address), "a network contains its address");
    } catch (const Error&) {
    }
    return 0;
}

#include "storage/network.hpp"

#include "platform/address.hpp"

#include <charconv>
#include <span>

namespace weightseal::storage {

std::optional<Network> Network::parse(std::string_view text) noexcept {
    const std::size_t slash = text.find('/');
    const std::string_view address = text.substr(0, slash);
    Network network;
    if (platform::parse_ipv4(address, std::span(network.bytes).first<4>()))
        network.bits = 32;
    else if (platform::parse_ipv6(address, network.bytes))
        network.bits = 128;
    else
        return std::nullopt;
    network.prefix = network.bits;
    if (slash == text.npos) return network;
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), network.prefix);
    if (error != std::errc() || end != digits.data() + digits.size() || network.prefix > network.bits)
        return std::nullopt;
    return network;
}

bool Network::contains(const Network& other) const noexcept {
    if (bits != other.bits || prefix > other.prefix) return false;
    for (unsigned bit = 0; bit < prefix; ++bit)
        if ((bytes[bit / 8] ^ other.bytes[bit / 8]) >> (7 - bit % 8) & 1) return false;
    return true;
}

} // namespace weightseal::storage

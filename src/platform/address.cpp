#include "platform/address.hpp"

#include <arpa/inet.h>
#include <cstring>

namespace weightseal::platform {
namespace {

bool parse(int family, std::string_view text, void* to) noexcept {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return false;
    std::memcpy(terminated.data(), text.data(), text.size());
    return inet_pton(family, terminated.data(), to) == 1;
}

} // namespace

bool parse_ipv4(std::string_view text, std::span<std::uint8_t, 4> to) noexcept {
    return parse(AF_INET, text, to.data());
}

bool parse_ipv6(std::string_view text, std::span<std::uint8_t, 16> to) noexcept {
    return parse(AF_INET6, text, to.data());
}

} // namespace weightseal::platform

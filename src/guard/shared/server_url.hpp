#pragma once
// Server URLs: where a Redis or Valkey server is, and who asks.

#include <cstdint>
#include <string>
#include <string_view>

namespace weightseal::guard {

enum class Transport : std::uint8_t { tcp, tls, local };

struct ServerUrl {
    Transport transport = Transport::tcp;
    std::string host; ///< without brackets; of `local` the path of the socket
    std::uint16_t port = 6379;
    std::string user;
    std::string password;
    std::uint32_t database = 0;
};

/// Throws `bad_server_url`. Messages never hold the text itself, which may hold a password.
[[nodiscard]] ServerUrl parse_server_url(std::string_view text);

} // namespace weightseal::guard

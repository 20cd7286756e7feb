#pragma once
// Sockets that never wait, and waiting for several of them with an end.

#include "platform/file.hpp"
#include "weightseal/core/bytes.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace weightseal::platform {

/// Where a server listens, as the kernel takes it.
struct SocketAddress {
    alignas(8) std::array<std::byte, 128> bytes{};
    std::uint32_t size = 0;
};

/// Asks the resolver, which may wait for seconds, unless `host` is an address. Throws `server_unreachable`.
[[nodiscard]] std::vector<SocketAddress> resolve(const std::string& host, std::uint16_t port);
/// True when `resolve` needs nobody else for it.
[[nodiscard]] bool is_numeric(const std::string& host) noexcept;
/// Throws `bad_server_url` for a path that is too long for a socket.
[[nodiscard]] SocketAddress local_address(const std::filesystem::path& path);

enum class Transfer : std::uint8_t { done, blocked, closed };

struct Transferred {
    Transfer state = Transfer::closed;
    std::size_t bytes = 0;
};

/// A connection of a stream, made without waiting. Sending never raises SIGPIPE.
class Socket {
  public:
    Socket() noexcept = default;
    /// Starts to connect; a socket that cannot even start is not open.
    explicit Socket(const SocketAddress& address) noexcept;
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
    [[nodiscard]] int fd() const noexcept { return descriptor_.get(); }
    /// What became of connecting, once the socket is writable: 0 or an errno.
    [[nodiscard]] int connect_error() const noexcept;
    [[nodiscard]] Transferred send(Bytes bytes) noexcept;
    [[nodiscard]] Transferred receive(MutableBytes to) noexcept;

  private:
    Descriptor descriptor_;
};

/// What a descriptor is waited for; `poll` sets `ready`.
struct Awaited {
    int fd = -1;
    bool readable = false;
    bool writable = false;
    bool ready = false;
};

inline constexpr std::size_t max_awaited = 512;

/// Waits until one of at most `max_awaited` is ready or the time is over.
void poll(std::span<Awaited> awaited, std::chrono::nanoseconds time) noexcept;

/// Wakes a thread that polls. `wake` may be called from any thread, and never waits.
class Waker {
  public:
    Waker();
    [[nodiscard]] int fd() const noexcept { return descriptor_.get(); }
    void wake() noexcept;
    void clear() noexcept;

  private:
    Descriptor descriptor_;
};

} // namespace weightseal::platform

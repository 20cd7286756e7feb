#pragma once
// Nodes: one server each, with the connections of those who wait for its answers.

#include "guard/shared/breaker.hpp"
#include "guard/shared/connection.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace weightseal::guard {

using Instant = Breaker::Instant;

class Node {
  public:
    Node(const Access& access, std::string host, std::uint16_t port, std::size_t most_connections);

    [[nodiscard]] const std::string& host() const noexcept { return host_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// Finds the server's addresses; the resolver may take seconds. Throws `server_unreachable`.
    void resolve();
    /// These are its addresses.
    void use(std::vector<platform::SocketAddress> addresses);
    [[nodiscard]] std::size_t addresses() const;
    /// A new connection, to the address that worked last or the next one to which there is a way. Throws
    /// `server_unreachable`.
    [[nodiscard]] std::unique_ptr<Connection> connect();
    /// The address did not work: the next `connect` tries another one.
    void skip_address();

    /// Lends a connection, which may still be connecting, and waits until there is one. `fresh`: those that wait to be
    /// used are closed before, because the server has closed one. Throws `server_unreachable`.
    [[nodiscard]] std::unique_ptr<Connection> borrow(Instant deadline, bool fresh);
    void give_back(std::unique_ptr<Connection> connection);
    /// The borrowed connection is closed.
    void write_off();

    Breaker breaker;
    std::atomic<std::uint32_t> slots{0}; ///< how many are its own

  private:
    const Access& access_;
    const std::string host_;
    const std::uint16_t port_;
    const std::size_t most_connections_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<platform::SocketAddress> addresses_;
    std::size_t address_ = 0;
    std::vector<std::unique_ptr<Connection>> idle_;
    std::size_t lent_ = 0;
};

} // namespace weightseal::guard

#pragma once
// Connections to one server: connecting, TLS, greeting, then commands and their replies in order. Nothing here waits.

#include "crypto/tls_connection.hpp"
#include "guard/shared/reply.hpp"
#include "guard/shared/server_url.hpp"
#include "platform/socket.hpp"
#include "weightseal/core/error.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace weightseal::guard {

/// What every connection needs to know. Outlives them.
struct Access {
    ServerUrl url;                             ///< of the server that the user named
    std::shared_ptr<crypto::TlsContext> trust; ///< of TLS only
};

inline constexpr std::uint32_t slot_count = 16'384; ///< of a cluster

/// A stretch of the slots of a cluster.
struct SlotRange {
    std::uint32_t first = 0, last = 0;
    std::string host; ///< empty: the one that was asked
    std::uint16_t port = 0;
};

class Connection {
  public:
    /// @param host  of the server, for its certificate
    Connection(const Access& access, const std::string& host, const platform::SocketAddress& address);

    /// The server has been greeted: commands may be sent.
    [[nodiscard]] bool ready() const noexcept { return phase_ == Phase::ready; }
    [[nodiscard]] int fd() const noexcept { return socket_.fd(); }
    [[nodiscard]] bool wants_to_write() const noexcept { return phase_ == Phase::connecting || !out_.empty(); }

    /// SHA-1 of the script, as the server told it.
    [[nodiscard]] const std::string& script() const noexcept { return script_; }
    /// What the greeting told of a cluster; empty: there is none.
    [[nodiscard]] const std::vector<SlotRange>& slots() const noexcept { return slots_; }

    [[nodiscard]] std::chrono::nanoseconds age() const noexcept { return std::chrono::steady_clock::now() - born_; }

    void send(std::string_view command);
    /// Sends as far as that goes without waiting, or receives one part. Throws `server_unreachable`, `server_refused`
    /// or `server_answer`; the connection is of no use then.
    void step();
    /// The next reply to a command.
    [[nodiscard]] std::optional<Reply> reply();

  private:
    enum class Phase : std::uint8_t { connecting, securing, greeting, ready };
    enum class Greeting : std::uint8_t { auth, select, load, slots };

    void greet();
    bool flush(); ///< true when there was something to send
    void receive();
    void take_greeting(Greeting greeting, const Reply& reply);

    const Access& access_;
    const std::chrono::steady_clock::time_point born_ = std::chrono::steady_clock::now();
    platform::Socket socket_;
    std::unique_ptr<crypto::TlsConnection> tls_;
    Phase phase_ = Phase::connecting;
    std::string out_;
    ReplyReader reader_;
    std::deque<Greeting> greetings_;
    std::string script_;
    std::vector<SlotRange> slots_;
};

/// What a server says that refuses, for messages.
[[nodiscard]] std::string refusal_of(const Reply& reply);

/// Reads an answer to CLUSTER SLOTS; what does not look like one tells nothing.
[[nodiscard]] std::vector<SlotRange> slots_of(const Reply& reply);

} // namespace weightseal::guard

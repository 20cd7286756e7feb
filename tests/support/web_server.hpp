#pragma once
// A web server of tests that says what a test wants, to the byte.

#include "support/listener.hpp"
#include "weightseal/core/bytes.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal::testing {

/// A TCP port of the loopback that nobody uses just now.
[[nodiscard]] std::uint16_t free_web_port();
[[nodiscard]] bool is_listening(std::uint16_t port);

struct WebRequest {
    std::string method;
    std::string target;                         ///< path and query
    std::map<std::string, std::string> headers; ///< names in lower case
    std::string body;
    /// The bytes [first, second) that a Range header asks for.
    [[nodiscard]] std::pair<std::size_t, std::size_t> range() const;
};

/// One connection of a client; `send` is false once the client has gone.
class WebConnection {
  public:
    explicit WebConnection(int descriptor) : descriptor_(descriptor) {}
    bool send(std::string_view text);
    /// A whole answer with a Content-Length.
    void answer(const std::string& status, std::string_view body, const std::string& headers = "");
    /// A good 206 of what `request` asks of `object`, under the ETag "v1".
    void answer_range(const WebRequest& request, Bytes object);
    /// Waits until the client has gone.
    void await_end();
    void close(); ///< after what was sent
    [[nodiscard]] std::optional<WebRequest> receive();
    [[nodiscard]] bool is_closed() const { return closed_; }

  private:
    int descriptor_;
    bool closed_ = false;
    std::string text_; // received and not used yet
};

/// Listens at 127.0.0.1 without TLS; `answer` is called for each request, in a thread of its connection.
class WebServer {
  public:
    using Answer = std::function<void(const WebRequest& request, WebConnection& connection)>;
    explicit WebServer(Answer answer);
    [[nodiscard]] std::string url(std::string_view path = "/") const; ///< `http://…`
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::vector<WebRequest> requests() const;

  private:
    void talk(int descriptor);

    Answer answer_;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    std::vector<WebRequest> requests_;
    Listener listener_; // ends before what its threads use
};

} // namespace weightseal::testing

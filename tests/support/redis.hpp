#pragma once
// Redis for tests: real servers with private folders, and a false one that says what a test wants.

#include "support/files.hpp"
#include "support/listener.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace weightseal::testing {

/// False, and "skipped: …" on standard output, where no redis-server is installed.
[[nodiscard]] bool have_redis();

/// A TCP port of the loopback that nobody uses just now.
[[nodiscard]] std::uint16_t free_port();

/// A redis-server that runs until the end of its life, in a folder of its own.
class RedisServer {
  public:
    /// @param arguments  more of redis-server's; without a port it listens at a local socket only
    explicit RedisServer(std::vector<std::string> arguments = {});
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;
    ~RedisServer();

    [[nodiscard]] const TemporaryFolder& folder() const noexcept { return folder_; }
    /// `unix://…`
    [[nodiscard]] std::string url() const;
    void kill();   ///< SIGKILL
    void start();  ///< again
    void pause();  ///< SIGSTOP
    void resume(); ///< SIGCONT
    /// A command's reply as text; lists without structure, errors with a "-" before.
    std::string command(const std::vector<std::string>& words) const;

  private:
    TemporaryFolder folder_;
    std::vector<std::string> arguments_;
    pid_t process_ = 0;
};

/// Listens at a local socket, and hands each connection to `talk` in a thread of its own.
class FalseServer {
  public:
    explicit FalseServer(std::function<void(int connection)> talk);
    [[nodiscard]] std::string url() const;

    /// Waits for bytes; false at the end of the connection.
    static bool receive(int connection);
    /// The bytes that came; empty at the end of the connection.
    static std::string read(int connection);
    static void send(int connection, std::string_view text);

  private:
    TemporaryFolder folder_;
    Listener listener_;
};

} // namespace weightseal::testing

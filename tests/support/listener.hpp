#pragma once
// What false servers of tests have in common: a thread for each connection, and an end.

#include <functional>
#include <thread>
#include <vector>

namespace weightseal::testing {

/// Listens at a socket that is bound, which it closes at the end, and hands each connection to `talk` in a thread of
/// its own. At the end all connections are shut down, and it waits for every `talk` to return.
class Listener {
  public:
    Listener(int socket, std::function<void(int connection)> talk);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

  private:
    int socket_;
    std::function<void(int)> talk_;
    std::vector<int> connections_; // of the thread that accepts, until it ends
    std::vector<std::thread> talks_;
    std::thread accepting_;
};

} // namespace weightseal::testing

#include "support/listener.hpp"

#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace weightseal::testing {

Listener::Listener(int socket, std::function<void(int)> talk) : socket_(socket), talk_(std::move(talk)) {
    if (listen(socket_, 64) != 0) throw std::runtime_error("test server: cannot listen");
    accepting_ = std::thread([this] {
        for (;;) {
            const int connection = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
            if (connection < 0) return;
            connections_.push_back(connection);
            talks_.emplace_back([this, connection] {
                talk_(connection);
                shutdown(connection, SHUT_RDWR);
            });
        }
    });
}

Listener::~Listener() {
    shutdown(socket_, SHUT_RDWR);
    accepting_.join();
    for (const int connection : connections_)
        shutdown(connection, SHUT_RDWR);
    for (std::thread& talk : talks_)
        talk.join();
    for (const int connection : connections_)
        close(connection);
    close(socket_);
}

} // namespace weightseal::testing

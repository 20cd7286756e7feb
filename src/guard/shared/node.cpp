#include "guard/shared/node.hpp"

namespace weightseal::guard {

Node::Node(const Access& access, std::string host, std::uint16_t port, std::size_t most_connections)
    : access_(access), host_(std::move(host)), port_(port), most_connections_(most_connections) {
    if (access_.url.transport == Transport::local)
        addresses_.push_back(platform::local_address(host_));
    else if (platform::is_numeric(host_))
        addresses_ = platform::resolve(host_, port_);
}

void Node::resolve() {
    {
        const std::lock_guard lock(mutex_);
        if (!addresses_.empty() && (access_.url.transport == Transport::local || platform::is_numeric(host_))) return;
    }
    use(platform::resolve(host_, port_));
}

void Node::use(std::vector<platform::SocketAddress> addresses) {
    {
        const std::lock_guard lock(mutex_);
        addresses_ = std::move(addresses);
    }
    changed_.notify_all();
}

std::size_t Node::addresses() const {
    const std::lock_guard lock(mutex_);
    return addresses_.size();
}

std::unique_ptr<Connection> Node::connect() {
    for (std::size_t left = addresses();; --left) {
        platform::SocketAddress address;
        {
            const std::lock_guard lock(mutex_);
            if (addresses_.empty()) throw Error(Errc::server_unreachable, host_, "has no address yet");
            address = addresses_[address_ % addresses_.size()];
        }
        try {
            return std::make_unique<Connection>(access_, host_, address);
        } catch (const Error&) { // there is no way to it
            skip_address();
            if (left <= 1) throw;
        }
    }
}

void Node::skip_address() {
    const std::lock_guard lock(mutex_);
    ++address_;
}

std::unique_ptr<Connection> Node::borrow(Instant deadline, bool fresh) {
    std::vector<std::unique_ptr<Connection>> closed;
    std::unique_lock lock(mutex_);
    if (fresh) closed.swap(idle_);
    if (!changed_.wait_until(lock, deadline,
                             [&] { return !idle_.empty() || (lent_ < most_connections_ && !addresses_.empty()); }))
        throw Error(Errc::server_unreachable, host_, "no connection was free in time");
    ++lent_;
    if (!idle_.empty()) {
        std::unique_ptr<Connection> connection = std::move(idle_.back());
        idle_.pop_back();
        return connection;
    }
    lock.unlock();
    try {
        return connect();
    } catch (...) {
        write_off();
        throw;
    }
}

void Node::give_back(std::unique_ptr<Connection> connection) {
    {
        const std::lock_guard lock(mutex_);
        --lent_;
        idle_.push_back(std::move(connection));
    }
    changed_.notify_one();
}

void Node::write_off() {
    {
        const std::lock_guard lock(mutex_);
        --lent_;
    }
    changed_.notify_one();
}

} // namespace weightseal::guard

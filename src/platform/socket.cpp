#include "platform/socket.hpp"

#include "weightseal/core/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace weightseal::platform {
namespace {

SocketAddress copy_of(const void* address, std::size_t size) noexcept {
    SocketAddress copy;
    copy.size = static_cast<std::uint32_t>(std::min(size, copy.bytes.size()));
    std::memcpy(copy.bytes.data(), address, copy.size);
    return copy;
}

std::unique_ptr<addrinfo, void (*)(addrinfo*)> look_up(const std::string& host, std::uint16_t port, int flags,
                                                       int& error) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    return {error == 0 ? found : nullptr, [](addrinfo* list) {
                if (list != nullptr) freeaddrinfo(list);
            }};
}

const sockaddr* as_sockaddr(const SocketAddress& address) noexcept {
    return reinterpret_cast<const sockaddr*>(address.bytes.data());
}

} // namespace

std::vector<SocketAddress> resolve(const std::string& host, std::uint16_t port) {
    int error = 0;
    const auto found = look_up(host, port, 0, error);
    if (error != 0) throw Error(Errc::server_unreachable, host, gai_strerror(error));
    std::vector<SocketAddress> addresses;
    for (const addrinfo* at = found.get(); at != nullptr; at = at->ai_next)
        addresses.push_back(copy_of(at->ai_addr, at->ai_addrlen));
    return addresses;
}

bool is_numeric(const std::string& host) noexcept {
    int error = 0;
    return look_up(host, 0, AI_NUMERICHOST, error) != nullptr;
}

SocketAddress local_address(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    if (text.size() >= sizeof address.sun_path || text.find('\0') != std::string::npos)
        throw Error(Errc::bad_server_url, text, "is no path that a socket can have");
    std::memcpy(address.sun_path, text.data(), text.size());
    return copy_of(&address, sizeof address);
}

Socket::Socket(const SocketAddress& address) noexcept {
    const int family = as_sockaddr(address)->sa_family;
    Descriptor descriptor(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!descriptor) return;
    if (family != AF_UNIX) {
        const int on = 1; // questions and answers are small
        setsockopt(descriptor.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    // A local socket whose queue is full says EAGAIN and will not connect by itself.
    if (connect(descriptor.get(), as_sockaddr(address), address.size) != 0 && errno != EINPROGRESS) return;
    descriptor_ = std::move(descriptor);
}

int Socket::connect_error() const noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

Transferred Socket::send(Bytes bytes) noexcept {
    for (;;) {
        const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) return {Transfer::done, static_cast<std::size_t>(sent)};
        if (errno == EINTR) continue;
        return {errno == EAGAIN || errno == EWOULDBLOCK ? Transfer::blocked : Transfer::closed, 0};
    }
}

Transferred Socket::receive(MutableBytes to) noexcept {
    for (;;) {
        const ssize_t got = recv(fd(), to.data(), to.size(), 0);
        if (got > 0) return {Transfer::done, static_cast<std::size_t>(got)};
        if (got == 0) return {Transfer::closed, 0};
        if (errno == EINTR) continue;
        return {errno == EAGAIN || errno == EWOULDBLOCK ? Transfer::blocked : Transfer::closed, 0};
    }
}

void poll(std::span<Awaited> awaited, std::chrono::nanoseconds time) noexcept {
    std::array<pollfd, max_awaited> list;
    const std::size_t count = std::min(awaited.size(), list.size());
    for (std::size_t i = 0; i < count; ++i) {
        const int events = (awaited[i].readable ? POLLIN : 0) | (awaited[i].writable ? POLLOUT : 0);
        list[i] = {awaited[i].fd, static_cast<short>(events), 0};
        awaited[i].ready = false;
    }
    const std::int64_t left = std::max<std::int64_t>(0, time.count());
    const timespec wait{left / 1'000'000'000, left % 1'000'000'000};
    if (ppoll(list.data(), count, &wait, nullptr) <= 0) return;
    for (std::size_t i = 0; i < count; ++i)
        awaited[i].ready = list[i].revents != 0;
}

Waker::Waker() : descriptor_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!descriptor_) throw_errno(errno, "eventfd", "cannot be made");
}

void Waker::wake() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(descriptor_.get(), &one, sizeof one);
}

void Waker::clear() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(descriptor_.get(), &count, sizeof count);
}

} // namespace weightseal::platform

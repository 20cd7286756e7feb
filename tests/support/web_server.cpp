#include "support/web_server.hpp"

#include "support/environment.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace weightseal::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int bound_socket(std::uint16_t& port) {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size) != 0)
        throw std::runtime_error("test server: no port");
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    return descriptor;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

std::size_t number(std::string_view text) {
    std::size_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

WebRequest parse_head(std::string_view head) {
    WebRequest request;
    std::size_t at = 0;
    for (bool is_first = true; at < head.size(); is_first = false) {
        const std::size_t end = head.find("\r\n", at);
        const std::string line(head.substr(at, end - at));
        at = end + 2;
        if (is_first) {
            const std::size_t space = line.find(' ');
            request.method = line.substr(0, space);
            request.target = line.substr(space + 1, line.rfind(' ') - space - 1);
        } else if (const std::size_t colon = line.find(':'); colon != line.npos) {
            const std::size_t value = line.find_first_not_of(' ', colon + 1);
            request.headers[lower(line.substr(0, colon))] = value == line.npos ? "" : line.substr(value);
        }
    }
    return request;
}

} // namespace

std::uint16_t free_web_port() {
    std::uint16_t port = 0;
    close(bound_socket(port));
    return port;
}

bool is_listening(std::uint16_t port) {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const bool connected = connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(descriptor);
    return connected;
}

std::pair<std::size_t, std::size_t> WebRequest::range() const {
    const std::string& text = headers.at("range"); // bytes=0-9
    const std::size_t dash = text.find('-');
    return {number(std::string_view(text).substr(6, dash - 6)), number(std::string_view(text).substr(dash + 1)) + 1};
}

bool WebConnection::send(std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void WebConnection::answer(const std::string& status, std::string_view body, const std::string& headers) {
    send("HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n");
    send(body);
}

void WebConnection::answer_range(const WebRequest& request, Bytes object) {
    const auto [begin, asked] = request.range();
    const std::size_t end = std::min(asked, object.size());
    answer("206 Partial Content", as_text(object.subspan(begin, end - begin)),
           "ETag: \"v1\"\r\nContent-Range: bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) + "/" +
               std::to_string(object.size()) + "\r\n");
}

void WebConnection::await_end() {
    char byte = 0;
    while (recv(descriptor_, &byte, 1, 0) > 0) {
    }
    closed_ = true;
}

void WebConnection::close() {
    shutdown(descriptor_, SHUT_WR);
    await_end();
}

std::optional<WebRequest> WebConnection::receive() {
    const auto more = [&] {
        char bytes[4096];
        const ssize_t got = recv(descriptor_, bytes, sizeof bytes, 0);
        if (got > 0) text_.append(bytes, static_cast<std::size_t>(got));
        return got > 0;
    };
    while (text_.find("\r\n\r\n") == text_.npos)
        if (!more()) return std::nullopt;
    const std::size_t head = text_.find("\r\n\r\n") + 4;
    WebRequest request = parse_head(std::string_view(text_).substr(0, head - 2));
    const std::size_t body = number(request.headers["content-length"]);
    while (text_.size() < head + body)
        if (!more()) return std::nullopt;
    request.body = text_.substr(head, body);
    text_.erase(0, head + body);
    return request;
}

WebServer::WebServer(Answer answer)
    : answer_(std::move(answer)), listener_(bound_socket(port_), [this](int descriptor) { talk(descriptor); }) {
    remove_proxies();
}

void WebServer::talk(int descriptor) {
    WebConnection connection(descriptor);
    while (!connection.is_closed()) {
        const std::optional<WebRequest> request = connection.receive();
        if (!request) break;
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back(*request);
        }
        answer_(*request, connection);
    }
}

std::string WebServer::url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
}

std::vector<WebRequest> WebServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

} // namespace weightseal::testing

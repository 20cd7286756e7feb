#include "guard/shared/connection.hpp"

#include "guard/shared/script.hpp"
#include "weightseal/core/aligned_buffer.hpp"

#include <array>
#include <cstring>
#include <fmt/format.h>

namespace weightseal::guard {
namespace {

[[noreturn]] void refuse(Errc code, const std::string& what) {
    throw Error(code, "server", what);
}

} // namespace

std::string refusal_of(const Reply& reply) {
    std::string safe; // somebody else's text
    for (const char c : reply.text.substr(0, 100))
        safe += c >= ' ' && c < '\x7F' ? c : '?';
    return "refused: " + safe;
}

std::vector<SlotRange> slots_of(const Reply& reply) {
    std::vector<SlotRange> ranges;
    std::int64_t slots = 0;
    for (const Reply& entry : reply.list) {
        if (entry.list.size() < 3 || entry.list[2].list.size() < 2) return {};
        const auto first = entry.list[0].integer;
        const auto last = entry.list[1].integer;
        const auto port = entry.list[2].list[1].integer;
        if (first < 0 || last < first || last >= slot_count || port < 1 || port > 65'535) return {};
        if ((slots += last - first + 1) > slot_count) return {}; // no slot has two servers
        std::string host = entry.list[2].list[0].text;
        if (host == "?") host.clear();
        ranges.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last), std::move(host),
                          static_cast<std::uint16_t>(port)});
    }
    return ranges;
}

Connection::Connection(const Access& access, const std::string& host, const platform::SocketAddress& address)
    : access_(access), socket_(address) {
    if (!socket_) refuse(Errc::server_unreachable, "cannot be connected to");
    if (access.trust) tls_ = std::make_unique<crypto::TlsConnection>(*access.trust, host);
}

void Connection::send(std::string_view command) {
    if (tls_) {
        tls_->write(as_bytes(command));
        tls_->take(out_);
    } else {
        out_ += command;
    }
}

// All at once: the answers come in order.
void Connection::greet() {
    phase_ = Phase::greeting;
    if (!access_.url.password.empty()) {
        std::string auth = access_.url.user.empty() ? command({"AUTH", access_.url.password})
                                                    : command({"AUTH", access_.url.user, access_.url.password});
        // Room for the whole greeting, whose other words are short: what grows leaves a copy behind.
        out_.reserve(auth.size() + script_text().size() + 256);
        send(auth);
        wipe(std::as_writable_bytes(std::span(auth)));
        greetings_.push_back(Greeting::auth);
    }
    if (access_.url.database != 0) {
        send(command({"SELECT", std::to_string(access_.url.database)}));
        greetings_.push_back(Greeting::select);
    }
    send(command({"SCRIPT", "LOAD", script_text()}));
    greetings_.push_back(Greeting::load);
    send(command({"CLUSTER", "SLOTS"}));
    greetings_.push_back(Greeting::slots);
}

bool Connection::flush() {
    const bool has_any = !out_.empty();
    while (!out_.empty()) {
        const platform::Transferred sent = socket_.send(as_bytes(out_));
        if (sent.state == platform::Transfer::blocked) break;
        if (sent.state == platform::Transfer::closed) refuse(Errc::server_unreachable, "closed the connection");
        if (phase_ == Phase::greeting) // may be the password
            wipe(std::as_writable_bytes(std::span(out_).first(sent.bytes)));
        out_.erase(0, sent.bytes);
    }
    return has_any;
}

// One part, however much there is: between parts the caller looks at the time, and at the replies.
void Connection::receive() {
    std::array<std::byte, 16'384> part;
    const platform::Transferred got = socket_.receive(part);
    if (got.state == platform::Transfer::blocked) return;
    if (got.state == platform::Transfer::closed) refuse(Errc::server_unreachable, "closed the connection");
    const Bytes bytes(part.data(), got.bytes);
    if (!tls_) return reader_.feed(bytes);
    tls_->received(bytes);
    if (phase_ == Phase::securing) return;
    std::array<std::byte, 16'384> plain;
    while (const std::size_t size = tls_->read(plain))
        reader_.feed({plain.data(), size});
    if (tls_->finished()) refuse(Errc::server_unreachable, "closed the connection");
}

void Connection::step() {
    if (phase_ == Phase::connecting) {
        if (const int error = socket_.connect_error(); error != 0)
            refuse(Errc::server_unreachable, std::strerror(error));
        // Connecting is not over before the socket can be written to.
        platform::Awaited writable{.fd = fd(), .writable = true};
        platform::poll({&writable, 1}, std::chrono::nanoseconds(0));
        if (!writable.ready) return;
        if (const int error = socket_.connect_error(); error != 0)
            refuse(Errc::server_unreachable, std::strerror(error));
        if (tls_)
            phase_ = Phase::securing;
        else
            greet();
    }
    if (!flush()) receive(); // what answers that is not there yet
    if (phase_ == Phase::securing) {
        try {
            if (tls_->handshake()) greet();
        } catch (...) {
            tls_->take(out_); // tells the server why
            flush();
            throw;
        }
        tls_->take(out_);
    }
    while (phase_ == Phase::greeting) {
        const std::optional<Reply> next = reader_.next();
        if (!next) break;
        take_greeting(greetings_.front(), *next);
        greetings_.pop_front();
        if (greetings_.empty()) phase_ = Phase::ready;
    }
    flush();
}

void Connection::take_greeting(Greeting greeting, const Reply& reply) {
    const bool failed = reply.type == Reply::Type::error;
    if (greeting == Greeting::slots) { // an error: this server is no cluster
        if (!failed) slots_ = slots_of(reply);
        return;
    }
    static constexpr std::array names{"AUTH", "SELECT", "SCRIPT LOAD"};
    if (failed)
        refuse(Errc::server_refused,
               fmt::format("{} was {}", names[static_cast<std::size_t>(greeting)], refusal_of(reply)));
    if (greeting == Greeting::load) {
        if (reply.type != Reply::Type::text || reply.text.size() != 40)
            refuse(Errc::server_answer, "answered SCRIPT LOAD with something else than a hash");
        script_ = reply.text;
    } else if (reply.type != Reply::Type::status) {
        refuse(Errc::server_answer, "answered AUTH or SELECT with something else than OK");
    }
}

std::optional<Reply> Connection::reply() {
    return reader_.next();
}

} // namespace weightseal::guard

#include "guard/shared/exchange.hpp"

#include "weightseal/guard/limits.hpp"

#include <algorithm>

namespace weightseal::guard {
namespace {

[[noreturn]] void too_late() {
    throw Error(Errc::server_unreachable, "server", "did not answer in time");
}

// Moves bytes until `done` or the deadline.
template <class Done>
void drive(Connection& connection, Instant deadline, Done done) {
    for (;;) {
        connection.step();
        if (done()) return;
        const auto left = deadline - std::chrono::steady_clock::now();
        if (left.count() <= 0) too_late();
        platform::Awaited awaited{connection.fd(), true, connection.wants_to_write(), false};
        platform::poll({&awaited, 1}, left);
    }
}

// A reply, for a command that has just been sent: it is not there yet.
Reply await_reply(Connection& connection, Instant deadline) {
    std::optional<Reply> reply;
    drive(connection, deadline, [&] {
        reply = connection.reply();
        return reply.has_value();
    });
    return std::move(*reply);
}

} // namespace

std::string Exchange::text_of(const Call& call, const std::string& script, bool whole) const {
    const std::string count = std::to_string(call.keys.size());
    const std::string questions = encode(call.questions);
    std::string time;
    std::vector<std::string_view> words;
    words.reserve(call.keys.size() + 5);
    words.emplace_back(whole ? "EVAL" : "EVALSHA");
    words.emplace_back(whole ? script_text() : std::string_view(script));
    words.emplace_back(count);
    words.insert(words.end(), call.keys.begin(), call.keys.end());
    words.emplace_back(questions);
    if (options_.time) words.emplace_back(time = std::to_string(options_.time()));
    return command(words);
}

Reply Exchange::converse(Node& node, const Call& call, bool asking, Instant deadline) {
    // A connection that waited may have been closed, and a name may have several addresses.
    const std::size_t attempts = 2 + node.addresses();
    for (std::size_t attempt = 1;; ++attempt) {
        std::unique_ptr<Connection> connection = node.borrow(deadline, attempt > 1);
        const bool was_ready = connection->ready();
        bool asked = false;
        try {
            if (!was_ready) {
                drive(*connection, deadline, [&] { return connection->ready(); });
                cluster_.learn(connection->slots(), node);
            }
            if (asking) {
                connection->send(command({"ASKING"}));
                (void)await_reply(*connection, deadline);
            }
            asked = true;
            connection->send(text_of(call, connection->script(), false));
            Reply reply = await_reply(*connection, deadline);
            if (reply.type == Reply::Type::error && reply.text.starts_with("NOSCRIPT")) {
                connection->send(text_of(call, connection->script(), true));
                reply = await_reply(*connection, deadline);
            }
            node.give_back(std::move(connection));
            return reply;
        } catch (const Error& error) {
            const bool late = std::chrono::steady_clock::now() >= deadline;
            if (late && !connection->ready() && error.errc() == Errc::server_unreachable &&
                connection->age() < std::chrono::seconds(1)) {
                node.give_back(std::move(connection)); // who asks next goes on connecting
                throw;
            }
            if (!connection->ready()) node.skip_address();
            node.write_off();
            const bool lost = asked && !was_ready; // no connection that had been idle: the question may have been heard
            if (late || lost || attempt == attempts || error.errc() != Errc::server_unreachable) throw;
        } catch (...) {
            node.write_off();
            throw;
        }
    }
}

std::vector<WindowAnswer> Exchange::ask(const Call& call, Instant deadline) {
    std::size_t index = cluster_.index_of(call.slot);
    bool asking = false;
    for (unsigned redirected = 0;; ++redirected) {
        Node& node = cluster_.node(index);
        bool works = false; // although it does not answer this
        try {
            const Reply reply = converse(node, call, asking, deadline);
            if (reply.type == Reply::Type::text) {
                std::vector<WindowAnswer> answers = decode(reply.text, call.questions);
                node.breaker.succeed();
                return answers;
            }
            if (reply.type != Reply::Type::error)
                throw Error(Errc::server_answer, "server", "answered something that the script cannot answer");
            if (call.several && reply.text.starts_with("CROSSSLOT")) {
                cluster_.expect_slots();
                return {};
            }
            works = reply.text.starts_with(try_again_error);
            const std::optional<Redirection> to = redirection_of(reply.text);
            if (!to || redirected == most_redirections) throw Error(Errc::server_refused, "server", refusal_of(reply));
            index = cluster_.follow(*to, node);
            asking = to->once;
        } catch (const Error& error) {
            if (!works) fail(node, error.errc());
            throw;
        }
    }
}

void Exchange::fail(Node& node, Errc reason) noexcept {
    if (!node.breaker.fail(reason)) return;
    open_breakers_.fetch_add(1, std::memory_order_relaxed);
    source_.changed(true, reason);
    wake();
}

Call Exchange::probe() const {
    Call call;
    call.keys.push_back(options_.probe_key);
    call.questions.push_back({.length = 62'500, .limit = max_limit, .need = 1, .want = 1});
    call.slot = slot_of("probe");
    return call;
}

} // namespace weightseal::guard

// The exchange's thread in the background.

#include "guard/shared/exchange.hpp"

#include <algorithm>

namespace weightseal::guard {
namespace {

constexpr std::size_t most_waiting = 4096; ///< tasks for one server; more would be answered too late
constexpr std::chrono::nanoseconds greeting_time = std::chrono::seconds(1);
constexpr std::chrono::nanoseconds longest_sleep = std::chrono::seconds(1);

} // namespace

struct Exchange::Link {
    explicit Link(Node& its) : node(its) {}
    Node& node;
    std::unique_ptr<Connection> connection;
    Instant greeted_by{};
    bool has_answered = false; // on this connection
    std::size_t addresses_tried = 0;
    std::deque<Task> waiting; // for the greeting
    std::deque<Task> sent;    // in the order of the replies
    Instant answer_by{};      // the next of them
    bool pausing = false;     // until `resume`, after a failure
    Instant resume{};
    bool probing = false;
};

Exchange::Exchange(Access access, ExchangeOptions options, TaskSource& source)
    : access_(std::move(access)), options_(std::move(options)), source_(source),
      cluster_(access_, options_.connections) {}

Exchange::~Exchange() {
    stopping_ = true;
    waker_.wake();
    if (thread_.joinable()) thread_.join();
}

void Exchange::start() {
    thread_ = std::thread([this] { run(); });
}

void Exchange::wake() noexcept {
    if (!awake_.exchange(true)) waker_.wake();
}

Exchange::Link& Exchange::link_of(std::size_t node) {
    while (links_.size() <= node)
        links_.push_back(std::make_unique<Link>(cluster_.node(links_.size())));
    return *links_[node];
}

void Exchange::run() noexcept {
    try {
        Task first; // finds out whether the server is there, and what slots it knows
        first.call = probe();
        dispatch(std::move(first), 0);
        std::vector<platform::Awaited> awaited;
        while (!stopping_) {
            try {
                round(awaited);
            } catch (const std::exception&) { // no memory: perhaps later
                std::this_thread::sleep_for(Breaker::first_pause);
            }
        }
        for (const auto& link : links_)
            break_off(*link, Errc::cancelled);
    } catch (const std::exception&) {
        // There is no memory even to start or to stop: requests do without leases.
    }
}

void Exchange::take_tasks() {
    for (Task task; source_.next(task); task = {}) {
        const std::size_t node = cluster_.index_of(task.call.slot);
        dispatch(std::move(task), node);
    }
}

void Exchange::round(std::vector<platform::Awaited>& awaited) {
    take_tasks();
    awake_.exchange(false); // reads what the last of those wrote who still saw the thread awake
    take_tasks();           // theirs
    std::chrono::nanoseconds sleep = longest_sleep;
    awaited.assign(1, {waker_.fd(), true, false, false});
    while (links_.size() < cluster_.count())
        links_.push_back(std::make_unique<Link>(cluster_.node(links_.size())));
    const Instant now = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < links_.size(); ++i) { // by number, because redirections add some
        Link& link = *links_[i];
        tend(link, now);
        if (link.connection && link.connection->ready() && !link.waiting.empty()) move(link);
    }
    for (const auto& each : links_) {
        Link& link = *each;
        const auto until = [&](Instant end) { sleep = std::min<std::chrono::nanoseconds>(sleep, end - now); };
        if (link.pausing) until(link.resume);
        if (link.connection && !link.connection->ready()) until(link.greeted_by);
        if (!link.sent.empty()) until(link.answer_by);
        if (!link.waiting.empty() && (!link.connection || link.connection->ready())) sleep = {};
        if (link.connection) awaited.push_back({link.connection->fd(), true, link.connection->wants_to_write(), false});
    }
    platform::poll(awaited, sleep);
    awake_.exchange(true);
    waker_.clear();
    for (std::size_t i = 0; i < links_.size(); ++i)
        if (links_[i]->connection) move(*links_[i]);
}

// It is sent when the thread comes to that link.
void Exchange::dispatch(Task task, std::size_t node) {
    Link& link = link_of(node);
    if ((link.node.breaker.open() && task.kind != Task::Kind::probe) || link.waiting.size() >= most_waiting)
        return give_up(task);
    link.waiting.push_back(std::move(task));
}

// What time brings: attempts after a pause, ends of waiting.
void Exchange::tend(Link& link, Instant now) {
    if (link.node.breaker.open() && link.node.slots == 0) retire(link);
    if (link.node.breaker.open() && !link.pausing && !link.probing) {
        link.pausing = true;
        link.resume = now + link.node.breaker.pause();
    }
    if (link.pausing && now >= link.resume) {
        link.pausing = false;
        link.probing = true;
        Task task;
        task.call = probe();
        link.waiting.push_back(std::move(task));
    }
    if (!link.connection && !link.waiting.empty()) connect(link, now);
    const auto late = [&] {
        if (!link.connection) return false;
        return link.connection->ready() ? !link.sent.empty() && now >= link.answer_by : now >= link.greeted_by;
    };
    if (late()) move(link); // it may have come while this thread did not run
    if (late()) break_off(link, Errc::server_unreachable);
}

void Exchange::connect(Link& link, Instant now) {
    try {
        if (link.addresses_tried == 0) link.node.resolve();
        link.greeted_by = now + greeting_time;
        link.connection = link.node.connect();
        link.has_answered = false;
    } catch (const Error& error) {
        break_off(link, error.errc());
    } catch (const std::exception&) {
        break_off(link, Errc::out_of_memory);
    }
}

// Moves bytes, reads replies and sends what waits.
void Exchange::move(Link& link) {
    try {
        for (;;) {
            const bool was_ready = link.connection->ready();
            link.connection->step();
            if (!link.connection->ready()) return;
            if (!was_ready) {
                link.addresses_tried = 0;
                cluster_.learn(link.connection->slots(), link.node);
            }
            while (!link.sent.empty()) {
                const std::optional<Reply> reply = link.connection->reply();
                if (!reply) break;
                take_reply(link, *reply);
            }
            if (link.sent.empty() && link.connection->reply())
                throw Error(Errc::server_answer, "server", "answered what nobody had asked");
            if (link.waiting.empty()) return;
            send_waiting(link); // the next step may bring the first answers already
        }
    } catch (const Error& error) {
        if (!link.connection->ready() && error.errc() == Errc::server_unreachable &&
            ++link.addresses_tried < link.node.addresses()) {
            link.node.skip_address(); // tried in the same breath
            link.connection.reset();
            return;
        }
        if (link.has_answered && error.errc() == Errc::server_unreachable && repeat(link)) return;
        break_off(link, error.errc());
    } catch (const std::exception&) {
        break_off(link, Errc::out_of_memory);
    }
}

void Exchange::send_waiting(Link& link) {
    if (link.sent.empty()) link.answer_by = std::chrono::steady_clock::now() + options_.timeout;
    for (; !link.waiting.empty(); link.waiting.pop_front()) {
        Task& task = link.waiting.front();
        if (task.asking) { // its OK comes first
            Task ok;
            ok.kind = Task::Kind::slots;
            link.connection->send(command({"ASKING"}));
            link.sent.push_back(std::move(ok));
        }
        link.connection->send(task.kind == Task::Kind::slots
                                  ? command({"CLUSTER", "SLOTS"})
                                  : text_of(task.call, link.connection->script(), task.whole));
        link.sent.push_back(std::move(task));
    }
}

void Exchange::take_reply(Link& link, const Reply& reply) {
    Task task = std::move(link.sent.front());
    link.sent.pop_front();
    link.has_answered = true;
    link.answer_by = std::chrono::steady_clock::now() + options_.timeout;
    if (task.kind == Task::Kind::slots) { // or the OK of ASKING, which tells of none
        cluster_.learn(slots_of(reply), link.node);
        return;
    }
    std::size_t elsewhere = 0;
    try {
        if (reply.type == Reply::Type::error) {
            const std::optional<Redirection> to = redirection_of(reply.text);
            if (task.kind == Task::Kind::probe && to) {
                cluster_.follow(*to, link.node); // it answers, and that was the question
            } else if (to && ++task.redirected <= most_redirections) {
                task.asking = to->once;
                elsewhere = cluster_.follow(*to, link.node);
                return dispatch(std::move(task), elsewhere);
            } else if (reply.text.starts_with("NOSCRIPT") && !task.whole) {
                task.whole = true;
                link.waiting.push_back(std::move(task));
                return;
            } else if (reply.text.starts_with(try_again_error) && task.kind != Task::Kind::probe) {
                return give_up(task);
            } else {
                throw Error(Errc::server_refused, "server", refusal_of(reply));
            }
        } else if (reply.type == Reply::Type::text) {
            source_.answered(task, decode(reply.text, task.call.questions));
        } else {
            throw Error(Errc::server_answer, "server", "answered something that the script cannot answer");
        }
    } catch (const Error&) {
        link.waiting.push_front(std::move(task)); // `break_off` gives up on it
        throw;
    }
    if (task.kind != Task::Kind::probe) {
        link.node.breaker.succeed();
        return;
    }
    link.probing = false;
    restore(link.node);
}

void Exchange::restore(Node& node) {
    if (!node.breaker.restore()) return;
    open_breakers_.fetch_sub(1, std::memory_order_relaxed);
    source_.changed(false, Errc{});
}

// Servers close connections that are idle, or go and come back: what they did not answer is asked once more, on a new
// connection, like what waits. False when some of it has been asked twice.
bool Exchange::repeat(Link& link) {
    if (std::ranges::any_of(link.sent, &Task::repeated)) return false;
    link.connection.reset();
    for (; !link.sent.empty(); link.sent.pop_back()) {
        Task& task = link.sent.back();
        if (task.kind == Task::Kind::slots) continue; // the greeting tells of them
        task.repeated = true;
        for (WindowQuestion& question : task.call.questions) // it may have been heard: nothing is given back twice
            question.back = question.back_stamp = 0;
        link.waiting.push_front(std::move(task));
    }
    return true;
}

// Whatever was asked of that server has failed.
void Exchange::drop(Link& link) {
    if (link.connection && !link.connection->ready()) link.node.skip_address();
    link.connection.reset();
    link.addresses_tried = 0;
    link.probing = false;
    std::deque<Task> lost;
    lost.swap(link.sent);
    for (Task& task : link.waiting)
        lost.push_back(std::move(task));
    link.waiting.clear();
    for (const Task& task : lost)
        give_up(task);
}

void Exchange::break_off(Link& link, Errc reason) {
    drop(link);
    if (stopping_) return;
    fail(link.node, reason);
    if (cluster_.has_slots()) ask_for_slots(link.node);
}

// Others have taken over all slots of a server that is gone: nobody misses it.
void Exchange::retire(Link& link) {
    drop(link);
    link.pausing = false;
    restore(link.node);
}

void Exchange::give_up(const Task& task) {
    if (task.kind == Task::Kind::refill || task.kind == Task::Kind::correction) source_.failed(task);
}

// Another server may know who has the slots of one that is lost.
void Exchange::ask_for_slots(const Node& except) {
    Link* other = nullptr;
    for (const auto& link : links_) {
        if (&link->node == &except || link->node.breaker.open()) continue;
        if (other == nullptr || (link->connection && link->connection->ready())) other = link.get();
    }
    if (other == nullptr) return;
    Task task;
    task.kind = Task::Kind::slots;
    other->waiting.push_back(std::move(task));
}

} // namespace weightseal::guard

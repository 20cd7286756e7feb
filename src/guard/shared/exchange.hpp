#pragma once
// The exchange: everything that is said to servers. Whoever may wait asks on their own thread (`ask`); everything else
// goes through one thread in the background, which keeps one connection to each server and never waits for an answer
// before it sends the next question.

#include "guard/shared/cluster.hpp"
#include "guard/shared/script.hpp"

#include <deque>
#include <functional>
#include <thread>

namespace weightseal::guard {

inline constexpr unsigned most_redirections = 3; ///< of one call
/// How a server of a cluster says that it has some keys of a call, and another server the others. It works all the
/// same.
inline constexpr std::string_view try_again_error = "TRYAGAIN";

/// A call of the script for windows whose keys have one hash tag, or several while no cluster is known.
struct Call {
    std::uint32_t slot = 0; ///< of the first
    bool several = false;
    std::vector<std::string> keys;
    std::vector<WindowQuestion> questions;
};

/// What the background thread does for somebody.
struct Task {
    enum class Kind : std::uint8_t { refill, correction, probe, slots };
    Kind kind = Kind::probe;
    Call call;
    std::size_t tier = 0;   ///< of `refill`: whose
    std::uint32_t seat = 0; ///< likewise
    // The exchange's own:
    bool asking = false;     ///< sent elsewhere by ASK
    bool whole = false;      ///< sent with the script, because the server had lost it
    bool repeated = false;   ///< asked before, on a connection that was closed
    unsigned redirected = 0; ///< times
};

/// Where tasks come from, and who hears of them. Called by the background thread, `changed` by any.
class TaskSource {
  public:
    virtual ~TaskSource() = default;
    /// False when there is none.
    virtual bool next(Task& task) = 0;
    virtual void answered(const Task& task, const std::vector<WindowAnswer>& answers) = 0;
    virtual void failed(const Task& task) = 0;
    /// A server is not to be had from now on, or is again.
    virtual void changed(bool degraded, Errc reason) = 0;
};

struct ExchangeOptions {
    std::chrono::nanoseconds timeout{};
    std::size_t connections = 1;
    std::string probe_key;               ///< a key that nobody else uses
    std::function<std::uint64_t()> time; ///< of tests: the server's time in µs; empty: its own
};

class Exchange {
  public:
    Exchange(Access access, ExchangeOptions options, TaskSource& source);
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    ~Exchange();

    /// Starts the background thread.
    void start();

    [[nodiscard]] Cluster& cluster() noexcept { return cluster_; }
    [[nodiscard]] bool degraded() const noexcept { return open_breakers_.load(std::memory_order_relaxed) > 0; }

    /// Asks the server of the call's slot and waits. A failure opens its breaker, and is thrown; that keys are being
    /// moved is thrown, too, and is none. No answers: `several` are too many, because it is a cluster.
    [[nodiscard]] std::vector<WindowAnswer> ask(const Call& call, Instant deadline);
    /// A call that does no harm, for `ask`.
    [[nodiscard]] Call probe() const;

    /// There is a task. Any thread; does not wait.
    void wake() noexcept;

  private:
    struct Link; // the background thread's connection to a node

    [[nodiscard]] std::string text_of(const Call& call, const std::string& script, bool whole) const;
    [[nodiscard]] Reply converse(Node& node, const Call& call, bool asking, Instant deadline);
    void fail(Node& node, Errc reason) noexcept;

    void run() noexcept;
    void round(std::vector<platform::Awaited>& awaited);
    void take_tasks();
    void dispatch(Task task, std::size_t node);
    void tend(Link& link, Instant now);
    void connect(Link& link, Instant now);
    void move(Link& link);
    void send_waiting(Link& link);
    void take_reply(Link& link, const Reply& reply);
    [[nodiscard]] bool repeat(Link& link);
    void drop(Link& link);
    void break_off(Link& link, Errc reason);
    void retire(Link& link);
    void restore(Node& node);
    void give_up(const Task& task);
    void ask_for_slots(const Node& except);
    [[nodiscard]] Link& link_of(std::size_t node);

    const Access access_;
    const ExchangeOptions options_;
    TaskSource& source_;
    Cluster cluster_;
    std::atomic<int> open_breakers_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> awake_{true};
    platform::Waker waker_;
    std::vector<std::unique_ptr<Link>> links_;
    std::thread thread_;
};

} // namespace weightseal::guard

#pragma once
// What tests of shared guards have in common: guards with a time of their own, and time for what happens in the
// background.

#include "guard/shared/state.hpp"
#include "support/guard.hpp"
#include "support/redis.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace weightseal::testing {

/// A secret that is the same in every process.
inline Secret shared_secret() {
    static const Secret secret = Secret::make([](std::span<std::byte, secret_size> to) {
        for (std::size_t i = 0; i < to.size(); ++i)
            to[i] = static_cast<std::byte>(i);
    });
    return secret;
}

inline SharedOptions shared_options(std::string url, SharedMode mode = SharedMode::exact, std::uint32_t replicas = 4) {
    SharedOptions options;
    options.url = std::move(url);
    options.mode = mode;
    options.replicas = replicas;
    options.timeout = std::chrono::seconds(5); // of tests that are not about time: machines may be slow
    options.leases = 256;
    return options;
}

/// The time of all guards and of the server, as the test has it.
class SharedTime {
  public:
    [[nodiscard]] nanoseconds now() const { return nanoseconds(us_.load() * 1000); }
    [[nodiscard]] std::function<std::uint64_t()> server() {
        return [this] { return static_cast<std::uint64_t>(us_.load()); };
    }
    void advance(std::int64_t us) { us_ += us; }

  private:
    std::atomic<std::int64_t> us_{noon.count() / 1000};
};

inline Decision ask(guard::SharedState& guard, const std::string& name, const Costs& costs, nanoseconds now,
                    guard::Asks asks = guard::Asks::decision) {
    return guard.check(guard.local.identify({.name = name}), costs, now, asks);
}

/// Repeats `attempt` until it is true; what the background does takes a moment. False after ten seconds.
template <class Attempt>
[[nodiscard]] bool soon(const Attempt& attempt) {
    for (int i = 0; i < 5000; ++i) {
        if (attempt()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
}

inline std::vector<GuardEvent> events_of(guard::SharedState& guard) {
    std::vector<GuardEvent> events(8192);
    events.resize(guard.take_events(events));
    return events;
}

/// The errors of all `shared_degraded` that came by now.
inline bool was_degraded_by(guard::SharedState& guard, Errc reason) {
    for (const GuardEvent& event : events_of(guard))
        if (event.kind == GuardEventKind::shared_degraded && event.used == static_cast<std::uint64_t>(reason))
            return true;
    return false;
}

} // namespace weightseal::testing

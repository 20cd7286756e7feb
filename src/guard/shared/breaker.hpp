#pragma once
// Circuit breaker: one failure opens it, and nobody waits for that server any more. The thread in the background tries
// again, ever more rarely and never together with other processes, until it is there.

#include "crypto/random.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace weightseal::guard {

class Breaker {
  public:
    using Instant = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::milliseconds first_pause{50};
    static constexpr std::chrono::milliseconds longest_pause{5000};

    [[nodiscard]] bool open() const noexcept { return open_.load(std::memory_order_relaxed); }
    /// The failure that opened it.
    [[nodiscard]] Errc reason() const noexcept { return reason_.load(std::memory_order_relaxed); }

    /// True when that opened it. Thread-safe.
    bool fail(Errc reason) noexcept {
        reason_.store(reason, std::memory_order_relaxed);
        return !open_.exchange(true);
    }
    /// True when that closed it. Thread-safe.
    bool restore() noexcept { return open_.load(std::memory_order_relaxed) && open_.exchange(false); }
    /// An answer to real work: pauses start small again.
    void succeed() noexcept {
        if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
    }

    /// How long to wait before the next attempt: twice as long each time, and between half and all of that.
    [[nodiscard]] std::chrono::nanoseconds pause() noexcept {
        const unsigned failures = std::min(failures_.fetch_add(1, std::memory_order_relaxed), 16U);
        const std::chrono::nanoseconds most =
            std::min<std::chrono::nanoseconds>(first_pause * (1U << failures), longest_pause);
        std::uint32_t random = 0;
        crypto::fill_random({reinterpret_cast<std::byte*>(&random), sizeof random});
        return most / 2 + most / 2 * (random >> 16) / 65'536;
    }

  private:
    std::atomic<bool> open_{false};
    std::atomic<Errc> reason_{Errc::server_unreachable};
    std::atomic<unsigned> failures_{0};
};

} // namespace weightseal::guard

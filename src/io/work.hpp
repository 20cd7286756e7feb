#pragma once
// Work: what the workers of one call share. The first failure or a cancel stops all of them.

#include "weightseal/core/error.hpp"
#include "weightseal/core/progress.hpp"
#include "weightseal/io/parallel.hpp"

#include <atomic>
#include <cstdint>

namespace weightseal::io {

class Work {
  public:
    /// `total` is in bytes, for the progress hook.
    Work(const Hooks& hooks, std::uint64_t total) : hooks_(hooks), total_(total) {}

    /// Runs `worker(i)` on at most `wanted` workers; rethrows the first exception once all have returned.
    template <class Worker>
    void run(const Parallel& parallel, std::size_t wanted, const Worker& worker) {
        run_workers(parallel, wanted, [&](std::size_t i) {
            try {
                worker(i);
            } catch (...) {
                stopped_.store(true, std::memory_order_relaxed);
                throw;
            }
        });
    }

    /// False once another worker has failed; throws `cancelled`. Polled between chunks.
    [[nodiscard]] bool goes_on() const {
        if (stopped_.load(std::memory_order_relaxed)) return false;
        if (hooks_.cancelled && hooks_.cancelled()) throw Error(Errc::cancelled, "work", "was cancelled by the caller");
        return true;
    }

    void advance(std::uint64_t bytes) {
        const std::uint64_t done = done_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
        if (hooks_.progress) hooks_.progress(done, total_);
    }

  private:
    const Hooks& hooks_;
    std::uint64_t total_;
    std::atomic<std::uint64_t> done_{0};
    std::atomic<bool> stopped_{false};
};

} // namespace weightseal::io

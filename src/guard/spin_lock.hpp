#pragma once
// A lock for a few hundred nanoseconds.

#include <atomic>
#include <thread>

namespace weightseal::guard {

class SpinLock {
  public:
    void lock() noexcept {
        while (taken_.exchange(true, std::memory_order_acquire)) {
            // Only the owner's processor can be far away, unless the owner was descheduled.
            for (unsigned spins = 0; taken_.load(std::memory_order_relaxed); ++spins)
                if (spins >= 256) std::this_thread::yield();
        }
    }
    void unlock() noexcept { taken_.store(false, std::memory_order_release); }

  private:
    std::atomic<bool> taken_{false};
};

} // namespace weightseal::guard

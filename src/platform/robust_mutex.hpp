#pragma once
// Robust mutexes: locks between processes, which the system hands on when their owner has died.

#include <pthread.h>

namespace weightseal::platform {

/// Lives in memory that several processes map, wherever they map it. The system wakes who waits for a dead owner.
class RobustMutex {
  public:
    /// Once, before anybody uses it. Throws `out_of_memory`.
    RobustMutex();
    RobustMutex(const RobustMutex&) = delete;
    RobustMutex& operator=(const RobustMutex&) = delete;

    /// True: the last owner died, and what it guards may be half done. Whoever repairs that and dies, too, leaves it
    /// like that to the next.
    [[nodiscard]] bool lock() noexcept;
    /// After `lock` found a dead owner, and all is repaired.
    void set_repaired() noexcept { pthread_mutex_consistent(&mutex_); }
    void unlock() noexcept { pthread_mutex_unlock(&mutex_); }

  private:
    pthread_mutex_t mutex_;
};

} // namespace weightseal::platform

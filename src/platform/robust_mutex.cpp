#include "platform/robust_mutex.hpp"

#include "weightseal/core/error.hpp"

#include <cerrno>

namespace weightseal::platform {

RobustMutex::RobustMutex() {
    pthread_mutexattr_t attributes;
    const bool made = pthread_mutexattr_init(&attributes) == 0 &&
                      pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                      pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
                      pthread_mutex_init(&mutex_, &attributes) == 0;
    pthread_mutexattr_destroy(&attributes);
    if (!made) throw Error(Errc::out_of_memory, "shared table", "the system has no locks between processes");
}

bool RobustMutex::lock() noexcept {
    return pthread_mutex_lock(&mutex_) == EOWNERDEAD;
}

} // namespace weightseal::platform

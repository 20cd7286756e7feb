#include "weightseal/io/parallel.hpp"

#include "platform/process.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace weightseal {

void run_workers(const Parallel& parallel, std::size_t wanted, const std::function<void(std::size_t)>& worker) {
    const std::size_t limit = parallel.threads != 0 ? parallel.threads : platform::available_processors();
    const std::size_t count = std::max<std::size_t>(1, std::min(wanted, limit));
    std::exception_ptr first;
    std::size_t returned = 0;
    std::mutex mutex;
    const std::function<void(std::size_t)> guarded = [&](std::size_t i) {
        std::exception_ptr error;
        try {
            worker(i);
        } catch (...) {
            error = std::current_exception();
        }
        const std::lock_guard lock(mutex);
        ++returned;
        if (!first) first = error;
    };
    if (parallel.run) {
        parallel.run(count, guarded);
        const std::lock_guard lock(mutex);
        if (returned != count)
            throw Error(Errc::callback_failed, "parallel_for", "returned before every call of its body had returned");
    } else {
        std::vector<std::jthread> threads;
        threads.reserve(count);
        try {
            for (std::size_t i = 1; i < count; ++i)
                threads.emplace_back(guarded, i);
        } catch (const std::system_error&) {
            // The system has no more threads: the workers that did start share the work.
        }
        guarded(0);
    }
    if (first) std::rethrow_exception(first);
}

} // namespace weightseal

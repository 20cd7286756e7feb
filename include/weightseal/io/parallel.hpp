#pragma once
// Parallel work: on threads of our own for the length of one call, or on the engine's pool.

#include <cstddef>
#include <functional>

namespace weightseal {

/// Calls `body(i)` for each i in [0, count), in any order, possibly at once, and returns when all returned.
using ParallelFor = std::function<void(std::size_t count, const std::function<void(std::size_t)>& body)>;

/// How work is spread. weightseal keeps no threads between calls, so a process may fork between them.
struct Parallel {
    unsigned threads = 0; ///< workers at most; 0: one for each processor this process may use
    ParallelFor run;      ///< empty: threads of our own; else the engine's
};

/// Runs `worker(0)` … `worker(n - 1)`, where n is at most `wanted` and at most `parallel.threads`. The first
/// exception is rethrown once all workers returned. Work must be shared dynamically: an engine's pool may run
/// the workers one after the other.
void run_workers(const Parallel& parallel, std::size_t wanted, const std::function<void(std::size_t)>& worker);

} // namespace weightseal

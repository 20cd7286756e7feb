#pragma once
// Crew: on which workers the steps of one alignment run, and whether they go on.

#include "io/work.hpp"

#include <atomic>
#include <cstddef>

namespace weightseal::watermark::align {

struct Crew {
    Parallel parallel;
    Hooks hooks;

    /// Calls `body(i)` for each i in [0, count), several at once. Throws `cancelled`. What a body computes must not
    /// depend on the number of workers.
    template <class Body>
    void each(std::size_t count, const Body& body) const {
        io::Work work(hooks, 0);
        std::atomic<std::size_t> next{0};
        work.run(parallel, count, [&](std::size_t) {
            while (work.goes_on()) {
                const std::size_t i = next.fetch_add(1, std::memory_order_relaxed);
                if (i >= count) return;
                body(i);
            }
        });
    }
};

} // namespace weightseal::watermark::align

// How work is spread over threads, ours or the engine's.

#include "weightseal/io/parallel.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace weightseal::testing {
namespace {

// Which workers ran, and how often.
std::multiset<std::size_t> workers_of(const Parallel& parallel, std::size_t wanted) {
    std::mutex mutex;
    std::multiset<std::size_t> ran;
    run_workers(parallel, wanted, [&](std::size_t i) {
        const std::lock_guard lock(mutex);
        ran.insert(i);
    });
    return ran;
}

ParallelFor one_after_the_other() {
    return [](std::size_t count, const std::function<void(std::size_t)>& body) {
        for (std::size_t i = count; i > 0; --i)
            body(i - 1);
    };
}

} // namespace

TEST_CASE("each worker runs once, there are no more than wanted and than threads") {
    using Set = std::multiset<std::size_t>;
    CHECK(workers_of({.threads = 4}, 3) == Set{0, 1, 2});
    CHECK(workers_of({.threads = 4}, 100) == Set{0, 1, 2, 3});
    CHECK(workers_of({.threads = 1}, 100) == Set{0});
    CHECK(workers_of({.threads = 4}, 0) == Set{0});
    const Set automatic = workers_of({}, 10'000);
    CHECK_FALSE(automatic.empty());
    CHECK(automatic.size() <= std::thread::hardware_concurrency());
}

TEST_CASE("our workers run on threads of their own, and the caller's thread is one of them") {
    std::mutex mutex;
    std::set<std::thread::id> threads;
    std::atomic<int> arrived{0};
    run_workers({.threads = 3}, 3, [&](std::size_t) {
        {
            const std::lock_guard lock(mutex);
            threads.insert(std::this_thread::get_id());
        }
        // All three are there at the same time, or this would never end.
        for (++arrived; arrived < 3;)
            std::this_thread::yield();
    });
    CHECK(threads.size() == 3);
    CHECK(threads.contains(std::this_thread::get_id()));
}

TEST_CASE("an engine's pool runs the workers, in whatever order it likes") {
    std::vector<std::size_t> counts;
    Parallel parallel{.threads = 5, .run = {}};
    parallel.run = [&](std::size_t count, const std::function<void(std::size_t)>& body) {
        counts.push_back(count);
        one_after_the_other()(count, body);
    };
    CHECK(workers_of(parallel, 100) == std::multiset<std::size_t>{0, 1, 2, 3, 4});
    CHECK(workers_of(parallel, 2) == std::multiset<std::size_t>{0, 1});
    CHECK(counts == std::vector<std::size_t>{5, 2});
}

TEST_CASE("an exception of a worker comes out once all workers have returned") {
    for (const bool of_engine : {false, true}) {
        std::atomic<int> ended{0};
        const Parallel parallel{.threads = 4, .run = of_engine ? one_after_the_other() : ParallelFor{}};
        const auto run = [&] {
            run_workers(parallel, 4, [&](std::size_t i) {
                ++ended;
                if (i == 2) throw std::runtime_error("worker 2");
            });
        };
        CHECK_THROWS_WITH(run(), "worker 2");
        CHECK(ended == 4);
    }
}

TEST_CASE("of several exceptions one comes out") {
    for (int repetition = 0; repetition < 20; ++repetition)
        CHECK_THROWS_AS(
            run_workers({.threads = 4}, 4, [](std::size_t i) { throw std::out_of_range(std::to_string(i)); }),
            std::out_of_range);
}

TEST_CASE("a pool that leaves out a worker, or that fails, is noticed") {
    Parallel parallel{.threads = 4, .run = {}};
    parallel.run = [](std::size_t, const std::function<void(std::size_t)>& body) { body(0); };
    CHECK(refusal([&] { run_workers(parallel, 4, [](std::size_t) {}); }) == "callback_failed");
    parallel.run = [](std::size_t, const std::function<void(std::size_t)>&) { throw std::runtime_error("pool"); };
    CHECK_THROWS_WITH(run_workers(parallel, 4, [](std::size_t) {}), "pool");
}

} // namespace weightseal::testing

// Signals of many threads at once: every request counts, and each event comes once.

#include "support/signals.hpp"

#include <atomic>
#include <thread>

namespace weightseal::testing {

TEST_CASE("threads that observe together lose nothing, while thresholds change and signals begin anew") {
    constexpr std::uint64_t thread_count = 4, prompts = 40; // together 160, which are counted exactly
    Signals signals{.clients = 64, .warm_up = 0, .distinct_prompts = thread_count * prompts};
    Guard guard(with(signals));
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    const auto observe = [&](std::uint64_t thread) {
        for (std::uint64_t client = 0; client < 20; ++client)
            for (std::uint64_t i = 0; i < prompts; ++i)
                guard.observe(named(guard, client), {.prompt_hash = thread * prompts + i}, noon);
    };
    for (std::uint64_t t = 0; t < thread_count; ++t)
        threads.emplace_back(observe, t);
    for (std::thread& thread : threads)
        thread.join();
    CHECK(Heard(guard).of(GuardEventKind::distinct_prompts) == 20);

    threads.clear();
    for (std::uint64_t t = 0; t < thread_count; ++t)
        threads.emplace_back([&, t] {
            Random random(t);
            for (std::uint64_t i = 0; !stop.load(); ++i) {
                const ClientKey client = named(guard, random.below(300));
                static_cast<void>(guard.check(client, {}, noon));
                guard.observe(client, {.prompt_hash = random.next(), .logprobs = true},
                              noon + hours(static_cast<double>(i) * 0.01));
            }
        });
    for (std::uint64_t i = 0; i < 20 * effort; ++i) {
        signals.minimum = 1 + i % 100;
        signals.clients = 64 + i % 3 * 64;
        guard.configure(i % 7 == 0 ? only({queries(500, 3600)}) : with(signals), noon);
        static_cast<void>(Heard(guard));
        static_cast<void>(guard.memory());
    }
    stop = true;
    for (std::thread& thread : threads)
        thread.join();
}

} // namespace weightseal::testing

// Many threads at once: what one thread is guaranteed, all are.

#include "support/guard.hpp"

#include <array>
#include <atomic>
#include <barrier>
#include <set>
#include <thread>

namespace weightseal::testing {
namespace {

constexpr std::size_t thread_count = 4;

template <class Work>
void in_threads(const Work& work) {
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < thread_count; ++t)
        threads.emplace_back([&, t] { work(t); });
    for (std::thread& thread : threads)
        thread.join();
}

} // namespace

TEST_CASE("threads find no window with more than its limit, in a table that is too small, against a log") {
    constexpr std::size_t phases = 300, clients = 100;
    constexpr std::uint64_t most_queries = 20, most_tokens = 5000;
    constexpr std::int64_t window = 16'000'000'000;
    using Sums = std::array<std::atomic<std::uint64_t>, clients>;
    Guard guard(only({queries(most_queries, 16), tokens(most_tokens, 16)}, 1)); // 64 places
    // All threads work at one time, then at the next.
    std::vector<std::int64_t> times{noon.count()};
    Random steps(101);
    while (times.size() < phases)
        times.push_back(times.back() + static_cast<std::int64_t>(steps.below(3'000'000'000)));
    std::vector<Sums> queries_of(phases), tokens_of(phases);
    std::barrier together(static_cast<std::ptrdiff_t>(thread_count));
    in_threads([&](std::size_t t) {
        Random random(t);
        for (std::size_t phase = 0; phase < phases; ++phase) {
            together.arrive_and_wait();
            const nanoseconds now(times[phase]);
            for (std::uint64_t i = 0; i < 100 * effort; ++i) {
                const std::uint64_t client = random.below(clients);
                const Costs costs{.queries = random.below(4), .tokens = random.below(1500)};
                const Decision decision = guard.check(named(guard, client), costs, now);
                if (!decision.allowed) continue;
                queries_of[phase][client] += costs.queries;
                std::uint64_t used = costs.tokens;
                if (random.once_in(2)) {
                    used = random.below(costs.tokens + 1);
                    if (guard.settle(decision.ticket, {.tokens = used}, now) != Settlement::settled)
                        used = costs.tokens;
                }
                tokens_of[phase][client] += used;
            }
        }
    });
    const auto check = [&](const std::vector<Sums>& sums, std::size_t client, std::size_t last, std::uint64_t most) {
        std::uint64_t sum = 0;
        for (std::size_t phase = 0; phase <= last; ++phase)
            if (times[phase] > times[last] - window) sum += sums[phase][client];
        if (sum > most) FAIL("client " << client << " has " << sum << " of " << most);
    };
    for (std::size_t client = 0; client < clients; ++client)
        for (std::size_t last = 0; last < phases; ++last) {
            check(queries_of, client, last, most_queries);
            check(tokens_of, client, last, most_tokens);
        }
    CHECK(guard.counters().evicted > 100);
    CHECK(guard.counters().overflow > 100);
}

TEST_CASE("threads check and settle while another one configures, counts and takes events") {
    constexpr std::uint64_t limit = 5000, checks = 3000 * effort;
    Limits limits = only({queries(limit, 3600), tokens(limit * 10, 3600), concurrency(1'000'000)}, 2000);
    limits.limits.push_back({.tier = Tier::pool, .limit = limit * 3, .window = 3600});
    Guard guard(limits);
    std::array<std::atomic<std::uint64_t>, 4> admitted{};
    std::atomic<std::uint64_t> counted{0};
    in_threads([&](std::size_t t) {
        if (t == 0) {
            for (int i = 0; i < 20; ++i) {
                if (i == 10) limits.capacity = 3000; // a second set of tables
                guard.configure(limits, noon);
                static_cast<void>(events_of(guard));
                static_cast<void>(guard.memory());
                counted = guard.counters().admitted;
                std::this_thread::yield();
            }
            return;
        }
        Random random(t);
        for (std::uint64_t i = 0; i < checks; ++i) {
            const std::uint64_t number = random.below(4);
            const std::string name = "client-" + std::to_string(number);
            const ClientKey client = guard.identify({.name = name, .pool = "all"});
            const nanoseconds now = noon + nanoseconds(static_cast<std::int64_t>(i) * 1000);
            const Decision decision = guard.check(client, {.queries = 3, .tokens = 20}, now);
            if (!decision.allowed) continue;
            admitted[number] += 3;
            static_cast<void>(guard.settle(decision.ticket, {.tokens = random.below(21)}, now));
        }
    });
    std::uint64_t sum = 0;
    for (const auto& count : admitted) {
        CHECK(count <= limit);
        sum += count;
    }
    CHECK(sum <= limit * 3);
    CHECK(sum > limit * 2);
    const GuardCounters counters = guard.counters();
    CHECK(counters.admitted * 3 == sum);
    CHECK(counters.admitted >= counted);
    CHECK(counters.admitted + counters.refused == (thread_count - 1) * checks);
}

TEST_CASE("a ticket that threads settle at once is settled by one of them") {
    constexpr std::uint64_t requests = 2000;
    Guard guard(only({tokens(requests * 10, 3600), concurrency(requests)}));
    const ClientKey client = named(guard, 1);
    std::vector<Ticket> tickets;
    for (std::uint64_t i = 0; i < requests; ++i)
        tickets.push_back(guard.check(client, {.tokens = 10}, noon).ticket);
    CHECK_FALSE(guard.check(client, {}, noon).allowed);
    std::atomic<std::uint64_t> settled{0};
    in_threads([&](std::size_t) {
        for (const Ticket ticket : tickets)
            settled += guard.settle(ticket, {.tokens = 3}, noon) == Settlement::settled;
    });
    CHECK(settled == requests);
    CHECK_FALSE(guard.check(client, {.tokens = requests * 7 + 1}, noon).allowed);
    CHECK(guard.check(client, {.tokens = requests * 7}, noon).allowed);
}

TEST_CASE("events of several threads arrive whole, each once") {
    Guard guard(only({queries(1, 16)}, 10'000));
    in_threads([&](std::size_t t) {
        for (std::uint64_t i = 0; i < 900; ++i)
            for (int query = 0; query < 2; ++query)
                static_cast<void>(guard.check(named(guard, t * 1000 + i), {}, noon));
    });
    const std::vector<GuardEvent> events = events_of(guard);
    REQUIRE(events.size() == thread_count * 900);
    std::set<std::uint64_t> whom;
    for (const GuardEvent& event : events) {
        CHECK(event.kind == GuardEventKind::limit_reached);
        CHECK(event.used == 1);
        whom.insert(event.client);
    }
    CHECK(whom.size() == events.size());
}

} // namespace weightseal::testing

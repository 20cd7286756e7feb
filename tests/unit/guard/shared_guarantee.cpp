// The promise of shared state, against an exact log: several guards with connections of their own admit at most the
// limit in every window, whatever they are asked and whenever.

#include "support/shared.hpp"

#include <barrier>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

constexpr std::size_t guards = 3;
constexpr std::size_t clients = 4;
constexpr std::uint32_t window = 3600; // keys outlive the test, whose time is not the server's

/// Each guard in a thread of its own: in each round all ask at once, then time moves on.
void hammer(const RedisServer& server, SharedMode mode, std::uint64_t limit, std::uint64_t seed, int rounds,
            int questions, std::uint64_t least_admitted) {
    SharedTime time;
    std::vector<std::unique_ptr<guard::SharedState>> states;
    for (std::size_t g = 0; g < guards; ++g)
        states.push_back(std::make_unique<guard::SharedState>(only({queries(limit, window)}), shared_secret(),
                                                              shared_options(server.url(), mode, guards),
                                                              time.server()));
    std::vector<AdmissionLog> logs(clients);
    std::array<std::array<std::atomic<std::uint64_t>, clients>, 2> admitted{};
    std::atomic<int> round{0};
    std::uint64_t total = 0;
    bool held = true;
    Random random(seed);
    std::barrier turn(guards, [&]() noexcept {
        const std::int64_t now = time.now().count();
        for (std::size_t c = 0; c < clients; ++c) {
            const std::uint64_t sum = admitted[0][c].exchange(0);
            total += sum;
            logs[c].add(now, sum);
            held = held && logs[c].in_window(now, std::int64_t{window} * 1'000'000'000) <= limit;
        }
        time.advance(static_cast<std::int64_t>(random.once_in(20) ? random.below(2'000'000'000) * 4
                                                                  : random.below(400'000'000)));
        ++round;
    });
    std::vector<std::thread> threads;
    for (std::size_t g = 0; g < guards; ++g)
        threads.emplace_back([&, g] {
            Random own(seed * 100 + g);
            for (int r = 0; r < rounds; ++r) {
                for (int q = 0; q < questions; ++q) {
                    const std::size_t client = own.below(clients);
                    const std::uint64_t cost = own.once_in(3) ? own.between(2, 20) : 1;
                    if (ask(*states[g], std::to_string(client), {.queries = cost}, time.now(),
                            mode == SharedMode::exact || own.once_in(50) ? guard::Asks::decision : guard::Asks::lease)
                            .allowed)
                        admitted[0][client] += cost;
                }
                turn.arrive_and_wait();
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    CHECK(held);
    CHECK(total >= least_admitted);
    for (auto& state : states)
        CHECK_FALSE(state->exchange.degraded());
}

} // namespace

TEST_CASE("shared: exact checks of several guards never admit more than the limit in any window") {
    if (!have_redis()) return;
    RedisServer server;
    hammer(server, SharedMode::exact, 60, 1, 60 * static_cast<int>(effort), 12, 700 * effort);
}

TEST_CASE("shared: leases of several guards never admit more than the limit in any window") {
    if (!have_redis()) return;
    RedisServer server;
    hammer(server, SharedMode::lease, 640, 2, 60 * static_cast<int>(effort), 400, 4000 * effort);
}

// The promise of shared state, against an exact log: several guards with connections of their own admit at most the
// limit in every window, whatever they are asked and whenever.

#include "support/shared.hpp"

#include <barrier>
#include <charconv>
#include <mutex>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

constexpr std::size_t guards = 3;
constexpr std::size_t clients = 4;
constexpr std::uint32_t window = 3600; // keys outlive the test, whose time is not the server's

/// The server's time, which goes on while it has executed all questions that were dated before: one that came later
/// than a younger one would be a clock that is set back.
class ServerTime {
  public:
    explicit ServerTime(const RedisServer& server) : server_(server) {}

    [[nodiscard]] std::function<std::uint64_t()> source() {
        return [this] {
            const std::lock_guard lock(mutex_);
            ++dated_;
            return static_cast<std::uint64_t>(time_.now().count() / 1000);
        };
    }
    [[nodiscard]] nanoseconds now() const { return time_.now(); }
    /// False if questions are never executed.
    [[nodiscard]] bool advance(std::int64_t us) {
        return soon([&] {
            const std::lock_guard lock(mutex_);
            if (executed() != dated_) return false;
            time_.advance(us);
            return true;
        });
    }

  private:
    [[nodiscard]] std::uint64_t executed() const {
        const std::string statistics = server_.command({"INFO", "commandstats"});
        std::uint64_t calls = 0;
        constexpr std::string_view name = "cmdstat_evalsha:calls=";
        if (const std::size_t at = statistics.find(name); at != std::string::npos)
            std::from_chars(statistics.data() + at + name.size(), statistics.data() + statistics.size(), calls);
        return calls;
    }

    const RedisServer& server_;
    SharedTime time_;
    std::mutex mutex_;
    std::uint64_t dated_ = 0;
};

/// Each guard in a thread of its own: in each round all ask at once, then time moves on.
void hammer(const RedisServer& server, SharedMode mode, std::uint64_t limit, std::uint64_t seed, int rounds,
            int questions, std::uint64_t least_admitted) {
    ServerTime time(server);
    std::vector<std::unique_ptr<guard::SharedState>> states;
    for (std::size_t g = 0; g < guards; ++g)
        states.push_back(std::make_unique<guard::SharedState>(only({queries(limit, window)}), shared_secret(),
                                                              shared_options(server.url(), mode, guards),
                                                              time.source()));
    std::vector<AdmissionLog> logs(clients);
    std::array<std::array<std::atomic<std::uint64_t>, clients>, 2> admitted{};
    std::atomic<int> round{0};
    std::uint64_t total = 0;
    bool held = true, goes_on = true;
    Random random(seed);
    std::barrier turn(guards, [&]() noexcept {
        const std::int64_t now = time.now().count();
        for (std::size_t c = 0; c < clients; ++c) {
            const std::uint64_t sum = admitted[0][c].exchange(0);
            total += sum;
            logs[c].add(now, sum);
            held = held && logs[c].in_window(now, std::int64_t{window} * 1'000'000'000) <= limit;
        }
        goes_on = goes_on && time.advance(static_cast<std::int64_t>(random.once_in(20) ? random.below(2'000'000'000) * 4
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
    CHECK(goes_on);
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

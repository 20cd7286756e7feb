#pragma once
// State: everything a guard is made of.
//
// What the limits determine, which is the tables and all plain members, is read under the lock of any shard and changed
// under all of them. So a check takes the locks of its client's shards, one for each tier in the order of tiers, and no
// other.

#include "crypto/short_hash.hpp"
#include "guard/clock.hpp"
#include "guard/commons.hpp"
#include "guard/event_queue.hpp"
#include "guard/monitor.hpp"
#include "guard/shared_table.hpp"
#include "guard/table.hpp"
#include "guard/tickets.hpp"
#include "weightseal/guard/guard.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <memory>
#include <mutex>
#include <vector>

namespace weightseal::guard {

/// The tables of one set of windows. All but the newest only stay until what they counted has left.
struct Generation {
    std::array<std::unique_ptr<Table>, tier_count> tables;
    std::uint64_t version = 0;
    std::uint64_t retires_at = 0; ///< tick; not of the newest
};

inline constexpr std::size_t max_generations = 4;

struct State {
    State(const Limits& limits, const Secret& secret);
    /// In shared memory.
    State(const Limits& limits, const Secret& secret, const std::filesystem::path& path);

    [[nodiscard]] Decision check(const ClientKey& client, const Costs& costs, std::chrono::nanoseconds now) noexcept;
    Settlement settle(Ticket ticket, const Usage& usage, std::chrono::nanoseconds now) noexcept;
    void observe(const ClientKey& client, const Observation& observation, std::chrono::nanoseconds now) noexcept;
    void configure(const Limits& limits, std::chrono::nanoseconds now);
    void trim(std::chrono::nanoseconds now);

    /// Starts to load the slot where a client's is looked for first, and waits for nothing.
    void prefetch(std::size_t tier, std::uint64_t hash) const noexcept {
        const Homes& home = homes[tier];
        const std::uintptr_t slots = home.slots.load(std::memory_order_relaxed);
        if (slots == 0) return;
        const std::uint64_t at = Table::home_of(hash, home.slots_of_shard.load(std::memory_order_relaxed));
        const std::uintptr_t line =
            slots + shard_of(hash) * home.shard_bytes.load(std::memory_order_relaxed) + at * sizeof(Line);
        __builtin_prefetch(reinterpret_cast<const void*>(line), 1);
        asm volatile(""); // or else GCC takes this for a function without effects, and drops its calls
    }

    [[nodiscard]] static std::size_t stripe_of(std::size_t tier, std::uint64_t hash) noexcept {
        return tier * shard_count + shard_of(hash);
    }
    void lock(std::size_t stripe) noexcept {
        if (mutexes == nullptr)
            commons.stripes[stripe].lock.lock();
        else
            lock_mutex(stripe);
    }
    void unlock(std::size_t stripe) noexcept {
        if (mutexes == nullptr)
            commons.stripes[stripe].lock.unlock();
        else
            unlock_mutex(stripe);
    }

    std::unique_ptr<SharedTable> shared; // if it is
    std::unique_ptr<Commons> own_commons;
    Commons& commons;
    platform::RobustMutex* mutexes; // of the stripes, in shared memory
    Clock clock;
    Tickets tickets;
    EventQueue events;
    std::array<crypto::ShortHashKey, tier_count> hash_keys;
    Secret pseudonym_key;                            // of clients in logs
    std::array<std::uint64_t, tier_count> anonymous; // hashes of clients of whom nothing is known

    crypto::ShortHashKey prompt_key;

    // Guarded by the locks of the shards, as said above.
    std::vector<std::unique_ptr<Generation>> generations; // newest last
    Window lifetime;                                      // of tickets
    bool needs_tickets = false;
    bool logprobs_or_logit_bias = false;
    std::unique_ptr<Monitor> monitor; // of signals, if there are any

    // Read without a lock: which locks a check needs, looked at again once it has them, and values that change one by
    // one.
    struct alignas(2) LimitedTiers { // so aligned, every compiler loads it at once, without a lock
        std::uint8_t any = 0;        ///< of all generations
        std::uint8_t newest = 0;     ///< of the newest
        bool operator==(const LimitedTiers&) const = default;
    };
    std::atomic<LimitedTiers> tiers{};
    // Of the newest tables, for `prefetch`, which does no harm if they have gone meanwhile.
    struct Homes {
        std::atomic<std::uintptr_t> slots{0}; ///< 0: the tier has no table
        std::atomic<std::uint64_t> slots_of_shard{0};
        std::atomic<std::uint64_t> shard_bytes{0};
    };
    std::array<Homes, tier_count> homes;
    std::atomic<std::uint64_t> token_cap{0};
    std::atomic<std::uint64_t> logprob_token_cap{0};
    std::atomic<std::uint64_t> tickets_reported{0};
    std::atomic<bool> observes{false};

    std::mutex configuring; // and `limits`
    std::mutex taking_events;
    Limits limits;

  private:
    State(const Limits& limits, const Secret& key, std::unique_ptr<SharedTable> table);
    void lock_mutex(std::size_t stripe) noexcept;
    void unlock_mutex(std::size_t stripe) noexcept;
    [[nodiscard]] std::unique_ptr<Generation> make_generation(const Limits& wanted) const;
    [[nodiscard]] std::unique_ptr<Monitor> make_monitor(const Limits& wanted) const;
    void follow(const Limits& wanted) noexcept;
    void retire(std::uint64_t tick, std::vector<std::unique_ptr<Generation>>& retired) noexcept;
};

/// The locks of a client's shards, and which tiers they are of.
class Entry {
  public:
    Entry(State& state, const ClientKey& client) noexcept : state_(state), hashes_(client.hashes) {
        for (;;) {
            const State::LimitedTiers limited = state.tiers.load(std::memory_order_relaxed);
            tiers_ = client.tiers & limited.any;
            if ((tiers_ & limited.newest) == 0) { // nobody goes unlimited for telling nothing
                const auto tier = static_cast<std::size_t>(std::countr_zero(limited.newest));
                tiers_ = static_cast<std::uint8_t>(tiers_ | 1U << tier);
                hashes_[tier] = state.anonymous[tier];
            }
            each([&](std::size_t stripe) { state_.lock(stripe); });
            // It changes under all locks only, so now it stays.
            if (state.tiers.load(std::memory_order_relaxed) == limited) return;
            unlock();
            hashes_ = client.hashes;
        }
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { unlock(); }

    [[nodiscard]] std::uint8_t tiers() const noexcept { return tiers_; }
    [[nodiscard]] std::uint64_t hash(std::size_t tier) const noexcept { return hashes_[tier]; }
    /// Of the first tier.
    [[nodiscard]] Stripe& counters() noexcept {
        const auto tier = static_cast<std::size_t>(std::countr_zero(tiers_));
        return state_.commons.stripes[State::stripe_of(tier, hashes_[tier])];
    }

  private:
    template <class Action>
    void each(Action action) noexcept {
        for (unsigned tiers = tiers_; tiers != 0; tiers &= tiers - 1) {
            const auto tier = static_cast<std::size_t>(std::countr_zero(tiers));
            action(State::stripe_of(tier, hashes_[tier]));
        }
    }
    void unlock() noexcept {
        each([&](std::size_t stripe) { state_.unlock(stripe); });
    }

    State& state_;
    std::array<std::uint64_t, tier_count> hashes_;
    std::uint8_t tiers_ = 0;
};

/// All locks.
class Standstill {
  public:
    explicit Standstill(State& state) noexcept;
    Standstill(const Standstill&) = delete;
    Standstill& operator=(const Standstill&) = delete;
    ~Standstill();

  private:
    State& state_;
};

} // namespace weightseal::guard

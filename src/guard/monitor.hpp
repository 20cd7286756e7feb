#pragma once
// Monitor: everything that signals are made of. Its locks are its own, and held for one record each.

#include "guard/busiest.hpp"
#include "guard/client_signals.hpp"
#include "guard/spin_lock.hpp"
#include "guard/total_signals.hpp"
#include "guard/window.hpp"
#include "weightseal/guard/limits.hpp"

#include <memory>
#include <mutex>

namespace weightseal::guard {

/// A client in one tier.
struct Observed {
    Tier tier = Tier::client;
    std::uint64_t hash = 0;
};

class Monitor {
  public:
    Monitor(const Signals& thresholds, std::uint64_t secret)
        : thresholds_(thresholds), clients_(thresholds.clients, secret),
          pools_(thresholds.clients / clients_per_pool, ~secret), everybody_(std::make_unique<Everybody>()) {}

    /// Signals begin with this tick, instead of 0. Nobody may `observe` meanwhile.
    void begin(std::uint64_t tick) noexcept { began_ = tick; }
    /// Likewise.
    void set(const Signals& thresholds) noexcept { thresholds_ = thresholds; }

    [[nodiscard]] std::size_t memory() const noexcept {
        return sizeof(Monitor) + clients_.memory() + pools_.memory() + sizeof(Everybody);
    }

    /// Thread-safe. `report(GuardEvent)` gets all but `now`.
    template <class Report>
    void observe(std::optional<Observed> client, std::optional<std::uint64_t> pool, Sample sample, std::uint64_t tick,
                 Report report) noexcept {
        sample.hour = (tick - began_) / (seconds_per_hour * ticks_per_second);
        const std::uint64_t day = sample.hour / hours_per_day;
        const auto of = [&](Tier tier, std::uint64_t hash) {
            return [&report, tier, hash](GuardEvent event) {
                event.tier = tier;
                event.client = hash;
                report(event);
            };
        };
        std::optional<std::uint64_t> hash;
        if (client) {
            hash = client->hash;
            clients_.count(client->hash, day, [&](ClientSignals& record) {
                record.observe(sample, thresholds_, of(client->tier, client->hash));
            });
        }
        if (pool)
            pools_.count(*pool, day, [&](TotalSignals<pool_precision>& record) {
                record.observe(sample, hash, thresholds_, of(Tier::pool, *pool));
            });
        const std::lock_guard lock(everybody_->lock);
        everybody_->total.observe(sample, hash, thresholds_, of(Tier::pool, 0));
    }

  private:
    static constexpr std::size_t clients_per_pool = 16;
    static constexpr unsigned pool_precision = 12;

    struct Everybody {
        SpinLock lock;
        TotalSignals<16> total;
    };

    Signals thresholds_;
    std::uint64_t began_ = 0;
    Busiest<ClientSignals> clients_;
    Busiest<TotalSignals<pool_precision>> pools_;
    std::unique_ptr<Everybody> everybody_;
};

} // namespace weightseal::guard

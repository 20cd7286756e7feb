#pragma once
// State: everything a shared guard is made of.

#include "crypto/keyed_hmac.hpp"
#include "guard/event_queue.hpp"
#include "guard/shared/exchange.hpp"
#include "guard/shared/leases.hpp"
#include "guard/tickets.hpp"
#include "guard/window.hpp"
#include "weightseal/guard/shared.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace weightseal::guard {

/// One limit, in the server's terms.
struct SharedWindow {
    Window window;
    std::uint64_t limit = 0;     ///< what the server may admit
    std::uint64_t allowance = 0; ///< what each process may admit before it has asked
    std::uint64_t chunk = 0;     ///< what a lease is for, if nobody needs more
    std::uint64_t length = 0;    ///< of a sub-bucket, in µs
    std::string suffix;          ///< of its keys
    std::size_t mark = 0;        ///< where its mark is among a ticket's; of settled budgets only

    [[nodiscard]] bool is_settled() const noexcept {
        return window.budget == Budget::tokens || window.budget == Budget::logprob_tokens ||
               window.budget == Budget::concurrency;
    }
};

struct SharedTier {
    std::vector<SharedWindow> windows;
    std::unique_ptr<Leases> leases; ///< in lease mode
};

/// A client's tiers that have limits.
struct Tiers {
    std::array<std::uint64_t, tier_count> hashes{};
    std::uint8_t mask = 0;
};

/// What a check asks of the server where no lease suffices.
enum class Asks : std::uint8_t {
    nothing,  ///< whoever checked asks for a decision then
    lease,    ///< in the background
    decision, ///< and waits for it
};

using Units = std::array<std::uint64_t, budget_count>;

/// What tells the server of a settlement.
struct Correction {
    std::size_t tier = 0;
    std::size_t window = 0;
    std::uint64_t hash = 0;
    Stamp stamp = 0;
    std::uint64_t refund = 0;
    std::uint64_t excess = 0;
};

struct RefillRequest {
    std::size_t tier = 0;
    std::uint32_t seat = 0;
};

/// Where a mark of a ticket says "admitted from the allowance, before the charge of this number". Others are stamps.
inline constexpr std::uint64_t allowance_mark = std::uint64_t{1} << 63;

struct SharedState final : TaskSource {
    SharedState(const Limits& limits, const Secret& secret, const SharedOptions& options,
                std::function<std::uint64_t()> server_time = {});
    ~SharedState() override;

    [[nodiscard]] Decision check(const ClientKey& client, const Costs& costs, std::chrono::nanoseconds now,
                                 Asks asks) noexcept;
    Settlement settle(Ticket ticket, const Usage& usage, std::chrono::nanoseconds now) noexcept;

    [[nodiscard]] std::size_t take_events(std::span<GuardEvent> to);
    [[nodiscard]] std::size_t memory() const;
    [[nodiscard]] GuardCounters sums() const noexcept;

    // TaskSource
    bool next(Task& task) override;
    void answered(const Task& task, const std::vector<WindowAnswer>& answers) override;
    void failed(const Task& task) override;
    void changed(bool degraded, Errc reason) override;

    // What `check` consists of.
    /// Guard time goes on. A step back of the clock ends all leases.
    [[nodiscard]] Moment moment_of(std::chrono::nanoseconds now) noexcept;
    [[nodiscard]] Tiers tiers_of(const ClientKey& client) const noexcept;
    [[nodiscard]] Decision check_leases(const Tiers& tiers, const Costs& costs, const Units& units,
                                        const Moment& moment, std::chrono::nanoseconds now, Asks asks) noexcept;
    [[nodiscard]] Decision check_server(const Tiers& tiers, const Costs& costs, const Units& units,
                                        const Moment& moment, std::chrono::nanoseconds now);
    /// What the failure policy says of the tiers in `mask`.
    [[nodiscard]] Decision check_policy(const Tiers& tiers, std::uint8_t mask, const Costs& costs,
                                        std::chrono::nanoseconds now) noexcept;
    /// @param marks  one for each settled window
    [[nodiscard]] Ticket issue_ticket(const Tiers& tiers, std::uint8_t mask, const Costs& costs, const Moment& moment,
                                      std::chrono::nanoseconds now, Ticket local_ticket,
                                      std::span<const std::uint64_t> marks) noexcept;
    void report_refusal(const Decision& decision, const Tiers& tiers, std::uint64_t used,
                        std::chrono::nanoseconds now) noexcept;
    /// Of events that no check brings: `now` of the latest one that asked a server, and the time since.
    [[nodiscard]] std::chrono::nanoseconds present() const noexcept;
    void note_present(std::chrono::nanoseconds now, Instant at) noexcept;
    /// The next refusal of these clients is reported again.
    void forget_refusal(const Tiers& tiers) noexcept;
    // The caller wakes the exchange afterwards, with no lock held.
    void correct(const Correction& correction) noexcept { corrections.push(correction); }
    void request_refill(std::size_t tier, LeaseSeat& seat, const Moment& moment) noexcept;

    [[nodiscard]] std::string tag_of(std::size_t tier, std::uint64_t hash) const;
    [[nodiscard]] std::string key_of(const std::string& tag, const SharedWindow& window) const;

    const SharedOptions options; ///< without the password
    Guard local;                 ///< counts while a server is not to be had
    crypto::KeyedHmac names;     ///< of clients, as the server sees them
    std::array<std::uint64_t, tier_count> anonymous;
    std::array<SharedTier, tier_count> tiers;
    std::uint8_t limited = 0; ///< tiers that have limits
    std::size_t settled_windows = 0;
    Window lifetime; ///< of tickets
    bool logprobs_or_logit_bias = false;
    std::uint64_t token_cap = max_limit;
    std::uint64_t logprob_token_cap = max_limit;

    GuardTime time;
    Clock clock{time};
    std::atomic<std::uint64_t> clock_steps{0};
    std::atomic<std::int64_t> now_offset{0}; ///< of `now` to the steady clock, when a server was last asked, in ns
    Tickets tickets;
    std::unique_ptr<std::atomic<std::uint64_t>[]> marks; ///< of each ticket: that of `local`, then one a settled window
    EventQueue events;
    std::mutex taking_events;
    std::atomic<std::uint64_t> tickets_reported{0};
    std::array<std::atomic<std::uint64_t>, 4096> refused_clients{}; ///< whose refusal was reported
    struct alignas(64) Counters {
        std::atomic<std::uint64_t> admitted{0}, refused{0};
    };
    std::array<Counters, 16> counters;

    BoundedQueue<Correction, 16'384> corrections;
    BoundedQueue<RefillRequest, 16'384> refills;
    Exchange exchange; ///< last: its thread uses all the others
};

/// The limits of a process that counts alone.
[[nodiscard]] Limits shares_of(const Limits& limits, std::uint32_t replicas);

} // namespace weightseal::guard

#pragma once
// The guard: hard budgets for the clients of an inference server, in memory that is fixed from the start.
//
// Guard time is the running maximum of the `now` that callers pass, in ticks of half a millisecond. A step back of more
// than a sub-bucket, which is a sixteenth of the shortest window, is taken for a clock that was set: guard time goes on
// from where it was. A step forward frees at most one window. So read the clock just before each call.
//
// Cost belongs to the guard time of its check; a refused request costs nothing. For each client, budget and window the
// cost admitted in every half-open [t, t + window) is at most the limit, with reservations in full until they are
// settled, and for good where their ticket expires. Settling below the reservation gives the rest back to the
// sub-bucket of the check. Settling above is debt: an event, and nothing is admitted until it has left the window; only
// so can a window hold more than its limit. All budgets, windows and tiers admit a request, or none is charged. A cost
// above a limit is refused as such; otherwise a retry after `retry_after`, with nothing in between, succeeds.
//
// The price: a sub-bucket counts until all of it has left the window. A client that paces nine tenths of its limit
// evenly, in pieces of at most a twenty-fifth of it, is never refused as long as the table has room for it.
//
// In a full table, newcomers take the places of clients with low counts, and what those had used stays in a sketch that
// never tells too little, for as long as the window. Clients at their limit keep their places; where they are all there
// is, newcomers are charged to what they share, too.

#include "weightseal/guard/client_key.hpp" // ClientKey
#include "weightseal/guard/decision.hpp"   // Decision
#include "weightseal/guard/events.hpp"     // GuardEvent
#include "weightseal/guard/limits.hpp"     // Limits
#include "weightseal/guard/signals.hpp"    // Observation
#include "weightseal/keys/secret.hpp"      // Secret

#include <chrono>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace weightseal {

namespace guard {
struct State;
}

/// What a request costs, in units of the budgets. Every request also counts one of `concurrency`.
struct Costs {
    std::uint64_t queries = 1;
    std::uint64_t tokens = 0;
    std::uint64_t logprob_tokens = 0;
    std::uint64_t logit_bias_entries = 0;
};

/// What a completion request asks for, in the words of the usual APIs.
struct CompletionRequest {
    std::uint64_t prompts = 1;
    std::uint64_t n = 1;
    std::uint64_t best_of = 1;
    std::uint64_t input_tokens = 0; ///< of all prompts together
    std::uint64_t max_tokens = 0;   ///< of one completion
    bool logprobs = false;
    std::uint64_t logit_bias_entries = 0;
};

/// What a request has used when it ends.
struct Usage {
    std::uint64_t tokens = 0;
    std::uint64_t logprob_tokens = 0;
};

/// What became of a ticket.
enum class Settlement : std::uint8_t {
    settled = 0,
    in_debt = 1, ///< settled, and more was used than reserved
    expired = 2, ///< too late: the reservation stands
    unknown = 3, ///< no such ticket: settled before, or never given
};

/// Sums since the guard was made.
struct GuardCounters {
    std::uint64_t admitted = 0;
    std::uint64_t refused = 0;
    std::uint64_t inserted = 0; ///< clients that got a place in a table
    std::uint64_t evicted = 0;  ///< of these, how many whose counts went to the sketch to make room
    std::uint64_t overflow = 0; ///< admissions charged to what newcomers share, too
    std::uint64_t dropped_events = 0;
};

/// Thread-safe. `identify`, `check`, `settle` and `observe` neither allocate nor throw, and do not read the clock. They
/// take no lock that all clients share, except that `observe` counts the totals of the guard under one.
class Guard {
  public:
    /// @param secret  keys the hashes of clients, so that restarts and several processes give a client the same
    ///                pseudonym in events; without it, each guard has a random one
    /// Throws what `Limits::validate` throws, and `out_of_memory`.
    explicit Guard(const Limits& limits, const Secret& secret = {});
    /// One guard of several processes of one machine and user: they share its limits, counts, tickets and counters in a
    /// file of fixed size, best in /dev/shm, which the first one makes with mode 0600. `now` must be of one clock, such
    /// as CLOCK_MONOTONIC. Events and signals are each process's own. A process that is killed at any point holds up
    /// the others until the system has ended it, and lowers no count. The file stays, and with it the counts, until
    /// somebody removes it; `configure` refuses with `unsupported`.
    /// Throws `invalid_argument` without a secret, `unsupported_file` for a file that is not a regular one of this user
    /// alone, `not_a_shared_table` for one that holds something else, `shared_table_differs` for a table of other
    /// limits or another secret, and what the constructor and opening files throw.
    [[nodiscard]] static Guard open_shared(const std::filesystem::path& path, const Limits& limits,
                                           const Secret& secret);
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard();

    /// A client's key, which stays the same. Starts to load the client's counts, as `prefetch` does.
    [[nodiscard]] ClientKey identify(const Client& client) const noexcept;
    /// Starts to load a client's counts in its first windows, so that a check of it some hundred nanoseconds later
    /// waits less for memory. Waits for nothing itself.
    void prefetch(const ClientKey& client) const noexcept;

    /// What `request` costs: tokens are those of the input and the most that may come out, capped at the lowest limit
    /// there is, so that one long request alone is never above it.
    [[nodiscard]] Costs costs_of(const CompletionRequest& request) const noexcept;

    /// Admits a request and charges all its costs to all tiers of the client, or refuses it and charges none. A client
    /// without any tier that has limits is charged as the anonymous client of the first tier that has.
    /// @param now  any clock, since any epoch; a step back of more than the shortest window's sixteenth is taken for a
    ///             clock that was set, and guard time goes on from where it was
    [[nodiscard]] Decision check(const ClientKey& client, const Costs& costs, std::chrono::nanoseconds now) noexcept;

    /// Ends a request: frees its slot of `concurrency`, and gives back what was reserved and not used, to the time of
    /// its check. Usage above the reservation is charged, too, and puts the client in debt.
    Settlement settle(Ticket ticket, const Usage& usage, std::chrono::nanoseconds now) noexcept;

    /// Counts an admitted request for the signals, which raise events and refuse nothing; without `Limits::signals` it
    /// does nothing. Of clients with a name the name is observed, else the address. Hashing takes as long as the prompt
    /// is.
    void observe(const ClientKey& client, const Observation& observation, std::chrono::nanoseconds now) noexcept;

    /// Changes the limits. New numbers hold at once, and counts are kept. Where tiers, budgets, windows, the capacity
    /// or the lifetime of tickets change, old and new tables both decide until the longest old window has passed, and
    /// memory holds both. Thresholds of signals change at once; another number of `Signals::clients` starts signals
    /// anew. Throws what the constructor throws, and `limits_change_pending` when three earlier changes are still
    /// passing; nothing has changed then.
    void configure(const Limits& limits, std::chrono::nanoseconds now);
    [[nodiscard]] Limits limits() const;

    /// Releases tables whose time has passed; `configure` does that, too.
    void trim(std::chrono::nanoseconds now);

    /// Moves the oldest events to `to`; returns how many. Events wait in a queue of 4096; what does not fit is counted
    /// in `GuardCounters::dropped_events`.
    [[nodiscard]] std::size_t take_events(std::span<GuardEvent> to);

    /// What the client of an event is called outside the process: 32 hexadecimal digits, the same for all events of
    /// this secret, and without it no way back to a name. Throws `internal` when libcrypto does.
    [[nodiscard]] std::string pseudonym(Tier tier, std::uint64_t client) const;

    /// Bytes of memory that the guard has reserved.
    [[nodiscard]] std::size_t memory() const;
    [[nodiscard]] GuardCounters counters() const noexcept;
    /// That of the counters, without waiting for checks that run.
    [[nodiscard]] std::uint64_t dropped_events() const noexcept;

  private:
    explicit Guard(std::unique_ptr<guard::State> state) noexcept;

    std::unique_ptr<guard::State> state_;
};

} // namespace weightseal

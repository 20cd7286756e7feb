#pragma once
// Shared state: budgets that several processes and machines keep together on a Redis (7 or later) or Valkey server.
//
// The server counts, in its own time, with one script that runs as a whole: the same sub-buckets and the same promise
// as the guard in memory has. In each window of any client at most the limit is admitted, by all processes together, as
// long as the server keeps its data.
//
// In lease mode, `check` never waits. The server charges a chunk of a limit at once, and the process admits from it,
// only until the sub-bucket ends in which it was charged; more is fetched in the background. A small part of each limit
// is not the server's: every process may admit an `allowance` before it has asked, which is then charged to the server
// and free again. What is too large for that gets `lease_pending`; a moment later the lease is there.
// `check_leases` asks for none then, and leaves that request to `check_shared`, which has the server decide.
//
// Where the server does not answer as it should, the failure policy decides, until it does again. With policy `local` a
// process then admits at most a limit divided by `replicas` in each window, beyond what was admitted before.

#include "weightseal/guard/guard.hpp" // Costs, Decision, Settlement, …

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace weightseal {

namespace guard {
struct SharedState;
}

/// Whether requests wait for the server. The same in all processes that share counts.
enum class SharedMode : std::uint8_t {
    lease = 0, ///< `check` decides at once, from leases
    exact = 1, ///< the server decides each request, and the whole limit is its own
};

/// What becomes of requests while the server of their counts does not answer as it should.
enum class FailurePolicy : std::uint8_t {
    local = 0,  ///< each process admits its share: a limit divided by `replicas`
    open = 1,   ///< all are admitted, and not counted
    closed = 2, ///< all are refused
};

struct SharedOptions {
    /// `redis://[user[:password]@]host[:port][/database]`, `rediss://…` for TLS, or `unix:///path`. Of a Redis Cluster,
    /// any node.
    std::string url;
    std::string password;    ///< instead of one in `url`; empty: none
    std::string authorities; ///< PEM file of those who may vouch for a server of `rediss`; empty: the system's
    SharedMode mode = SharedMode::lease;
    FailurePolicy failure_policy = FailurePolicy::local;
    std::uint32_t replicas = 0;            ///< processes that share the counts, at most; 1 … 10⁶. Must be given
    std::chrono::milliseconds timeout{20}; ///< for the server's answer, 1 … 10000
    std::string prefix = "weightseal";     ///< of keys on the server: 1 … 64 printable characters, without { and }
    std::size_t leases = 65'536;           ///< clients of each tier that can hold leases at once, 8 … 2²⁴
    std::uint32_t connections = 64;        ///< to each server, for requests that wait: 1 … 256
};

/// A guard whose counts are on a server. Thread-safe. A child of fork must not use its parent's.
///
/// `now` is as for `Guard`, except that in lease mode it must be of a clock that runs: leases end by it. A clock that
/// was set back beyond a sub-bucket ends all leases.
class SharedGuard {
  public:
    /// Starts a thread that connects. The server need not be there: until it is, the failure policy decides.
    /// @param secret  keys the names of clients, which leave the process as HMAC-SHA-256 only; the same in all
    /// processes Throws what `Limits::validate` throws, `limits_out_of_range` for a limit below `replicas`,
    /// `bad_server_url`, and `invalid_argument` for other options or a missing secret.
    SharedGuard(const Limits& limits, const Secret& secret, const SharedOptions& options);
    SharedGuard(const SharedGuard&) = delete;
    SharedGuard& operator=(const SharedGuard&) = delete;
    ~SharedGuard();

    /// Waits for a connection, at most a second. Throws what stands against one: `server_unreachable`, `server_refused`
    /// (a wrong password, for example), `server_answer`.
    void connect();

    [[nodiscard]] ClientKey identify(const Client& client) const noexcept;
    /// As `Guard::costs_of`. Tokens are capped at what the server may admit at once.
    [[nodiscard]] Costs costs_of(const CompletionRequest& request) const noexcept;

    /// As `Guard::check`. In lease mode it neither allocates, waits nor throws; in exact mode it is `check_shared`.
    [[nodiscard]] Decision check(const ClientKey& client, const Costs& costs, std::chrono::nanoseconds now) noexcept;

    /// As `check` in lease mode, but asks for no lease: `lease_pending` is no decision then, is not counted, and says
    /// to ask by `check_shared`. Never waits; in exact mode nothing is ever leased.
    [[nodiscard]] Decision check_leases(const ClientKey& client, const Costs& costs,
                                        std::chrono::nanoseconds now) noexcept;

    /// As `check`, but never `lease_pending`: where no lease suffices it asks the server, and waits at most `timeout`.
    [[nodiscard]] Decision check_shared(const ClientKey& client, const Costs& costs,
                                        std::chrono::nanoseconds now) noexcept;

    /// As `Guard::settle`; never waits. The server hears of it later; what cannot be told it stays charged. Other
    /// processes admit a client in debt until what they have leased is used.
    Settlement settle(Ticket ticket, const Usage& usage, std::chrono::nanoseconds now) noexcept;

    /// As `Guard::take_events`.
    [[nodiscard]] std::size_t take_events(std::span<GuardEvent> to);

    /// True while the failure policy decides for some clients at least.
    [[nodiscard]] bool degraded() const noexcept;
    [[nodiscard]] std::size_t memory() const;
    /// Of all decisions; `inserted`, `evicted` and `overflow` are those of clients whom the process counted itself.
    [[nodiscard]] GuardCounters counters() const noexcept;

  private:
    std::unique_ptr<guard::SharedState> state_;
};

} // namespace weightseal

#include "guard/shared/state.hpp"

#include "crypto/codec.hpp" // to_hex
#include "crypto/hash.hpp"
#include "guard/limits_rules.hpp"
#include "weightseal/core/aligned_buffer.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <tuple>

namespace weightseal::guard {
namespace {

[[noreturn]] void refuse(const char* option, const char* what) {
    throw Error(Errc::invalid_argument, option, what);
}

const SharedOptions& validated(const SharedOptions& options, const Secret& secret) {
    if (!secret) refuse("secret", "is missing: all processes need the same one");
    if (options.replicas < 1 || options.replicas > 1'000'000) refuse("replicas", "must be 1 … 1000000");
    if (options.timeout < std::chrono::milliseconds(1) || options.timeout > std::chrono::seconds(10))
        refuse("timeout", "must be 1 … 10000 ms");
    if (options.leases < Leases::ways || options.leases > (std::size_t{1} << 24))
        refuse("leases", "must be 8 … 16777216");
    if (options.connections < 1 || options.connections > 256) refuse("connections", "must be 1 … 256");
    if (options.mode > SharedMode::exact) refuse("mode", "is none");
    if (options.failure_policy > FailurePolicy::closed) refuse("failure_policy", "is none");
    const bool printable =
        std::ranges::all_of(options.prefix, [](char c) { return c > ' ' && c < '\x7F' && c != '{' && c != '}'; });
    if (options.prefix.empty() || options.prefix.size() > 64 || !printable)
        refuse("prefix", "must be 1 … 64 printable characters without { and }");
    return options;
}

SharedOptions without_password(const SharedOptions& options) {
    SharedOptions copy;
    copy.mode = options.mode;
    copy.failure_policy = options.failure_policy;
    copy.replicas = options.replicas;
    copy.timeout = options.timeout;
    copy.prefix = options.prefix;
    copy.leases = options.leases;
    return copy;
}

Access access_of(const SharedOptions& options) {
    Access access;
    access.url = parse_server_url(options.url);
    if (!options.password.empty()) access.url.password = options.password;
    if (access.url.transport == Transport::tls)
        access.trust = std::make_shared<crypto::TlsContext>(options.authorities);
    return access;
}

ExchangeOptions exchange_options(const SharedOptions& options, std::function<std::uint64_t()> time) {
    return {options.timeout, options.connections, options.prefix + ":{probe}:probe", std::move(time)};
}

SharedWindow shared_window(const Limit& limit, std::uint32_t ticket_lifetime, const SharedOptions& options) {
    SharedWindow shared;
    shared.window = window_of(limit, ticket_lifetime);
    const std::uint64_t replicas = options.replicas;
    if (options.mode == SharedMode::lease && limit.limit >= 4 * replicas)
        shared.allowance = std::max<std::uint64_t>(1, limit.limit / (8 * replicas));
    shared.limit = limit.limit - shared.allowance * replicas;
    shared.chunk = std::max<std::uint64_t>(1, shared.limit / 32);
    shared.length = shared.window.ticks * (tick_ns / 1000);
    shared.suffix = fmt::format("{}.{}", budget_name(limit.budget), shared.window.seconds);
    return shared;
}

} // namespace

Limits shares_of(const Limits& limits, std::uint32_t replicas) {
    limits.validate();
    Limits shares = limits;
    const LimitsRules rules("limits");
    for (std::size_t i = 0; i < shares.limits.size(); ++i) {
        Limit& limit = shares.limits[i];
        rules.check_range(limit_field(i) + ".limit", limit.limit, {replicas, max_limit});
        limit.limit /= replicas;
        limit.overflow_limit = std::min(limit.limit, limit.overflow_limit / replicas);
    }
    return shares;
}

SharedState::SharedState(const Limits& limits, const Secret& secret, const SharedOptions& wanted,
                         std::function<std::uint64_t()> server_time)
    : options(without_password(validated(wanted, secret))), local(shares_of(limits, wanted.replicas), secret),
      anonymous(), lifetime(window_of({.budget = Budget::concurrency}, limits.ticket_lifetime)),
      logprobs_or_logit_bias(limits.logprobs_or_logit_bias), tickets(limits.tickets),
      exchange(access_of(wanted), exchange_options(wanted, std::move(server_time)), *this) {
    std::array<std::byte, 32 + sizeof anonymous> derived;
    crypto::hkdf_expand(secret.bytes(), as_bytes("weightseal/v1/guard/shared"), derived);
    names.set_key(std::span(derived).first<32>());
    std::memcpy(&anonymous, derived.data() + 32, sizeof anonymous);
    wipe(derived);
    std::uint64_t shortest = lifetime.ticks;
    std::uint64_t everything = lifetime.everything();
    for (const Limit& limit : limits.limits) {
        const auto tier = static_cast<std::size_t>(limit.tier);
        const SharedWindow& window =
            tiers[tier].windows.emplace_back(shared_window(limit, limits.ticket_lifetime, wanted));
        limited = static_cast<std::uint8_t>(limited | 1U << tier);
        shortest = std::min(shortest, window.window.ticks);
        everything = std::max(everything, window.window.everything());
        if (limit.budget == Budget::tokens) token_cap = std::min(token_cap, window.limit);
        if (limit.budget == Budget::logprob_tokens) logprob_token_cap = std::min(logprob_token_cap, window.limit);
    }
    clock.set(shortest, everything);
    for (SharedTier& tier : tiers) {
        std::ranges::sort(tier.windows, {},
                          [](const SharedWindow& w) { return std::tuple(w.window.budget, w.window.seconds); });
        for (SharedWindow& window : tier.windows)
            if (window.is_settled()) window.mark = settled_windows++;
        if (wanted.mode == SharedMode::lease && !tier.windows.empty())
            tier.leases = std::make_unique<Leases>(wanted.leases, tier.windows.size());
    }
    const std::size_t count = tickets.count() * (1 + settled_windows);
    marks = std::make_unique<std::atomic<std::uint64_t>[]>(count);
    exchange.start();
}

SharedState::~SharedState() = default;

Tiers SharedState::tiers_of(const ClientKey& client) const noexcept {
    Tiers found{client.hashes, static_cast<std::uint8_t>(client.tiers & limited)};
    if (found.mask == 0) { // nobody goes unlimited for telling nothing
        const auto tier = static_cast<std::size_t>(std::countr_zero(limited));
        found.mask = static_cast<std::uint8_t>(1U << tier);
        found.hashes[tier] = anonymous[tier];
    }
    return found;
}

std::string SharedState::tag_of(std::size_t tier, std::uint64_t hash) const {
    std::array<std::byte, 9> identity{static_cast<std::byte>(tier)};
    store_le(identity, 1, hash);
    return crypto::to_hex(Bytes(names.of(identity)).first(16));
}

std::string SharedState::key_of(const std::string& tag, const SharedWindow& window) const {
    std::string key;
    key.reserve(options.prefix.size() + tag.size() + window.suffix.size() + 4);
    return key.append(options.prefix).append(":{").append(tag).append("}:").append(window.suffix);
}

Moment SharedState::moment_of(std::chrono::nanoseconds now) noexcept {
    const Moment moment = clock.advance(now.count());
    if (moment.stepped_back) {
        clock_steps.fetch_add(1);
        events.push({.kind = GuardEventKind::clock_stepped_back, .now = now});
    }
    return moment;
}

Decision SharedState::check(const ClientKey& client, const Costs& costs, std::chrono::nanoseconds now,
                            Asks asks) noexcept {
    if (options.mode == SharedMode::exact && asks == Asks::lease) asks = Asks::decision;
    const Tiers who = tiers_of(client);
    const Units units{costs.queries, costs.tokens, 1, costs.logprob_tokens, costs.logit_bias_entries};
    const Moment moment = moment_of(now);
    Decision decision;
    if (logprobs_or_logit_bias && costs.logprob_tokens != 0 && costs.logit_bias_entries != 0) {
        decision.reason = Reason::logprobs_with_logit_bias;
    } else {
        decision.reason = Reason::lease_pending;
        if (options.mode == SharedMode::lease) decision = check_leases(who, costs, units, moment, now, asks);
        if (decision.reason == Reason::lease_pending && asks == Asks::decision) {
            try {
                decision = check_server(who, costs, units, moment, now);
            } catch (const std::exception&) { // no memory
                decision = check_policy(who, who.mask, costs, now);
            }
        }
    }
    if (decision.reason == Reason::lease_pending && asks == Asks::nothing) return decision; // it is none
    Counters& count = counters[who.hashes[static_cast<std::size_t>(std::countr_zero(who.mask))] % counters.size()];
    (decision.allowed ? count.admitted : count.refused).fetch_add(1, std::memory_order_relaxed);
    return decision;
}

Decision SharedState::check_policy(const Tiers& who, std::uint8_t mask, const Costs& costs,
                                   std::chrono::nanoseconds now) noexcept {
    if (options.failure_policy == FailurePolicy::local) return local.check({who.hashes, mask}, costs, now);
    Decision decision;
    decision.allowed = options.failure_policy == FailurePolicy::open;
    if (!decision.allowed) {
        decision.reason = Reason::server_unavailable;
        decision.retry_after = Breaker::longest_pause;
    }
    return decision;
}

Ticket SharedState::issue_ticket(const Tiers& who, std::uint8_t mask, const Costs& costs, const Moment& moment,
                                 std::chrono::nanoseconds now, Ticket local_ticket,
                                 std::span<const std::uint64_t> of_windows) noexcept {
    if (settled_windows == 0) return 0;
    Reservation reservation;
    reservation.tick = moment.tick;
    reservation.expires = lifetime.start(lifetime.bucket(moment.tick) + Ring::slots);
    reservation.hashes = who.hashes;
    reservation.tiers = mask;
    reservation.tokens = costs.tokens;
    reservation.logprob_tokens = costs.logprob_tokens;
    const Ticket ticket = tickets.issue(reservation);
    if (ticket == 0) {
        std::uint64_t reported = tickets_reported.load(std::memory_order_relaxed);
        const std::uint64_t second = moment.tick / ticks_per_second + 1;
        if (reported < second && tickets_reported.compare_exchange_strong(reported, second))
            events.push({.kind = GuardEventKind::tickets_exhausted, .now = now});
        return 0;
    }
    std::atomic<std::uint64_t>* const own = &marks[Tickets::number_of(ticket) * (1 + settled_windows)];
    own[0].store(local_ticket, std::memory_order_relaxed);
    for (std::size_t i = 0; i < settled_windows; ++i)
        own[1 + i].store(of_windows[i], std::memory_order_relaxed);
    return ticket;
}

void SharedState::report_refusal(const Decision& decision, const Tiers& who, std::uint64_t used,
                                 std::chrono::nanoseconds now) noexcept {
    const std::uint64_t hash = who.hashes[static_cast<std::size_t>(decision.tier)];
    std::atomic<std::uint64_t>& last = refused_clients[hash % refused_clients.size()];
    if (last.exchange(hash, std::memory_order_relaxed) == hash) return;
    events.push({.kind = GuardEventKind::limit_reached,
                 .tier = decision.tier,
                 .budget = decision.budget,
                 .window = decision.window,
                 .limit = decision.limit,
                 .used = used,
                 .client = hash,
                 .now = now});
}

std::chrono::nanoseconds SharedState::present() const noexcept {
    return later(std::chrono::steady_clock::now().time_since_epoch(),
                 std::chrono::nanoseconds(now_offset.load(std::memory_order_relaxed)));
}

void SharedState::note_present(std::chrono::nanoseconds now, Instant at) noexcept {
    now_offset.store(later(now, -at.time_since_epoch()).count(), std::memory_order_relaxed);
}

void SharedState::forget_refusal(const Tiers& who) noexcept {
    for (unsigned mask = who.mask; mask != 0; mask &= mask - 1) {
        std::uint64_t hash = who.hashes[static_cast<std::size_t>(std::countr_zero(mask))];
        std::atomic<std::uint64_t>& last = refused_clients[hash % refused_clients.size()];
        if (last.load(std::memory_order_relaxed) == hash) last.compare_exchange_strong(hash, 0);
    }
}

void SharedState::changed(bool degraded, Errc reason) {
    events.push({.kind = degraded ? GuardEventKind::shared_degraded : GuardEventKind::shared_restored,
                 .used = degraded ? static_cast<std::uint64_t>(reason) : 0,
                 .now = present()});
}

std::size_t SharedState::take_events(std::span<GuardEvent> to) {
    const std::lock_guard lock(taking_events);
    std::size_t count = 0;
    while (count < to.size() && events.pop(to[count]))
        ++count;
    return count + local.take_events(to.subspan(count));
}

std::size_t SharedState::memory() const {
    std::size_t bytes = sizeof *this + local.memory() + tickets.memory() +
                        tickets.count() * (1 + settled_windows) * sizeof(std::uint64_t);
    for (const SharedTier& tier : tiers)
        if (tier.leases) bytes += sizeof(Leases) + tier.leases->memory();
    return bytes;
}

GuardCounters SharedState::sums() const noexcept {
    GuardCounters sum = local.counters();
    sum.admitted = sum.refused = 0; // of these, it saw only some
    for (const Counters& count : counters) {
        sum.admitted += count.admitted.load(std::memory_order_relaxed);
        sum.refused += count.refused.load(std::memory_order_relaxed);
    }
    sum.dropped_events += events.dropped();
    return sum;
}

} // namespace weightseal::guard

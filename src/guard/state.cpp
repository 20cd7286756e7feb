#include "guard/state.hpp"

#include "crypto/hash.hpp"
#include "crypto/sodium.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>

namespace weightseal::guard {

Standstill::Standstill(State& state) noexcept : state_(state) {
    for (std::size_t i = 0; i < stripe_count; ++i) // in the order in which checks take them
        state_.lock(i);
}

Standstill::~Standstill() {
    for (std::size_t i = 0; i < stripe_count; ++i)
        state_.unlock(i);
}

namespace {

bool same_windows(std::span<const Window> a, std::span<const Window> b) {
    return std::ranges::equal(
        a, b, [](const Window& x, const Window& y) { return x.budget == y.budget && x.seconds == y.seconds; });
}

bool same_tables(const Limits& a, const Limits& b) {
    if (a.capacity != b.capacity || a.ticket_lifetime != b.ticket_lifetime) return false;
    for (std::size_t tier = 0; tier < tier_count; ++tier)
        if (!same_windows(windows_of(a, static_cast<Tier>(tier)), windows_of(b, static_cast<Tier>(tier)))) return false;
    return true;
}

const Limits& validated(const Limits& limits) {
    limits.validate();
    return limits;
}

bool is_settled(Budget budget) noexcept {
    return budget == Budget::tokens || budget == Budget::logprob_tokens || budget == Budget::concurrency;
}

std::uint64_t lowest_limit(const Limits& limits, Budget budget) {
    std::uint64_t lowest = max_limit;
    for (const Limit& limit : limits.limits)
        if (limit.budget == budget) lowest = std::min(lowest, limit.limit);
    return lowest;
}

bool same_monitor(const Limits& a, const Limits& b) {
    if (!a.signals || !b.signals) return !a.signals && !b.signals;
    return a.signals->clients == b.signals->clients;
}

// Whatever windows the old and the new tables have in common gets its new number at once.
void update(Generation& generation, const Limits& limits) noexcept {
    for (const Limit& limit : limits.limits)
        if (const auto& table = generation.tables[static_cast<std::size_t>(limit.tier)])
            table->set_limit(window_of(limit, limits.ticket_lifetime));
}

} // namespace

State::State(const Limits& wanted, const Secret& secret)
    : State(validated(wanted), secret ? secret : Secret::random(), std::unique_ptr<SharedTable>()) {}

State::State(const Limits& wanted, const Secret& secret, const std::filesystem::path& path)
    : State(wanted, secret, std::make_unique<SharedTable>(path, validated(wanted), secret)) {}

State::State(const Limits& wanted, const Secret& key, std::unique_ptr<SharedTable> table)
    : shared(std::move(table)), own_commons(shared ? nullptr : std::make_unique<Commons>()),
      commons(shared ? shared->commons() : *own_commons), mutexes(shared ? shared->mutexes() : nullptr),
      clock(commons.time), tickets(shared ? Tickets(wanted.tickets, shared->tickets()) : Tickets(wanted.tickets)),
      hash_keys(), anonymous(), prompt_key() {
    crypto::require_sodium();
    std::array<std::byte, sizeof hash_keys + sizeof anonymous> derived;
    crypto::hkdf_expand(key.bytes(), as_bytes("weightseal/v1/guard/hash"), derived);
    std::memcpy(&hash_keys, derived.data(), sizeof hash_keys);
    std::memcpy(&anonymous, derived.data() + sizeof hash_keys, sizeof anonymous);
    wipe(derived);
    crypto::hkdf_expand(key.bytes(), as_bytes("weightseal/v1/guard/prompt"), prompt_key);
    pseudonym_key = Secret::make([&](std::span<std::byte, secret_size> to) {
        crypto::hkdf_expand(key.bytes(), as_bytes("weightseal/v1/guard/pseudonym"), to);
    });
    generations.reserve(max_generations);
    generations.push_back(make_generation(wanted));
    monitor = make_monitor(wanted);
    limits = wanted;
    follow(limits);
}

std::unique_ptr<Generation> State::make_generation(const Limits& wanted) const {
    auto generation = std::make_unique<Generation>();
    generation->version = generations.empty() ? 1 : generations.back()->version + 1;
    for (std::size_t tier = 0; tier < tier_count; ++tier)
        if (auto windows = windows_of(wanted, static_cast<Tier>(tier)); !windows.empty())
            generation->tables[tier] =
                shared ? std::make_unique<Table>(std::move(windows), wanted.capacity, shared->table(tier))
                       : std::make_unique<Table>(std::move(windows), wanted.capacity);
    return generation;
}

std::unique_ptr<Monitor> State::make_monitor(const Limits& wanted) const {
    if (!wanted.signals) return nullptr;
    return std::make_unique<Monitor>(*wanted.signals, anonymous[0]);
}

void State::lock_mutex(std::size_t stripe) noexcept {
    if (!mutexes[stripe].lock()) return;
    if (const auto& table = generations.back()->tables[stripe / shard_count]) table->repair(stripe % shard_count);
    mutexes[stripe].set_repaired();
}

void State::unlock_mutex(std::size_t stripe) noexcept {
    if (const auto& table = generations.back()->tables[stripe / shard_count]) table->commit(stripe % shard_count);
    mutexes[stripe].unlock();
}

// What follows from the limits and the generations. The caller holds all locks, or is the constructor.
void State::follow(const Limits& wanted) noexcept {
    lifetime = window_of({.budget = Budget::concurrency}, wanted.ticket_lifetime);
    needs_tickets = false;
    logprobs_or_logit_bias = wanted.logprobs_or_logit_bias;
    token_cap.store(lowest_limit(wanted, Budget::tokens), std::memory_order_relaxed);
    logprob_token_cap.store(lowest_limit(wanted, Budget::logprob_tokens), std::memory_order_relaxed);
    LimitedTiers limited;
    std::uint64_t shortest = lifetime.ticks;
    std::uint64_t everything = lifetime.everything();
    for (const auto& generation : generations) {
        limited.newest = 0;
        for (std::size_t tier = 0; tier < tier_count; ++tier) {
            if (!generation->tables[tier]) continue;
            limited.newest = static_cast<std::uint8_t>(limited.newest | 1U << tier);
            for (const Window& window : generation->tables[tier]->windows()) {
                shortest = std::min(shortest, window.ticks);
                everything = std::max(everything, window.everything());
                needs_tickets = needs_tickets || is_settled(window.budget); // what old tables reserve is settled, too
            }
        }
        limited.any |= limited.newest;
    }
    for (std::size_t tier = 0; tier < tier_count; ++tier) {
        const Table* const table = generations.back()->tables[tier].get();
        homes[tier].slots.store(table == nullptr ? 0 : reinterpret_cast<std::uintptr_t>(table->slots()),
                                std::memory_order_relaxed);
        homes[tier].slots_of_shard.store(table == nullptr ? 0 : table->slots_of_shard(), std::memory_order_relaxed);
        homes[tier].shard_bytes.store(table == nullptr ? 0 : table->shard_bytes(), std::memory_order_relaxed);
    }
    tiers.store(limited, std::memory_order_relaxed);
    observes.store(monitor != nullptr, std::memory_order_relaxed);
    if (monitor) everything = std::max(everything, hours_per_day * seconds_per_hour * ticks_per_second); // their window
    clock.set(shortest, everything);
}

void State::retire(std::uint64_t tick, std::vector<std::unique_ptr<Generation>>& retired) noexcept {
    for (std::size_t i = 0; i + 1 < generations.size();) {
        if (tick < generations[i]->retires_at) {
            ++i;
            continue;
        }
        retired.push_back(std::move(generations[i]));
        generations.erase(generations.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void State::configure(const Limits& wanted, std::chrono::nanoseconds now) {
    wanted.validate();
    const std::lock_guard lock(configuring);
    if (shared) throw Error(Errc::unsupported, "limits", "those of a shared table cannot change while it is in use");
    if (wanted.tickets != limits.tickets)
        throw Error(Errc::unsupported, "limits", "tickets: their number cannot change while a guard runs");
    Limits copy = wanted;
    const bool in_place = same_tables(limits, wanted);
    std::unique_ptr<Generation> fresh = in_place ? nullptr : make_generation(wanted);
    const bool same = same_monitor(limits, wanted);
    std::unique_ptr<Monitor> other = same ? nullptr : make_monitor(wanted);
    std::vector<std::unique_ptr<Generation>> retired; // freed, as `other` is, once all locks are free
    retired.reserve(max_generations);
    {
        const Standstill all(*this);
        const std::uint64_t tick = clock.advance(now.count()).tick;
        retire(tick, retired);
        if (fresh && generations.size() == max_generations)
            throw Error(Errc::limits_change_pending, "limits", "earlier changes are still passing; try again later");
        for (const auto& generation : generations)
            update(*generation, wanted);
        if (fresh) {
            std::uint64_t longest = 0;
            for (const auto& table : generations.back()->tables)
                if (table)
                    for (const Window& window : table->windows())
                        longest = std::max(longest, window.everything());
            generations.back()->retires_at = tick + longest;
            generations.push_back(std::move(fresh));
        }
        if (!same) {
            monitor.swap(other);
            if (monitor) monitor->begin(tick);
        } else if (monitor) {
            monitor->set(*wanted.signals);
        }
        follow(wanted);
    }
    limits = std::move(copy);
    events.push({.kind = GuardEventKind::limits_changed, .now = now});
}

void State::trim(std::chrono::nanoseconds now) {
    const std::lock_guard lock(configuring);
    if (shared) return; // its tables stay
    std::vector<std::unique_ptr<Generation>> retired;
    retired.reserve(max_generations);
    const Standstill all(*this);
    retire(clock.advance(now.count()).tick, retired);
    follow(limits);
}

} // namespace weightseal::guard

#include "weightseal/guard/guard.hpp"

#include "crypto/codec.hpp"
#include "crypto/hash.hpp"
#include "guard/costs.hpp"
#include "guard/state.hpp"
#include "weightseal/core/error.hpp"

#include <bit>

namespace weightseal {

Guard::Guard(const Limits& limits, const Secret& secret) : state_(std::make_unique<guard::State>(limits, secret)) {}

Guard::Guard(std::unique_ptr<guard::State> state) noexcept : state_(std::move(state)) {}

Guard Guard::open_shared(const std::filesystem::path& path, const Limits& limits, const Secret& secret) {
    if (!secret) throw Error(Errc::invalid_argument, "shared memory", "needs a secret that all processes have");
    return Guard(std::make_unique<guard::State>(limits, secret, path));
}

Guard::~Guard() = default;

ClientKey Guard::identify(const Client& client) const noexcept {
    ClientKey key;
    const auto set = [&](Tier tier, Bytes bytes) {
        const auto t = static_cast<std::size_t>(tier);
        key.hashes[t] = crypto::short_hash(state_->hash_keys[t], bytes);
        key.tiers = static_cast<std::uint8_t>(key.tiers | 1U << t);
    };
    if (client.name) set(Tier::client, as_bytes(*client.name));
    if (client.pool) set(Tier::pool, as_bytes(*client.pool));
    if (client.address) {
        const Bytes bytes = std::as_bytes(std::span(client.address->bytes));
        if (client.address->is_v6) {
            set(Tier::address, bytes.first(8));
            set(Tier::network_56, bytes.first(7));
            set(Tier::network_48, bytes.first(6));
        } else {
            set(Tier::address, bytes.first(4));
        }
    }
    prefetch(key);
    return key;
}

void Guard::prefetch(const ClientKey& client) const noexcept {
    for (unsigned tiers = client.tiers & ((1U << tier_count) - 1); tiers != 0; tiers &= tiers - 1) {
        const auto tier = static_cast<std::size_t>(std::countr_zero(tiers));
        state_->prefetch(tier, client.hashes[tier]);
    }
}

Costs Guard::costs_of(const CompletionRequest& request) const noexcept {
    return guard::costs_of(request, state_->token_cap.load(std::memory_order_relaxed),
                           state_->logprob_token_cap.load(std::memory_order_relaxed));
}

Decision Guard::check(const ClientKey& client, const Costs& costs, std::chrono::nanoseconds now) noexcept {
    return state_->check(client, costs, now);
}

Settlement Guard::settle(Ticket ticket, const Usage& usage, std::chrono::nanoseconds now) noexcept {
    return state_->settle(ticket, usage, now);
}

void Guard::observe(const ClientKey& client, const Observation& observation, std::chrono::nanoseconds now) noexcept {
    state_->observe(client, observation, now);
}

void Guard::configure(const Limits& limits, std::chrono::nanoseconds now) {
    state_->configure(limits, now);
}

Limits Guard::limits() const {
    const std::lock_guard lock(state_->configuring);
    return state_->limits;
}

void Guard::trim(std::chrono::nanoseconds now) {
    state_->trim(now);
}

std::size_t Guard::take_events(std::span<GuardEvent> to) {
    const std::lock_guard lock(state_->taking_events);
    std::size_t count = 0;
    while (count < to.size() && state_->events.pop(to[count]))
        ++count;
    return count;
}

std::string Guard::pseudonym(Tier tier, std::uint64_t client) const {
    std::array<std::byte, 1 + sizeof client> data{static_cast<std::byte>(tier)};
    store_le(data, 1, client);
    return crypto::to_hex(Bytes(crypto::hmac_sha256(state_->pseudonym_key.bytes(), data)).first(16));
}

std::uint64_t Guard::dropped_events() const noexcept {
    return state_->events.dropped();
}

std::size_t Guard::memory() const {
    const std::lock_guard lock(state_->configuring);
    std::size_t bytes = sizeof(guard::State) + state_->tickets.memory() +
                        (state_->shared ? state_->shared->memory() : sizeof(guard::Commons));
    for (const auto& generation : state_->generations)
        for (const auto& table : generation->tables)
            if (table) bytes += sizeof(guard::Table) + table->memory();
    if (state_->monitor) bytes += state_->monitor->memory();
    return bytes;
}

GuardCounters Guard::counters() const noexcept {
    GuardCounters sum;
    for (std::size_t i = 0; i < guard::stripe_count; ++i) {
        state_->lock(i);
        const guard::Stripe& stripe = state_->commons.stripes[i];
        sum.admitted += stripe.admitted;
        sum.refused += stripe.refused;
        sum.inserted += stripe.inserted;
        sum.evicted += stripe.evicted;
        sum.overflow += stripe.overflow;
        state_->unlock(i);
    }
    sum.dropped_events = state_->events.dropped();
    return sum;
}

} // namespace weightseal

// Observing: what a request looks like goes to the signals of its client, its pool and the guard.

#include "guard/state.hpp"

#include <bit>

namespace weightseal::guard {
namespace {

std::optional<std::uint64_t> prompt_of(const Observation& observation, const crypto::ShortHashKey& key) noexcept {
    if (observation.prompt) return crypto::short_hash(key, as_bytes(*observation.prompt));
    if (!observation.prompt_hash) return std::nullopt;
    // Once more, so that any hash will do that tells prompts apart.
    return crypto::short_hash(key, std::as_bytes(std::span(&*observation.prompt_hash, 1)));
}

std::optional<std::uint64_t> pool_of(const ClientKey& client) noexcept {
    constexpr auto pool = static_cast<std::size_t>(Tier::pool);
    if ((client.tiers >> pool & 1) == 0) return std::nullopt;
    return client.hashes[pool];
}

// The tier that says most.
std::optional<Observed> client_of(const ClientKey& client) noexcept {
    const unsigned tiers = client.tiers & ~(1U << static_cast<unsigned>(Tier::pool));
    if (tiers == 0) return std::nullopt;
    const auto tier = static_cast<std::size_t>(std::countr_zero(tiers));
    return Observed{static_cast<Tier>(tier), client.hashes[tier]};
}

} // namespace

void State::observe(const ClientKey& client, const Observation& observation, std::chrono::nanoseconds now) noexcept {
    if (!observes.load(std::memory_order_relaxed)) return;
    Sample sample;
    sample.prompt = prompt_of(observation, prompt_key);
    sample.logprobs = observation.logprobs;
    sample.logit_bias = observation.logit_bias_entries != 0;
    const auto report = [&](GuardEvent event) {
        event.now = now;
        events.push(event);
    };
    const Entry entry(*this, client); // what the limits determine stays
    const Moment moment = clock.advance(now.count());
    if (moment.stepped_back) report({.kind = GuardEventKind::clock_stepped_back});
    if (monitor) monitor->observe(client_of(client), pool_of(client), sample, moment.tick, report);
}

} // namespace weightseal::guard

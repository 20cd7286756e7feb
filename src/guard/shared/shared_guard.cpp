#include "weightseal/guard/shared.hpp"

#include "guard/costs.hpp"
#include "guard/shared/state.hpp"

namespace weightseal {

SharedGuard::SharedGuard(const Limits& limits, const Secret& secret, const SharedOptions& options)
    : state_(std::make_unique<guard::SharedState>(limits, secret, options)) {}

SharedGuard::~SharedGuard() = default;

void SharedGuard::connect() {
    const guard::Instant deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    (void)state_->exchange.ask(state_->exchange.probe(), deadline);
}

ClientKey SharedGuard::identify(const Client& client) const noexcept {
    return state_->local.identify(client);
}

Costs SharedGuard::costs_of(const CompletionRequest& request) const noexcept {
    return guard::costs_of(request, state_->token_cap, state_->logprob_token_cap);
}

Decision SharedGuard::check(const ClientKey& client, const Costs& costs, std::chrono::nanoseconds now) noexcept {
    return state_->check(client, costs, now, guard::Asks::lease);
}

Decision SharedGuard::check_leases(const ClientKey& client, const Costs& costs, std::chrono::nanoseconds now) noexcept {
    return state_->check(client, costs, now, guard::Asks::nothing);
}

Decision SharedGuard::check_shared(const ClientKey& client, const Costs& costs, std::chrono::nanoseconds now) noexcept {
    return state_->check(client, costs, now, guard::Asks::decision);
}

Settlement SharedGuard::settle(Ticket ticket, const Usage& usage, std::chrono::nanoseconds now) noexcept {
    return state_->settle(ticket, usage, now);
}

std::size_t SharedGuard::take_events(std::span<GuardEvent> to) {
    return state_->take_events(to);
}

bool SharedGuard::degraded() const noexcept {
    return state_->exchange.degraded();
}

std::size_t SharedGuard::memory() const {
    return state_->memory();
}

GuardCounters SharedGuard::counters() const noexcept {
    return state_->sums();
}

} // namespace weightseal

// The guard. What runs once for each request allocates nothing: exceptions there are of misuse only.

#include "guard.hpp"

SAME(WSEAL_TIER_POOL, weightseal::Tier::pool);
SAME(WSEAL_BUDGET_LOGIT_BIAS_ENTRIES, weightseal::Budget::logit_bias_entries);
SAME(WSEAL_BUDGET_COUNT, weightseal::budget_count);
SAME(WSEAL_FORWARDED, weightseal::ForwardedHeader::forwarded);
SAME(WSEAL_SERVER_UNAVAILABLE, weightseal::Reason::server_unavailable);
SAME(WSEAL_TICKET_UNKNOWN, weightseal::Settlement::unknown);
SAME(WSEAL_EVENT_SHARED_RESTORED, weightseal::GuardEventKind::shared_restored);
#undef SAME

using namespace weightseal;
using namespace weightseal::capi;

using std::chrono::nanoseconds;

namespace weightseal::capi {
namespace {

std::optional<std::string_view> text_of(const char* data, std::size_t size) noexcept {
    if (data == nullptr) return std::nullopt;
    return std::string_view(data, size);
}

} // namespace

Limits to_limits(const char* json, std::size_t size) {
    return json == nullptr ? Limits{} : Limits::parse({json, size});
}

Proxies to_proxies(const wseal_guard_options& c) {
    if (c.forwarded_header > WSEAL_FORWARDED)
        throw Error(Errc::invalid_argument, "forwarded_header", "is no header that this library knows");
    if (c.trusted_proxies_count != 0) require(c.trusted_proxies);
    Proxies proxies;
    proxies.header = static_cast<ForwardedHeader>(c.forwarded_header);
    proxies.trusted.reserve(c.trusted_proxies_count);
    for (std::size_t i = 0; i < c.trusted_proxies_count; ++i) {
        require(c.trusted_proxies[i]);
        proxies.trusted.push_back(Network::parse(c.trusted_proxies[i]));
    }
    return proxies;
}

Secret to_secret(const wseal_guard_options& c) {
    if (c.secret == nullptr) return {};
    return Secret::copy_of(std::as_bytes(std::span<const uint8_t, secret_size>(c.secret, secret_size)));
}

Client to_client(const Proxies& proxies, const wseal_client* client) {
    static constexpr wseal_client nobody = WSEAL_CLIENT_INIT;
    const wseal_client c = copy_options(client, nobody);
    Client who;
    who.name = text_of(c.name, c.name_size);
    who.pool = text_of(c.pool, c.pool_size);
    if (c.peer == nullptr) return who;
    const std::optional<Address> peer = Address::parse({c.peer, c.peer_size});
    if (!peer) throw Error(Errc::bad_address, "peer", "is no address of the Internet");
    who.address =
        client_address(*peer, text_of(c.forwarded, c.forwarded_size).value_or(""), proxies.header, proxies.trusted);
    return who;
}

CompletionRequest to_request(const wseal_request* request) {
    static constexpr wseal_request plain = WSEAL_REQUEST_INIT;
    const wseal_request c = copy_options(request, plain);
    return {.prompts = c.prompts,
            .n = c.n,
            .best_of = c.best_of,
            .input_tokens = c.input_tokens,
            .max_tokens = c.max_tokens,
            .logprobs = c.logprobs != 0,
            .logit_bias_entries = c.logit_bias_entries};
}

Usage to_usage(const wseal_usage* usage) {
    static constexpr wseal_usage nothing = WSEAL_USAGE_INIT;
    const wseal_usage c = copy_options(usage, nothing);
    return {c.tokens, c.logprob_tokens};
}

wseal_decision to_c(const Decision& decision) noexcept {
    wseal_decision c = WSEAL_DECISION_INIT;
    c.allowed = decision.allowed ? 1 : 0;
    c.reason = static_cast<std::uint32_t>(decision.reason);
    c.tier = static_cast<std::uint32_t>(decision.tier);
    c.budget = static_cast<std::uint32_t>(decision.budget);
    c.refused_by = decision.refused_by;
    c.window = decision.window;
    c.limit = decision.limit;
    c.remaining = decision.remaining;
    c.retry_after = decision.retry_after.count();
    c.reset_after = decision.reset_after.count();
    c.ticket = decision.ticket;
    c.overflow = decision.overflow ? 1 : 0;
    return c;
}

wseal_guard_event to_c(const GuardEvent& event) noexcept {
    wseal_guard_event c = WSEAL_GUARD_EVENT_INIT;
    c.kind = static_cast<std::uint32_t>(event.kind);
    c.tier = static_cast<std::uint32_t>(event.tier);
    c.budget = static_cast<std::uint32_t>(event.budget);
    c.window = event.window;
    c.limit = event.limit;
    c.used = event.used;
    c.client = event.client;
    c.now = event.now.count();
    return c;
}

wseal_guard_counters to_c(const GuardCounters& counters, std::size_t memory) noexcept {
    wseal_guard_counters c = WSEAL_GUARD_COUNTERS_INIT;
    c.admitted = counters.admitted;
    c.refused = counters.refused;
    c.inserted = counters.inserted;
    c.evicted = counters.evicted;
    c.overflow = counters.overflow;
    c.dropped_events = counters.dropped_events;
    c.memory = memory;
    return c;
}

} // namespace weightseal::capi

namespace {

Decision to_decision(const wseal_decision& c) {
    if (c.reason > WSEAL_SERVER_UNAVAILABLE || c.tier >= tier_count || c.budget >= budget_count)
        throw Error(Errc::invalid_argument, "decision", "is none of this library");
    Decision decision;
    decision.allowed = c.allowed != 0;
    decision.reason = static_cast<Reason>(c.reason);
    decision.tier = static_cast<Tier>(c.tier);
    decision.budget = static_cast<Budget>(c.budget);
    decision.window = c.window;
    decision.limit = c.limit;
    decision.remaining = c.remaining;
    decision.retry_after = nanoseconds(c.retry_after);
    decision.reset_after = nanoseconds(c.reset_after);
    return decision;
}

} // namespace

extern "C" {

const char* wseal_tier_name(uint32_t tier) {
    return tier < tier_count ? tier_name(static_cast<Tier>(tier)).data() : nullptr; // names are literals
}

const char* wseal_budget_name(uint32_t budget) {
    return budget < budget_count ? budget_name(static_cast<Budget>(budget)).data() : nullptr;
}

const char* wseal_reason_name(uint32_t reason) {
    return reason <= WSEAL_SERVER_UNAVAILABLE ? reason_name(static_cast<Reason>(reason)) : nullptr;
}

const char* wseal_guard_event_name(uint32_t kind) {
    return kind <= WSEAL_EVENT_SHARED_RESTORED ? event_name(static_cast<GuardEventKind>(kind)) : nullptr;
}

wseal_status wseal_guard_new(const char* limits, size_t limits_size, const wseal_guard_options* options,
                             wseal_guard** own_guard, wseal_error* error) {
    return guarded(error, [&] {
        require(own_guard);
        static constexpr wseal_guard_options defaults = WSEAL_GUARD_OPTIONS_INIT;
        const wseal_guard_options c = copy_options(options, defaults);
        Proxies proxies = to_proxies(c);
        const Limits wanted = to_limits(limits, limits_size);
        const Secret secret = to_secret(c);
        *own_guard = new wseal_guard{c.shared_memory == nullptr ? Guard(wanted, secret)
                                                                : Guard::open_shared(c.shared_memory, wanted, secret),
                                     std::move(proxies)};
    });
}

wseal_status wseal_guard_configure(wseal_guard* guard, const char* limits, size_t limits_size, int64_t now,
                                   wseal_error* error) {
    return guarded(error, [&] {
        require(guard);
        guard->guard.configure(to_limits(limits, limits_size), nanoseconds(now));
    });
}

wseal_status wseal_guard_trim(wseal_guard* guard, int64_t now, wseal_error* error) {
    return guarded(error, [&] {
        require(guard);
        guard->guard.trim(nanoseconds(now));
    });
}

void wseal_guard_free(wseal_guard* own_guard) {
    delete own_guard;
}

wseal_status wseal_guard_check(wseal_guard* guard, const wseal_client* client, const wseal_request* request,
                               int64_t now, wseal_decision* decision, wseal_error* error) {
    return check(guard, client, request, decision, error, [&](const ClientKey& key, const Costs& costs) {
        return guard->guard.check(key, costs, nanoseconds(now));
    });
}

wseal_status wseal_guard_settle(wseal_guard* guard, uint64_t ticket, const wseal_usage* usage, int64_t now,
                                uint32_t* settlement, wseal_error* error) {
    return settle(guard, ticket, usage, now, settlement, error);
}

wseal_status wseal_guard_observe(wseal_guard* guard, const wseal_client* client, const wseal_observation* observation,
                                 int64_t now, wseal_error* error) {
    return guarded(error, [&] {
        require(guard, client, observation);
        static constexpr wseal_observation nothing = WSEAL_OBSERVATION_INIT;
        const wseal_observation c = copy_options(observation, nothing);
        Observation seen;
        seen.prompt = text_of(c.prompt, c.prompt_size);
        if (c.prompt_hash != nullptr) seen.prompt_hash = *c.prompt_hash;
        seen.logprobs = c.logprobs != 0;
        seen.logit_bias_entries = c.logit_bias_entries;
        guard->guard.observe(guard->guard.identify(to_client(guard->proxies, client)), seen, nanoseconds(now));
    });
}

wseal_status wseal_decision_http_fields(const wseal_decision* decision, wseal_http_fields* fields, wseal_error* error) {
    return guarded(error, [&] {
        require(decision, fields);
        static constexpr wseal_decision none = WSEAL_DECISION_INIT;
        const HttpFields what = http_fields(to_decision(copy_options(decision, none)));
        wseal_http_fields c = WSEAL_HTTP_FIELDS_INIT;
        c.status = static_cast<std::uint32_t>(what.status);
        static_assert(sizeof c.retry_after == sizeof what.retry_after &&
                      sizeof c.rate_limit == sizeof what.rate_limit &&
                      sizeof c.rate_limit_policy == sizeof what.rate_limit_policy);
        std::memcpy(c.retry_after, what.retry_after.data(), sizeof c.retry_after);
        std::memcpy(c.rate_limit, what.rate_limit.data(), sizeof c.rate_limit);
        std::memcpy(c.rate_limit_policy, what.rate_limit_policy.data(), sizeof c.rate_limit_policy);
        write_out(fields, c);
    });
}

wseal_status wseal_guard_next_event(wseal_guard* guard, wseal_guard_event* event, int* found, wseal_error* error) {
    return next_event(guard, event, found, error);
}

wseal_status wseal_guard_pseudonym(const wseal_guard* guard, const wseal_client* client, uint32_t tier,
                                   char pseudonym[WSEAL_PSEUDONYM_SIZE], wseal_error* error) {
    return guarded(error, [&] {
        require(guard, client, pseudonym);
        const ClientKey key = guard->guard.identify(to_client(guard->proxies, client));
        if (tier >= tier_count || (key.tiers >> tier & 1) == 0)
            throw Error(Errc::invalid_argument, "client", "has nothing that belongs to this tier");
        const std::string text = guard->guard.pseudonym(static_cast<Tier>(tier), key.hashes[tier]);
        std::memcpy(pseudonym, text.c_str(), WSEAL_PSEUDONYM_SIZE);
    });
}

wseal_status wseal_guard_get_counters(const wseal_guard* guard, wseal_guard_counters* counters, wseal_error* error) {
    return get_counters(guard, counters, error);
}

} // extern "C"

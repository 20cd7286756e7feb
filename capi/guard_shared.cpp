// The guard whose counts are on a server.

#include "guard.hpp"

#include "weightseal/guard/shared.hpp"

SAME(WSEAL_SHARED_EXACT, weightseal::SharedMode::exact);
SAME(WSEAL_FAILURE_CLOSED, weightseal::FailurePolicy::closed);
#undef SAME

struct wseal_shared_guard {
    weightseal::SharedGuard guard;
    weightseal::capi::Proxies proxies;
};

using namespace weightseal;
using namespace weightseal::capi;

namespace {

using std::chrono::nanoseconds;

SharedOptions to_shared_options(const wseal_shared_options* shared) {
    static constexpr wseal_shared_options defaults = WSEAL_SHARED_OPTIONS_INIT;
    const wseal_shared_options c = copy_options(shared, defaults);
    require(c.url);
    if (c.mode > WSEAL_SHARED_EXACT) throw Error(Errc::invalid_argument, "mode", "is none that this library knows");
    if (c.failure_policy > WSEAL_FAILURE_CLOSED)
        throw Error(Errc::invalid_argument, "failure_policy", "is none that this library knows");
    SharedOptions options;
    options.url = c.url;
    if (c.password != nullptr) options.password = c.password;
    if (c.authorities != nullptr) options.authorities = c.authorities;
    if (c.prefix != nullptr) options.prefix = c.prefix;
    options.mode = static_cast<SharedMode>(c.mode);
    options.failure_policy = static_cast<FailurePolicy>(c.failure_policy);
    options.replicas = c.replicas;
    if (c.timeout_ms != 0) options.timeout = std::chrono::milliseconds(c.timeout_ms);
    if (c.leases != 0) options.leases = c.leases;
    if (c.connections != 0) options.connections = c.connections;
    return options;
}

} // namespace

extern "C" {

wseal_status wseal_shared_guard_new(const char* limits, size_t limits_size, const wseal_guard_options* options,
                                    const wseal_shared_options* shared, wseal_shared_guard** own_guard,
                                    wseal_error* error) {
    return guarded(error, [&] {
        require(options, shared, own_guard);
        static constexpr wseal_guard_options defaults = WSEAL_GUARD_OPTIONS_INIT;
        const wseal_guard_options c = copy_options(options, defaults);
        if (c.shared_memory != nullptr)
            throw Error(Errc::invalid_argument, "shared_memory", "is for counts in memory; these are on a server");
        Proxies proxies = to_proxies(c);
        *own_guard = new wseal_shared_guard{
            SharedGuard(to_limits(limits, limits_size), to_secret(c), to_shared_options(shared)), std::move(proxies)};
    });
}

void wseal_shared_guard_free(wseal_shared_guard* own_guard) {
    delete own_guard;
}

wseal_status wseal_shared_guard_connect(wseal_shared_guard* guard, wseal_error* error) {
    return guarded(error, [&] {
        require(guard);
        guard->guard.connect();
    });
}

wseal_status wseal_shared_guard_check(wseal_shared_guard* guard, const wseal_client* client,
                                      const wseal_request* request, int64_t now, wseal_decision* decision,
                                      wseal_error* error) {
    return check(guard, client, request, decision, error, [&](const ClientKey& key, const Costs& costs) {
        return guard->guard.check(key, costs, nanoseconds(now));
    });
}

wseal_status wseal_shared_guard_check_leases(wseal_shared_guard* guard, const wseal_client* client,
                                             const wseal_request* request, int64_t now, wseal_decision* decision,
                                             wseal_error* error) {
    return check(guard, client, request, decision, error, [&](const ClientKey& key, const Costs& costs) {
        return guard->guard.check_leases(key, costs, nanoseconds(now));
    });
}

wseal_status wseal_shared_guard_check_shared(wseal_shared_guard* guard, const wseal_client* client,
                                             const wseal_request* request, int64_t now, wseal_decision* decision,
                                             wseal_error* error) {
    return check(guard, client, request, decision, error, [&](const ClientKey& key, const Costs& costs) {
        return guard->guard.check_shared(key, costs, nanoseconds(now));
    });
}

wseal_status wseal_shared_guard_settle(wseal_shared_guard* guard, uint64_t ticket, const wseal_usage* usage,
                                       int64_t now, uint32_t* settlement, wseal_error* error) {
    return settle(guard, ticket, usage, now, settlement, error);
}

wseal_status wseal_shared_guard_is_degraded(const wseal_shared_guard* guard, int* degraded, wseal_error* error) {
    return guarded(error, [&] {
        require(guard, degraded);
        *degraded = guard->guard.degraded() ? 1 : 0;
    });
}

wseal_status wseal_shared_guard_next_event(wseal_shared_guard* guard, wseal_guard_event* event, int* found,
                                           wseal_error* error) {
    return next_event(guard, event, found, error);
}

wseal_status wseal_shared_guard_get_counters(const wseal_shared_guard* guard, wseal_guard_counters* counters,
                                             wseal_error* error) {
    return get_counters(guard, counters, error);
}

} // extern "C"

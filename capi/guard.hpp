#pragma once
// What the parts of the guard share: its handle, and structs of C to and from those of C++.

#include "common.hpp"

#include "weightseal/guard/guard.hpp"

#include <vector>

namespace weightseal::capi {

/// Whose headers tell a client's address.
struct Proxies {
    std::vector<Network> trusted;
    ForwardedHeader header = ForwardedHeader::x_forwarded_for;
};

[[nodiscard]] Limits to_limits(const char* json, std::size_t size);
[[nodiscard]] Proxies to_proxies(const wseal_guard_options& c);
[[nodiscard]] Secret to_secret(const wseal_guard_options& c);
[[nodiscard]] Client to_client(const Proxies& proxies, const wseal_client* client);
[[nodiscard]] CompletionRequest to_request(const wseal_request* request);
[[nodiscard]] Usage to_usage(const wseal_usage* usage);
[[nodiscard]] wseal_decision to_c(const Decision& decision) noexcept;
[[nodiscard]] wseal_guard_event to_c(const GuardEvent& event) noexcept;
[[nodiscard]] wseal_guard_counters to_c(const GuardCounters& counters, std::size_t memory) noexcept;

// What guards of both kinds do alike. A handle has a `guard` and its `proxies`.

/// `how` decides: `Decision how(const ClientKey&, const Costs&)`.
template <class Handle, class How>
wseal_status check(Handle* guard, const wseal_client* client, const wseal_request* request, wseal_decision* decision,
                   wseal_error* error, const How& how) {
    return guarded(error, [&] {
        require(guard, client, decision);
        check_size(*decision); // before anything is charged
        const ClientKey key = guard->guard.identify(to_client(guard->proxies, client));
        write_out(decision, to_c(how(key, guard->guard.costs_of(to_request(request)))));
    });
}

template <class Handle>
wseal_status settle(Handle* guard, std::uint64_t ticket, const wseal_usage* usage, std::int64_t now,
                    std::uint32_t* settlement, wseal_error* error) {
    return guarded(error, [&] {
        require(guard, usage, settlement);
        *settlement =
            static_cast<std::uint32_t>(guard->guard.settle(ticket, to_usage(usage), std::chrono::nanoseconds(now)));
    });
}

template <class Handle>
wseal_status next_event(Handle* guard, wseal_guard_event* event, int* found, wseal_error* error) {
    return guarded(error, [&] {
        require(guard, event, found);
        check_size(*event); // before it leaves the queue
        GuardEvent next;
        const bool any = guard->guard.take_events({&next, 1}) == 1;
        if (any) write_out(event, to_c(next));
        *found = any ? 1 : 0;
    });
}

template <class Handle>
wseal_status get_counters(const Handle* guard, wseal_guard_counters* counters, wseal_error* error) {
    return guarded(error, [&] {
        require(guard, counters);
        write_out(counters, to_c(guard->guard.counters(), guard->guard.memory()));
    });
}

} // namespace weightseal::capi

struct wseal_guard {
    weightseal::Guard guard;
    weightseal::capi::Proxies proxies;
};

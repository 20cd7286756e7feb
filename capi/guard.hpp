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

} // namespace weightseal::capi

struct wseal_guard {
    weightseal::Guard guard;
    weightseal::capi::Proxies proxies;
};

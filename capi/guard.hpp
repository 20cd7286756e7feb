#pragma once
// What the parts of the guard share: its handle.

#include "common.hpp"

#include "weightseal/guard/guard.hpp"

#include <vector>

struct wseal_guard {
    weightseal::Guard guard;
    std::vector<weightseal::Network> trusted_proxies;
    weightseal::ForwardedHeader forwarded_header;
};

#include "guard/window.hpp"

#include <algorithm>
#include <tuple>

namespace weightseal::guard {

std::vector<Window> windows_of(const Limits& limits, Tier tier) {
    std::vector<Window> windows;
    for (const Limit& limit : limits.limits)
        if (limit.tier == tier) windows.push_back(window_of(limit, limits.ticket_lifetime));
    std::ranges::sort(windows, {}, [](const Window& w) { return std::tuple(w.budget, w.seconds); });
    return windows;
}

} // namespace weightseal::guard

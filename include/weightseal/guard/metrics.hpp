#pragma once
// Metrics: a guard's counters as Prometheus reads them.

#include "weightseal/guard/event_log.hpp" // EventLogCounters
#include "weightseal/guard/guard.hpp"     // GuardCounters

#include <cstddef>
#include <string>

namespace weightseal {

/// Counters in the text format of Prometheus, version 0.0.4: `weightseal_guard_requests_total{decision="admitted"}` and
/// so on, each with help and type. To be served as "text/plain; version=0.0.4".
/// @param memory  of `Guard::memory`, bytes
/// @param log     counters of its event log, or null
[[nodiscard]] std::string guard_metrics(const GuardCounters& counters, std::size_t memory,
                                        const EventLogCounters* log = nullptr);

} // namespace weightseal

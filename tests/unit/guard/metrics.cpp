// Metrics, as Prometheus reads them.

#include "weightseal/guard/metrics.hpp"
#include "support/event_log.hpp"

#include <set>

namespace weightseal::testing {

TEST_CASE("metrics are the counters, in the text format of Prometheus") {
    GuardCounters counters;
    counters.admitted = 12;
    counters.refused = 3;
    counters.inserted = 4;
    counters.evicted = 5;
    counters.overflow = 6;
    counters.dropped_events = UINT64_MAX;
    EventLogCounters log;
    log.events = 7;
    log.failures = 8;
    log.waiting = 9;
    const std::string text = guard_metrics(counters, 1000, &log);
    for (const char* const line :
         {"# HELP weightseal_guard_requests_total Requests by what the guard decided.",
          "# TYPE weightseal_guard_requests_total counter", "weightseal_guard_requests_total{decision=\"admitted\"} 12",
          "weightseal_guard_requests_total{decision=\"refused\"} 3", "weightseal_guard_clients_inserted_total 4",
          "weightseal_guard_clients_evicted_total 5", "weightseal_guard_overflow_admissions_total 6",
          "weightseal_guard_events_dropped_total 18446744073709551615", "# TYPE weightseal_guard_memory_bytes gauge",
          "weightseal_guard_memory_bytes 1000", "weightseal_guard_log_events_total 7",
          "weightseal_guard_log_failures_total 8", "weightseal_guard_log_waiting_bytes 9"})
        CHECK(("\n" + text).find("\n" + std::string(line) + "\n") != std::string::npos);
    CHECK(guard_metrics(counters, 1000).find("log_") == std::string::npos);
}

TEST_CASE("every family of metrics stands once, with help and type before its values") {
    std::set<std::string> families;
    std::string family;
    for (const std::string& line : lines_of(guard_metrics({}, 0, std::array<EventLogCounters, 1>{}.data()))) {
        if (line.starts_with("# HELP ")) {
            family = line.substr(7, line.find(' ', 7) - 7);
            CHECK(families.insert(family).second);
        } else if (line.starts_with("# TYPE ")) {
            CHECK(line.starts_with("# TYPE " + family + (family.ends_with("_total") ? " counter\n" : " gauge\n")));
        } else {
            CHECK((line.starts_with(family + ' ') || line.starts_with(family + '{')));
        }
    }
    CHECK(families.size() == 9);
}

} // namespace weightseal::testing

#include "weightseal/guard/metrics.hpp"

#include <fmt/format.h>
#include <string_view>

namespace weightseal {
namespace {

class Exposition {
  public:
    /// A family of metrics; its values follow.
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        text_ += fmt::format("# HELP weightseal_guard_{} {}\n# TYPE weightseal_guard_{} {}\n", name, help, name, type);
    }
    void value(std::uint64_t value, std::string_view labels = "") {
        text_ += fmt::format("weightseal_guard_{}{} {}\n", name_, labels, value);
    }
    void counter(std::string_view name, std::string_view help, std::uint64_t number) {
        family(name, "counter", help);
        value(number);
    }
    void gauge(std::string_view name, std::string_view help, std::uint64_t number) {
        family(name, "gauge", help);
        value(number);
    }
    [[nodiscard]] std::string finish() { return std::move(text_); }

  private:
    std::string_view name_;
    std::string text_;
};

} // namespace

std::string guard_metrics(const GuardCounters& counters, std::size_t memory, const EventLogCounters* log) {
    Exposition text;
    text.family("requests_total", "counter", "Requests by what the guard decided.");
    text.value(counters.admitted, R"({decision="admitted"})");
    text.value(counters.refused, R"({decision="refused"})");
    text.counter("clients_inserted_total", "Clients that got a place in a table.", counters.inserted);
    text.counter("clients_evicted_total", "Clients whose counts went to a sketch to make room.", counters.evicted);
    text.counter("overflow_admissions_total", "Admissions charged to what newcomers to a full table share.",
                 counters.overflow);
    text.counter("events_dropped_total", "Events that did not fit the queue.", counters.dropped_events);
    text.gauge("memory_bytes", "Memory that the guard has reserved.", memory);
    if (log == nullptr) return text.finish();
    text.counter("log_events_total", "Events in the event log.", log->events);
    text.counter("log_failures_total", "Times that the event log could not be written.", log->failures);
    text.gauge("log_waiting_bytes", "Bytes of the event log that are not written yet.", log->waiting);
    return text.finish();
}

} // namespace weightseal

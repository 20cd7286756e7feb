// The guard's event log and metrics.

#include "guard.hpp"

#include "weightseal/guard/event_log.hpp"
#include "weightseal/guard/metrics.hpp"

using namespace weightseal;
using namespace weightseal::capi;

struct wseal_guard_log {
    EventLog log;
};

namespace {

using std::chrono::nanoseconds;

LogTarget target_of(const wseal_guard_log_options& c) {
    if ((c.path != nullptr) + (c.fd >= 0) + (c.write != nullptr) != 1)
        throw Error(Errc::invalid_argument, "options", "one of path, fd and write is given");
    if (c.path != nullptr)
        return c.max_file_size == 0 ? LogFile{.path = c.path} : LogFile{.path = c.path, .max_size = c.max_file_size};
    if (c.fd >= 0) return LogDescriptor{c.fd};
    return [write = c.write, context = c.context](std::string_view lines) {
        return write(context, lines.data(), lines.size()) != 0;
    };
}

} // namespace

extern "C" {

wseal_status wseal_guard_log_open(wseal_guard* guard, const wseal_key* signing_key,
                                  const wseal_guard_log_options* options, int64_t wall, wseal_guard_log** own_log,
                                  wseal_error* error) {
    return guarded(error, [&] {
        require(guard, signing_key, options, own_log);
        static constexpr wseal_guard_log_options none = WSEAL_GUARD_LOG_OPTIONS_INIT;
        const wseal_guard_log_options c = copy_options(options, none);
        *own_log =
            new wseal_guard_log{EventLog(guard->guard, target_of(c), signing_key->key, nanoseconds(wall),
                                         c.checkpoint_every == 0 ? default_checkpoint_every : c.checkpoint_every)};
    });
}

wseal_status wseal_guard_log_write(wseal_guard_log* log, int64_t now, int64_t wall, uint64_t* events,
                                   wseal_error* error) {
    return guarded(error, [&] {
        require(log, events);
        *events = log->log.write(nanoseconds(now), nanoseconds(wall));
    });
}

wseal_status wseal_guard_log_close(wseal_guard_log* log, int64_t now, int64_t wall, int* complete, wseal_error* error) {
    return guarded(error, [&] {
        require(log, complete);
        *complete = log->log.close(nanoseconds(now), nanoseconds(wall)) ? 1 : 0;
    });
}

void wseal_guard_log_free(wseal_guard_log* own_log) {
    delete own_log;
}

wseal_status wseal_guard_log_get_counters(const wseal_guard_log* log, wseal_guard_log_counters* counters,
                                          wseal_error* error) {
    return guarded(error, [&] {
        require(log, counters);
        const EventLogCounters sums = log->log.counters();
        wseal_guard_log_counters c = WSEAL_GUARD_LOG_COUNTERS_INIT;
        c.events = sums.events;
        c.waiting = sums.waiting;
        c.failures = sums.failures;
        c.last_errno = sums.last_failure.category() == std::generic_category() ? sums.last_failure.value() : 0;
        write_out(counters, c);
    });
}

wseal_status wseal_guard_metrics(const wseal_guard* guard, const wseal_guard_log* log, wseal_buffer** own_text,
                                 wseal_error* error) {
    return guarded(error, [&] {
        require(guard, own_text);
        EventLogCounters counters;
        if (log != nullptr) counters = log->log.counters();
        *own_text = text_buffer(
            guard_metrics(guard->guard.counters(), guard->guard.memory(), log == nullptr ? nullptr : &counters));
    });
}

} // extern "C"

#include "weightseal/guard/event_log.hpp"

#include "guard/log_record.hpp"
#include "guard/log_sink.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <string>

namespace weightseal {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t batch_size = 256;
constexpr std::size_t max_events = 4096; // of one write
constexpr std::uint32_t max_checkpoint_every = 65'536;
constexpr auto max_unsigned = std::chrono::minutes(1);

std::int64_t to_milliseconds(nanoseconds time) {
    return std::chrono::floor<milliseconds>(time).count();
}

// Of any two times that a caller may pass.
nanoseconds difference(nanoseconds later, nanoseconds earlier) {
    std::int64_t result = 0;
    const bool fits = !__builtin_sub_overflow(later.count(), earlier.count(), &result);
    return fits ? nanoseconds(result) : later < earlier ? nanoseconds::min() : nanoseconds::max();
}

} // namespace

class EventLog::Writer {
  public:
    Writer(Guard& guard, LogTarget target, const Key& signing_key, nanoseconds wall, std::uint32_t checkpoint_every)
        : guard_(guard), signing_key_(signing_key), checkpoint_every_(checkpoint_every) {
        require_kind(signing_key, KeyKind::signing);
        if (checkpoint_every < 1 || checkpoint_every > max_checkpoint_every)
            throw Error(Errc::invalid_argument, "event log", "checkpoint_every: is from 1 to 65536");
        sink_ = guard::make_sink(std::move(target));
        if (const std::optional<std::string> last = sink_->last_line()) {
            place_.sequence = guard::parse_record(*last)->place.sequence + 1;
            place_.previous = guard::line_digest(*last);
        }
        sink_->start();
        append_checkpoint(guard::Checkpoint::opened, wall);
        flush();
    }

    std::size_t write(nanoseconds now, nanoseconds wall) {
        const std::lock_guard lock(mutex_);
        if (closed_) throw Error(Errc::invalid_argument, "event log", "is closed");
        const std::size_t count = take_events(now, wall);
        if (lines_.empty() && unsigned_events_ > 0 && difference(wall, last_checkpoint_) >= max_unsigned) {
            append_checkpoint(guard::Checkpoint::regular, wall);
            flush();
        }
        return count;
    }

    bool close(nanoseconds now, nanoseconds wall) {
        const std::lock_guard lock(mutex_);
        if (!closed_) {
            take_events(now, wall);
            append_checkpoint(guard::Checkpoint::closed, wall);
            closed_ = true;
        }
        flush();
        if (lines_.empty()) note(sink_->sync());
        return lines_.empty();
    }

    EventLogCounters counters() const {
        const std::lock_guard lock(mutex_);
        EventLogCounters counters = counters_;
        counters.waiting = lines_.size();
        return counters;
    }

  private:
    // As long as the target does not take lines, events stay in the guard's queue, which counts what it cannot hold.
    std::size_t take_events(nanoseconds now, nanoseconds wall) {
        flush();
        start_new_file_if_due(wall);
        std::size_t count = 0;
        while (lines_.empty() && count < max_events) {
            std::array<GuardEvent, batch_size> events;
            const std::size_t taken = guard_.take_events(events);
            if (taken == 0) break;
            place_.dropped = guard_.dropped_events();
            for (const GuardEvent& event : std::span(events).first(taken)) {
                append_event(event, now, wall);
                if (!rotating_) start_new_file_if_due(wall);
            }
            count += taken;
            flush();
        }
        return count;
    }

    void append_event(const GuardEvent& event, nanoseconds now, nanoseconds wall) {
        // Where the clock was set meanwhile, the age makes no sense; at least the event is not from the future.
        const nanoseconds age = std::max(difference(now, event.now), nanoseconds(0));
        place_.time = to_milliseconds(difference(wall, age));
        append(guard::event_line(place_, event, event.client == 0 ? "" : guard_.pseudonym(event.tier, event.client)));
        ++counters_.events;
        if (++unsigned_events_ >= checkpoint_every_) append_checkpoint(guard::Checkpoint::regular, wall);
    }

    void append_checkpoint(guard::Checkpoint checkpoint, nanoseconds wall) {
        place_.time = to_milliseconds(wall);
        append(guard::checkpoint_line(place_, checkpoint, signing_key_));
        unsigned_events_ = 0;
        last_checkpoint_ = wall;
    }

    void append(const std::string& line) {
        lines_ += line;
        lines_ += '\n';
        place_.previous = guard::line_digest(line);
        ++place_.sequence;
    }

    void flush() {
        if (lines_.empty()) return;
        std::error_code failure;
        lines_.erase(0, sink_->write(lines_, failure));
        if (!lines_.empty()) note(failure);
    }

    // A file ends with a whole line, and the last one says that the next file goes on.
    void start_new_file_if_due(nanoseconds wall) {
        if (!sink_->is_full(lines_.size())) return;
        if (!rotating_) append_checkpoint(guard::Checkpoint::rotated, wall);
        rotating_ = true;
        flush();
        if (!lines_.empty()) return;
        const std::error_code failure = sink_->start_new();
        note(failure);
        rotating_ = static_cast<bool>(failure);
    }

    void note(std::error_code failure) {
        if (!failure) return;
        ++counters_.failures;
        counters_.last_failure = failure;
    }

    mutable std::mutex mutex_;
    Guard& guard_;
    const Key signing_key_;
    const std::uint32_t checkpoint_every_;
    std::unique_ptr<guard::LogSink> sink_;
    guard::RecordPlace place_; // of the next record
    std::string lines_;        // that the sink has not taken yet
    std::uint32_t unsigned_events_ = 0;
    nanoseconds last_checkpoint_{0};
    bool rotating_ = false; // the file's last record is written, and there is no new file yet
    bool closed_ = false;
    EventLogCounters counters_;
};

EventLog::EventLog(Guard& guard, LogTarget target, const Key& signing_key, nanoseconds wall,
                   std::uint32_t checkpoint_every)
    : writer_(std::make_unique<Writer>(guard, std::move(target), signing_key, wall, checkpoint_every)) {}

EventLog::~EventLog() = default;

std::size_t EventLog::write(nanoseconds now, nanoseconds wall) {
    return writer_->write(now, wall);
}

bool EventLog::close(nanoseconds now, nanoseconds wall) {
    return writer_->close(now, wall);
}

EventLogCounters EventLog::counters() const {
    return writer_->counters();
}

} // namespace weightseal

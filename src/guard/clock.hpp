#pragma once
// Guard time: the running maximum of `now`, in ticks of half a millisecond since the guard was made.
//
// A step back beyond one sub-bucket is a clock that was set: guard time goes on from where it was. A step forward
// beyond all windows is cut down to what empties them, so that ticks never run ahead of the life of the process.

#include <atomic>
#include <chrono>
#include <cstdint>

namespace weightseal::guard {

inline constexpr std::int64_t tick_ns = 500'000;

/// `now` so much later. It is the caller's, and may be any number: the sum wraps around.
[[nodiscard]] inline std::chrono::nanoseconds later(std::chrono::nanoseconds now,
                                                    std::chrono::nanoseconds by) noexcept {
    return std::chrono::nanoseconds(
        static_cast<std::int64_t>(static_cast<std::uint64_t>(now.count()) + static_cast<std::uint64_t>(by.count())));
}

/// What one check takes for the present.
struct Moment {
    std::uint64_t tick = 0;
    bool stepped_back = false;
    std::int64_t lag = 0; ///< nanoseconds that `now`, with the clock's steps made good, lies after the tick's start

    /// Nanoseconds from `now` until guard time is `goal`, if the clock makes no step.
    [[nodiscard]] std::int64_t until(std::uint64_t goal) const noexcept {
        return static_cast<std::int64_t>(goal - tick) * tick_ns - lag;
    }
};

/// Guard time itself, which processes can share.
struct GuardTime {
    std::atomic<std::int64_t> tick{0};
    std::atomic<std::int64_t> offset{0}; ///< of ticks to those of `now`
};

class Clock {
  public:
    explicit Clock(GuardTime& time) noexcept : time_(time) {}

    /// @param step_back  ticks; a step back beyond it is one of the clock. @param everything  ticks after which all
    /// counts are gone. The caller sees to it that no `advance` runs.
    void set(std::uint64_t step_back, std::uint64_t everything) noexcept {
        step_back_ = static_cast<std::int64_t>(step_back);
        everything_ = static_cast<std::int64_t>(everything);
    }

    /// Thread-safe. Two calls of which one happens before the other get ticks that do not fall.
    Moment advance(std::int64_t now_ns) noexcept {
        const Ticks now = ticks_of(now_ns);
        const std::int64_t offset = time_.offset.load(std::memory_order_acquire);
        std::int64_t tick = time_.tick.load(std::memory_order_acquire);
        const std::int64_t here = now.whole + offset;
        if (here <= tick) {
            if (tick - here > step_back_) return step(now_ns, offset, tick);
        } else {
            if (here - tick > everything_) return step(now_ns, offset, tick);
            raise(here, tick);
        }
        return moment_of(tick, now, offset, false);
    }

  private:
    struct Ticks {
        std::int64_t whole; // rounded down
        std::int64_t rest;  // nanoseconds
    };
    static Ticks ticks_of(std::int64_t ns) noexcept {
        const std::int64_t whole = ns / tick_ns, rest = ns % tick_ns;
        return rest < 0 ? Ticks{whole - 1, rest + tick_ns} : Ticks{whole, rest};
    }
    static Moment moment_of(std::int64_t tick, Ticks now, std::int64_t offset, bool stepped_back) noexcept {
        return {static_cast<std::uint64_t>(tick), stepped_back, (now.whole + offset - tick) * tick_ns + now.rest};
    }

    // The maximum of both, stored and in `tick`.
    void raise(std::int64_t here, std::int64_t& tick) noexcept {
        while (tick < here && !time_.tick.compare_exchange_weak(tick, here, std::memory_order_acq_rel)) {
        }
        if (tick < here) tick = here;
    }

    // The offset comes first: whoever reads it, with the old tick or the new one, is at most `everything` ahead. Only
    // one of several steps counts; the others look again.
    Moment step(std::int64_t now_ns, std::int64_t offset, std::int64_t tick) noexcept {
        const Ticks now = ticks_of(now_ns);
        const bool back = now.whole + offset <= tick;
        const std::int64_t to = back ? tick : tick + everything_;
        if (!time_.offset.compare_exchange_strong(offset, to - now.whole, std::memory_order_acq_rel))
            return advance(now_ns);
        raise(to, tick);
        return moment_of(tick, now, to - now.whole, back);
    }

    GuardTime& time_;
    std::int64_t step_back_ = 0;
    std::int64_t everything_ = 0;
};

} // namespace weightseal::guard

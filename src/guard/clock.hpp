#pragma once
// Guard time: the running maximum of `now`, in ticks of half a millisecond since the guard was made.
//
// A step back beyond one sub-bucket is a clock that was set: guard time goes on from where it was. A step forward
// beyond all windows is cut down to what empties them, so that ticks never run ahead of the life of the process.

#include "guard/spin_lock.hpp"

#include <atomic>
#include <cstdint>

namespace weightseal::guard {

inline constexpr std::int64_t tick_ns = 500'000;

/// What one check takes for the present.
struct Moment {
    std::uint64_t tick = 0;
    std::int64_t offset = 0; ///< of the tick to the ticks of `now`
    bool stepped_back = false;
};

class Clock {
  public:
    /// @param step_back  ticks; a step back beyond it is one of the clock. @param everything  ticks after which all
    /// counts are gone. The caller sees to it that no `advance` runs.
    void set(std::uint64_t step_back, std::uint64_t everything) noexcept {
        step_back_ = static_cast<std::int64_t>(step_back);
        everything_ = static_cast<std::int64_t>(everything);
    }

    /// Thread-safe. Two calls of which one happens before the other get ticks that do not fall.
    Moment advance(std::int64_t now_ns) noexcept {
        const std::int64_t now = floor_ticks(now_ns);
        const std::int64_t offset = offset_.load(std::memory_order_acquire);
        std::int64_t tick = tick_.load(std::memory_order_acquire);
        const std::int64_t here = now + offset;
        if (here <= tick) {
            if (tick - here > step_back_) return step(now);
            return {static_cast<std::uint64_t>(tick), offset, false};
        }
        if (here - tick > everything_) return step(now);
        raise(here, tick);
        return {static_cast<std::uint64_t>(tick), offset, false};
    }

    /// Nanoseconds from `now` until guard time is `tick`, if the clock makes no step.
    [[nodiscard]] static std::int64_t until(std::uint64_t tick, const Moment& moment, std::int64_t now_ns) noexcept {
        const std::int64_t ticks = static_cast<std::int64_t>(tick) - moment.offset - floor_ticks(now_ns);
        return ticks * tick_ns - (now_ns % tick_ns + (now_ns % tick_ns < 0 ? tick_ns : 0));
    }

  private:
    static std::int64_t floor_ticks(std::int64_t ns) noexcept { return ns / tick_ns - (ns % tick_ns < 0 ? 1 : 0); }

    // The maximum of both, stored and in `tick`.
    void raise(std::int64_t here, std::int64_t& tick) noexcept {
        while (tick < here && !tick_.compare_exchange_weak(tick, here, std::memory_order_acq_rel)) {
        }
        if (tick < here) tick = here;
    }

    Moment step(std::int64_t now) noexcept {
        stepping_.lock();
        std::int64_t tick = tick_.load(std::memory_order_acquire);
        std::int64_t offset = offset_.load(std::memory_order_acquire);
        const std::int64_t here = now + offset;
        const bool back = tick - here > step_back_;
        if (here - tick > everything_) {
            raise(tick + everything_, tick);
            offset = tick - now;
        } else if (back) {
            offset = tick - now;
        } else {
            raise(here, tick);
        }
        offset_.store(offset, std::memory_order_release);
        stepping_.unlock();
        return {static_cast<std::uint64_t>(tick), offset, back};
    }

    std::atomic<std::int64_t> tick_{0};
    std::atomic<std::int64_t> offset_{0};
    std::int64_t step_back_ = 0;
    std::int64_t everything_ = 0;
    SpinLock stepping_;
};

} // namespace weightseal::guard

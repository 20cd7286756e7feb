#pragma once
// Baseline: what is usual, as slow averages over a week of days.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace weightseal::guard {

/// The plain average of the first seven values, and the exponential one, with a weight of one seventh, from there on.
class SlowAverage {
  public:
    [[nodiscard]] bool known() const noexcept { return values_ != 0; }
    [[nodiscard]] double value() const noexcept { return static_cast<double>(average_); }

    void learn(double value) noexcept {
        if (values_ < 7) ++values_;
        average_ += (static_cast<float>(value) - average_) / static_cast<float>(values_);
    }

  private:
    float average_ = 0;
    std::uint8_t values_ = 0;
};

/// One average for each hour of the day. Learns from hours with traffic only, so that neither nights nor outages nor a
/// clock that was set forward make it forget.
class Baseline {
  public:
    /// @param hour  a running number
    void learn(std::uint64_t hour, double value) noexcept { hours_[hour % hours_.size()].learn(value); }

    /// Of that hour of the day.
    [[nodiscard]] const SlowAverage& at(std::uint64_t hour) const noexcept { return hours_[hour % hours_.size()]; }
    /// Of the busiest one.
    [[nodiscard]] double busiest() const noexcept { return std::ranges::max(hours_, {}, &SlowAverage::value).value(); }

  private:
    std::array<SlowAverage, 24> hours_;
};

} // namespace weightseal::guard

#pragma once
// Client signals: what is kept of one of the busiest clients, and when it is out of the ordinary.

#include "guard/baseline.hpp"
#include "guard/distinct_counter.hpp"
#include "weightseal/guard/events.hpp"
#include "weightseal/guard/signals.hpp"

#include <optional>

namespace weightseal::guard {

inline constexpr std::uint64_t hours_per_day = 24;
inline constexpr std::uint32_t seconds_per_hour = 3600;

/// An observation as signals count it.
struct Sample {
    std::uint64_t hour = 0;              ///< since signals began; never falls for a record
    std::optional<std::uint64_t> prompt; ///< its keyed hash
    bool logprobs = false;
    bool logit_bias = false;
};

class ClientSignals {
  public:
    /// Counts a request and reports what exceeds its threshold: `report(GuardEvent)` with kind, budget, window, limit
    /// and used.
    template <class Report>
    void observe(const Sample& sample, const Signals& thresholds, Report report) noexcept {
        advance(sample.hour);
        ++hour_requests_;
        ++day_.requests;
        day_.logprobs += sample.logprobs;
        day_.logit_bias += sample.logit_bias;
        if (sample.prompt) {
            ++day_.prompts;
            prompts_.add(*sample.prompt);
        }
        report_surge(thresholds, report);
        if (sample.hour < thresholds.warm_up) return;
        report_day(distinct_prompts, distinct(), thresholds.distinct_prompts, report);
        if (day_.prompts >= thresholds.minimum)
            report_day(duplicates, duplicate_percent(), thresholds.duplicate_percent, report);
        if (day_.logprobs >= thresholds.minimum)
            report_day(logprobs, percent(day_.logprobs), thresholds.logprobs_percent, report);
        if (day_.logit_bias >= thresholds.minimum)
            report_day(logit_bias, percent(day_.logit_bias), thresholds.logit_bias_percent, report);
    }

  private:
    enum Habit : std::size_t { distinct_prompts, duplicates, logprobs, logit_bias, habit_count };

    struct Day {
        std::uint64_t requests = 0;
        std::uint64_t prompts = 0; ///< with those that were there before
        std::uint64_t logprobs = 0;
        std::uint64_t logit_bias = 0;
        std::uint8_t reported = 0; ///< bits of `Habit`
    };

    void advance(std::uint64_t hour) noexcept {
        if (hour_requests_ == 0) first_hour_ = hour_ = hour;
        if (hour <= hour_) return;
        baseline_.learn(hour_, static_cast<double>(hour_requests_));
        hour_requests_ = 0;
        surge_reported_ = false;
        if (hour / hours_per_day != hour_ / hours_per_day) {
            habits_[distinct_prompts].learn(distinct());
            if (day_.prompts != 0) habits_[duplicates].learn(duplicate_percent());
            habits_[logprobs].learn(percent(day_.logprobs));
            habits_[logit_bias].learn(percent(day_.logit_bias));
            day_ = {};
            prompts_.clear();
        }
        hour_ = hour;
    }

    [[nodiscard]] double percent(std::uint64_t requests) const noexcept {
        return 100 * static_cast<double>(requests) / static_cast<double>(day_.requests);
    }
    [[nodiscard]] double distinct() const noexcept { return prompts_.count(); }
    [[nodiscard]] double duplicate_percent() const noexcept {
        return std::max(0.0, 100 - 100 * distinct() / static_cast<double>(day_.prompts));
    }

    template <class Report>
    void report_surge(const Signals& thresholds, Report& report) noexcept {
        if (surge_reported_ || thresholds.surge_ratio == 0 || hour_requests_ < thresholds.minimum ||
            hour_ - first_hour_ < thresholds.warm_up)
            return;
        const double busiest = baseline_.busiest();
        if (busiest == 0) return; // nothing is known, whatever the warm-up
        const double ratio = static_cast<double>(hour_requests_) / busiest;
        if (ratio < static_cast<double>(thresholds.surge_ratio)) return;
        surge_reported_ = true;
        report(GuardEvent{.kind = GuardEventKind::client_surge,
                          .window = seconds_per_hour,
                          .limit = thresholds.surge_ratio,
                          .used = static_cast<std::uint64_t>(ratio)});
    }

    template <class Report>
    void report_day(Habit habit, double value, std::uint64_t threshold, Report& report) noexcept {
        if (threshold == 0 || (day_.reported >> habit & 1) != 0 || value < static_cast<double>(threshold) ||
            habits_[habit].value() > static_cast<double>(threshold) / 2)
            return;
        day_.reported = static_cast<std::uint8_t>(day_.reported | 1U << habit);
        constexpr std::array<GuardEventKind, habit_count> kinds{
            GuardEventKind::distinct_prompts, GuardEventKind::duplicate_prompts, GuardEventKind::logprobs_use,
            GuardEventKind::logit_bias_use};
        constexpr std::array<Budget, habit_count> budgets{Budget::queries, Budget::queries, Budget::logprob_tokens,
                                                          Budget::logit_bias_entries};
        report(GuardEvent{.kind = kinds[habit],
                          .budget = budgets[habit],
                          .window = seconds_per_hour * hours_per_day,
                          .limit = threshold,
                          .used = static_cast<std::uint64_t>(value)});
    }

    std::uint64_t first_hour_ = 0;
    std::uint64_t hour_ = 0;
    std::uint64_t hour_requests_ = 0; // 0 only before the first
    Day day_;
    bool surge_reported_ = false;
    std::array<SlowAverage, habit_count> habits_;
    Baseline baseline_;
    DistinctCounter<11> prompts_; // of the day
};

static_assert(sizeof(ClientSignals) <= 4096, "documented");

} // namespace weightseal::guard

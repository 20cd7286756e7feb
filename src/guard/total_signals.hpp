#pragma once
// Total signals: what all clients of a pool, or of the guard, do together. Campaigns spread over so many accounts that
// none of them is out of the ordinary; their sum is.

#include "guard/baseline.hpp"
#include "guard/client_signals.hpp"
#include "guard/distinct_counter.hpp"
#include "guard/newcomer_counter.hpp"
#include "weightseal/guard/events.hpp"
#include "weightseal/guard/signals.hpp"

namespace weightseal::guard {

/// One count per hour against its baseline: a one-sided cumulative sum of the excess, in usual hours.
class TotalSeries {
  public:
    void add(double count) noexcept { count_ += count; }
    void set(double count) noexcept { count_ = count; }

    /// The excess with that of the running hour.
    [[nodiscard]] double excess(double least) const noexcept {
        if (!known_) return 0;
        return excess_ + std::max(0.0, relative(least) - allowance_);
    }

    /// The excess so far does not count.
    void restart() noexcept {
        excess_ = 0;
        restarted_ = true;
    }

    void close(std::uint64_t hour, double least) noexcept {
        if (known_) {
            if (!restarted_) excess_ = std::max(0.0, excess_ + relative(least) - allowance_);
            deviation_.learn(hour, std::abs(relative(least)));
        }
        baseline_.learn(hour, count_);
        count_ = 0;
        restarted_ = false;
    }

    void open(std::uint64_t hour) noexcept {
        known_ = baseline_.at(hour).known();
        usual_ = baseline_.at(hour).value();
        // Days differ, and services grow: that much is no excess.
        allowance_ = 0.05 + deviation_.at(hour).value();
    }

  private:
    [[nodiscard]] double relative(double least) const noexcept { return (count_ - usual_) / std::max(usual_, least); }

    Baseline baseline_;
    Baseline deviation_; // relative
    bool known_ = false; // what is usual in the running hour, which is:
    double usual_ = 0;
    double allowance_ = 0;
    double count_ = 0;
    double excess_ = 0;
    bool restarted_ = false;
};

template <unsigned precision>
class TotalSignals {
  public:
    /// Counts a request and reports what exceeds its threshold: `report(GuardEvent)` with kind, window, limit and used.
    /// @param client  its hash; empty: nobody in particular
    template <class Report>
    void observe(const Sample& sample, std::optional<std::uint64_t> client, const Signals& thresholds,
                 Report report) noexcept {
        advance(sample.hour, thresholds);
        series_[requests].add(1);
        if (client) series_[new_clients].add(clients_.add(*client));
        if (sample.prompt) {
            prompts_.add(*sample.prompt);
            series_[distinct_prompts].set(prompts_.count());
        }
        if (thresholds.total_excess == 0 || warming_up(thresholds)) return;
        for (std::size_t i = 0; i < series_.size(); ++i) {
            const double percent = 100 * series_[i].excess(least(i, thresholds));
            if ((reported_ >> i & 1) != 0 || percent < static_cast<double>(thresholds.total_excess)) continue;
            reported_ = static_cast<std::uint8_t>(reported_ | 1U << i);
            series_[i].restart();
            constexpr std::array<GuardEventKind, series_count> kinds{GuardEventKind::total_requests,
                                                                     GuardEventKind::total_new_clients,
                                                                     GuardEventKind::total_distinct_prompts};
            report(GuardEvent{.kind = kinds[i],
                              .window = seconds_per_hour,
                              .limit = thresholds.total_excess,
                              .used = static_cast<std::uint64_t>(percent)});
        }
    }

  private:
    enum Series : std::size_t { requests, new_clients, distinct_prompts, series_count };

    // The least usual hour. Of new clients a tenth: each of them stands for several requests.
    [[nodiscard]] static double least(std::size_t series, const Signals& thresholds) noexcept {
        const auto minimum = static_cast<double>(thresholds.minimum);
        return series == new_clients ? std::max(1.0, minimum / 10) : minimum;
    }
    [[nodiscard]] bool warming_up(const Signals& thresholds) const noexcept {
        return hour_ - first_hour_ < thresholds.warm_up;
    }

    void advance(std::uint64_t hour, const Signals& thresholds) noexcept {
        if (!begun_) {
            begun_ = true;
            first_hour_ = hour_ = hour;
        }
        if (hour <= hour_) return;
        for (std::size_t i = 0; i < series_.size(); ++i) {
            if (warming_up(thresholds)) series_[i].restart();
            series_[i].close(hour_, least(i, thresholds));
            series_[i].open(hour);
        }
        prompts_.clear();
        reported_ = 0;
        hour_ = hour;
    }

    bool begun_ = false;
    std::uint8_t reported_ = 0; // bits of `Series`, in the running hour
    std::uint64_t first_hour_ = 0;
    std::uint64_t hour_ = 0;
    std::array<TotalSeries, series_count> series_;
    NewcomerCounter<precision> clients_;
    DistinctCounter<precision> prompts_; // of the hour
};

} // namespace weightseal::guard

#pragma once
// The progress bar: one line on standard error, when that is a terminal.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace weightseal::cli {

/// Draws at most ten times a second, and is cleared on destruction. Thread-safe.
class ProgressBar {
  public:
    /// @param verb  what goes on: "sealing"
    explicit ProgressBar(std::string_view verb);
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    ~ProgressBar();

    /// Bytes done so far and in all. Workers may report out of order; the bar never moves back.
    void update(std::uint64_t done, std::uint64_t total);

    /// A line of text in place of the bar, which comes back at its next update.
    void interject(std::string_view text);

  private:
    using Clock = std::chrono::steady_clock;

    void draw(std::uint64_t done, std::uint64_t total, double seconds);
    void clear();

    const std::string verb_;
    const bool shown_;
    const Clock::time_point start_ = Clock::now();
    std::atomic<std::int64_t> next_draw_{0}; // in ticks after start_
    std::mutex mutex_;                       // of the terminal and what follows
    std::uint64_t furthest_ = 0;
    bool drawn_ = false;
};

} // namespace weightseal::cli

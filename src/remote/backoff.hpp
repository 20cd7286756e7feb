#pragma once
// Backoff: when to try again, and when no more.

#include "weightseal/io/remote_source.hpp"

#include <chrono>
#include <optional>

namespace weightseal::remote {

/// Exponential backoff with full jitter, bounded in number and in time. Not thread-safe.
class Backoff {
  public:
    explicit Backoff(const HttpOptions& options) : options_(options) {}
    /// After another failure: how long to wait, or nothing when it was the last. `chance` is uniform in [0, 1).
    [[nodiscard]] std::optional<std::chrono::milliseconds> next(std::chrono::steady_clock::time_point now,
                                                                double chance);
    [[nodiscard]] unsigned failures() const noexcept { return failures_; }

  private:
    const HttpOptions& options_;
    unsigned failures_ = 0;
    std::chrono::steady_clock::time_point first_{};
};

/// Uniform in [0, 1), of the system's generator.
[[nodiscard]] double random_chance() noexcept;

} // namespace weightseal::remote

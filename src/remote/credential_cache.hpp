#pragma once
// The credentials in use: loaded once, and again before they expire.

#include "remote/credentials.hpp"

#include <functional>
#include <mutex>

namespace weightseal::remote {

/// Thread-safe.
class CredentialCache {
  public:
    using Clock = std::function<Time()>;
    explicit CredentialCache(std::unique_ptr<CredentialSource> source, Clock clock = std::chrono::system_clock::now)
        : source_(std::move(source)), clock_(std::move(clock)) {}

    /// Loads what is not there or expires within minutes; may wait. Throws `key_source_failed` when there are none,
    /// or those there were have expired and no others come.
    void refresh();
    /// Those of the last `refresh`. Never waits for a source.
    [[nodiscard]] std::shared_ptr<const Credentials> current() const;

  private:
    const std::unique_ptr<CredentialSource> source_;
    const Clock clock_;
    std::mutex loading_; // of one caller at a time
    mutable std::mutex mutex_;
    std::shared_ptr<const Credentials> current_;
    Time next_attempt_{};
};

} // namespace weightseal::remote

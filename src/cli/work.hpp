#pragma once
// Work: what a long command shows while it runs, and how it is interrupted.

#include "cli/progress_bar.hpp"         // ProgressBar
#include "weightseal/core/progress.hpp" // Hooks

#include <chrono>
#include <string_view>

namespace weightseal::cli {

/// The signal that asked the program to end, 0 if none did.
[[nodiscard]] int interrupted() noexcept;

/// From its making on, SIGINT and SIGTERM cancel the work instead of ending the process. Make it once keys
/// are read: while the program waits for input there is nothing to undo, and Ctrl-C ends it at once.
class Work {
  public:
    explicit Work(std::string_view verb);

    /// Progress, cancelling and warnings. They refer to this object.
    [[nodiscard]] Hooks hooks();
    [[nodiscard]] double seconds() const; ///< since its making

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    ProgressBar bar_;
};

} // namespace weightseal::cli

#pragma once
// Sinks: what an event log writes to. Called under the log's lock.

#include "weightseal/guard/event_log.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace weightseal::guard {

class LogSink {
  public:
    virtual ~LogSink() = default;

    /// The last whole line of the log that is to be continued, without its end.
    [[nodiscard]] virtual std::optional<std::string> last_line() { return std::nullopt; }
    /// Once, before the first write.
    virtual void start() {}
    /// How many bytes of whole lines it took at once; `failure` says why if not all.
    [[nodiscard]] virtual std::size_t write(std::string_view lines, std::error_code& failure) noexcept = 0;
    /// Whether a file that has `more` bytes more is large enough.
    [[nodiscard]] virtual bool is_full(std::uint64_t /*more*/) const noexcept { return false; }
    /// Goes on with a new file.
    [[nodiscard]] virtual std::error_code start_new() noexcept { return {}; }
    [[nodiscard]] virtual std::error_code sync() noexcept { return {}; }
};

/// Throws `invalid_argument`, and of files what `EventLog` throws.
[[nodiscard]] std::unique_ptr<LogSink> make_sink(LogTarget target);

} // namespace weightseal::guard

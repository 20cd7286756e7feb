#pragma once
// Downloads: one thread that moves the bytes of all requests of a source.

#include "remote/failure.hpp"
#include "remote/request.hpp"
#include "weightseal/core/bytes.hpp"
#include "weightseal/io/remote_source.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

namespace weightseal::remote {

/// What is done with a request and its answer. All of it is called by the thread of `Downloads`, and never waits.
class Download {
  public:
    virtual ~Download() = default;
    /// Begins an attempt.
    [[nodiscard]] virtual HttpRequest request() = 0;
    /// A line of the head; false ends the attempt.
    [[nodiscard]] virtual bool head(std::string_view line) noexcept = 0;
    [[nodiscard]] virtual bool body(Bytes bytes) noexcept = 0;
    /// The attempt is over, by a failure of the transport or without one; a time to wait before the next, or nothing
    /// when there is to be none.
    [[nodiscard]] virtual std::optional<std::chrono::milliseconds> end(const std::optional<Failure>& transport) = 0;
    /// There is no attempt to come, for a reason of our own.
    virtual void give_up(const Failure& failure) noexcept = 0;
};

/// Thread-safe. The thread starts with the first download and ends with the object, as do downloads in progress.
class Downloads {
  public:
    explicit Downloads(const HttpOptions& options);
    Downloads(const Downloads&) = delete;
    Downloads& operator=(const Downloads&) = delete;
    ~Downloads();
    /// At most `connections` go on at once; `is_urgent` goes before others that wait.
    void add(std::shared_ptr<Download> download, bool is_urgent);

  private:
    class Loop;
    std::unique_ptr<Loop> loop_;
};

} // namespace weightseal::remote

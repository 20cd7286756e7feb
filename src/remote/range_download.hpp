#pragma once
// The download of a range: checked, resumed where it stopped, tried again.

#include "remote/backoff.hpp"
#include "remote/downloads.hpp"
#include "remote/judge.hpp"
#include "remote/remote_object.hpp"

#include <memory>
#include <string>

namespace weightseal::remote {

/// Who waits for a range. Called by the thread of `Downloads`.
class RangeSink {
  public:
    virtual ~RangeSink() = default;
    /// The first `bytes` of the range are there.
    virtual void received(std::size_t bytes) noexcept = 0;
    virtual void finished() noexcept = 0;
    virtual void failed(const Failure& failure) noexcept = 0;
};

/// Where a range comes from, and what it must be of.
struct Origin {
    std::shared_ptr<const RemoteObject> object;
    HttpOptions options;
    Pin pin;
};

class RangeDownload : public Download {
  public:
    /// Of the bytes from `begin` on that fill `to`. All three must outlive the download.
    RangeDownload(const Origin& origin, std::uint64_t begin, MutableBytes to, RangeSink& sink)
        : origin_(origin), backoff_(origin.options), begin_(begin), to_(to), sink_(sink) {}

    [[nodiscard]] HttpRequest request() final;
    [[nodiscard]] bool head(std::string_view line) noexcept final;
    [[nodiscard]] bool body(Bytes bytes) noexcept final;
    [[nodiscard]] std::optional<std::chrono::milliseconds> end(const std::optional<Failure>& transport) final;
    void give_up(const Failure& failure) noexcept final { sink_.failed(failure); }

  protected:
    [[nodiscard]] virtual const Pin& pin() const { return origin_.pin; }
    /// Judges the answer to a request for the bytes [begin, end); may shorten the range.
    [[nodiscard]] virtual std::optional<Failure> judge_answer(const AnswerHead& head, std::uint64_t begin,
                                                              std::uint64_t end) {
        return judge(head, begin, end, pin());
    }
    /// Whether a lost connection is worth another attempt.
    [[nodiscard]] virtual bool may_reconnect(unsigned /*failures*/) const { return true; }
    void shorten(std::size_t size) noexcept { to_ = to_.first(size); }

  private:
    void judge_once();
    [[nodiscard]] std::optional<Failure> outcome(const std::optional<Failure>& transport);

    const Origin& origin_;
    Backoff backoff_;
    std::uint64_t begin_;
    MutableBytes to_;
    RangeSink& sink_;
    std::size_t received_ = 0;
    // Of this attempt:
    AnswerHead head_;
    bool is_judged_ = false;
    std::optional<Failure> failure_;
    std::string error_text_; // the beginning of the body of a refusal
};

} // namespace weightseal::remote

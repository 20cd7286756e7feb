#include "remote/opening.hpp"

#include "weightseal/core/error.hpp"

#include <algorithm>
#include <future>

namespace weightseal::remote {
namespace {

// A server that does not answer at all is more likely named wrongly than about to come back.
constexpr unsigned most_reconnects = 2;

class FirstDownload final : public RangeDownload {
  public:
    FirstDownload(const Origin& origin, MutableBytes to, RangeSink& sink) : RangeDownload(origin, 0, to, sink) {}
    [[nodiscard]] const Pin& pin() const override { return pin_; }

  private:
    [[nodiscard]] std::optional<Failure> judge_answer(const AnswerHead& head, std::uint64_t begin,
                                                      std::uint64_t end) override {
        if (is_pinned_) return judge(head, begin, end, pin_);
        auto failure = judge_first(head, end, pin_);
        if (!failure) {
            is_pinned_ = true;
            shorten(static_cast<std::size_t>(std::min(end, pin_.size)));
        }
        return failure;
    }
    [[nodiscard]] bool may_reconnect(unsigned failures) const override {
        return is_pinned_ || failures < most_reconnects;
    }

    Pin pin_;
    bool is_pinned_ = false;
};

class Waiter final : public RangeSink {
  public:
    void received(std::size_t) noexcept override {}
    void finished() noexcept override { end_.set_value(std::nullopt); }
    void failed(const Failure& failure) noexcept override { end_.set_value(failure); }
    [[nodiscard]] std::optional<Failure> wait() { return end_.get_future().get(); }

  private:
    std::promise<std::optional<Failure>> end_;
};

} // namespace

Opened open_object(const Origin& origin, Downloads& downloads, std::size_t size) {
    Opened opened;
    opened.first = AlignedBuffer(size, {});
    Waiter waiter;
    const auto download = std::make_shared<FirstDownload>(origin, opened.first.bytes(), waiter);
    downloads.add(download, true);
    if (const auto failure = waiter.wait()) throw Error(failure->code, origin.object->name(), failure->what);
    opened.pin = download->pin();
    return opened;
}

} // namespace weightseal::remote

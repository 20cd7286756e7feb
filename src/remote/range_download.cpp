#include "remote/range_download.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace weightseal::remote {
namespace {

constexpr std::size_t longest_error = 4096;

} // namespace

HttpRequest RangeDownload::request() {
    head_ = {};
    is_judged_ = false;
    failure_.reset();
    error_text_.clear();
    const std::uint64_t first = begin_ + received_;
    std::vector<HttpHeader> headers{{"range", fmt::format("bytes={}-{}", first, begin_ + to_.size() - 1)}};
    if (pin().can_be_condition()) headers.push_back({"if-match", pin().etag});
    return origin_.object->request(std::move(headers));
}

bool RangeDownload::head(std::string_view line) noexcept {
    if (head_.add(line)) return true;
    failure_ = Failure{Errc::server_answer, "answers with a head that is too long"};
    return false;
}

void RangeDownload::judge_once() {
    if (is_judged_) return;
    is_judged_ = true;
    failure_ = judge_answer(head_, begin_ + received_, begin_ + to_.size());
}

bool RangeDownload::body(Bytes bytes) noexcept {
    judge_once();
    if (failure_) {
        error_text_ += as_text(bytes.first(std::min(bytes.size(), longest_error - error_text_.size())));
        return error_text_.size() < longest_error;
    }
    if (head_.status != 206) return false; // an empty object needs no text about it
    if (bytes.size() > to_.size() - received_) {
        failure_ = Failure{Errc::server_answer, "answers with more bytes than were asked for"};
        return false;
    }
    std::memcpy(to_.data() + received_, bytes.data(), bytes.size()); // std::ranges::copy goes byte by byte here
    received_ += bytes.size();
    // The end is told when the answer is over: nobody may wait for less than all that is checked.
    if (received_ < to_.size()) sink_.received(received_);
    return true;
}

std::optional<Failure> RangeDownload::outcome(const std::optional<Failure>& transport) {
    // An answer without a body was not judged yet; a head that is not complete cannot be.
    if (!transport) judge_once();
    if (failure_) {
        if (const std::string code = s3_error_code(error_text_); !code.empty())
            failure_->what += fmt::format(" ({})", code);
        return failure_;
    }
    if (received_ == to_.size()) return std::nullopt; // whatever became of the connection then
    if (transport) return transport;
    return Failure{Errc::server_answer, "answers with fewer bytes than were asked for"};
}

std::optional<std::chrono::milliseconds> RangeDownload::end(const std::optional<Failure>& transport) {
    const std::optional<Failure> failure = outcome(transport);
    if (!failure) {
        sink_.finished();
        return std::nullopt;
    }
    const bool is_lost = failure->code == Errc::server_unreachable;
    if (failure->may_pass && (!is_lost || may_reconnect(backoff_.failures())))
        if (const auto delay = backoff_.next(std::chrono::steady_clock::now(), random_chance())) return delay;
    sink_.failed(*failure);
    return std::nullopt;
}

} // namespace weightseal::remote

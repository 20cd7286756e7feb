#include "remote/judge.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::remote {
namespace {

constexpr std::size_t longest_code = 64;
constexpr std::size_t longest_etag = 1024;

Failure broken(std::string what) {
    return {Errc::server_answer, std::move(what)};
}

Failure redirected(const AnswerHead& head) {
    std::string what = fmt::format("answers {}, a redirect, and redirects are not followed", head.status);
    if (!head.bucket_region.empty())
        what += fmt::format(": the bucket is in the region {:.64}", head.bucket_region);
    else if (!head.location.empty())
        what += fmt::format(": to {:.256}", head.location.substr(0, head.location.find('?')));
    return {Errc::server_refused, std::move(what)};
}

// Everything but the two that bring what was asked for.
Failure refusal(const AnswerHead& head) {
    const unsigned status = head.status;
    if (status == 200) return broken("answers a request for a part with the whole object");
    if (status == 404) return {Errc::file_not_found, "there is no such object"};
    if (status == 412) return {Errc::source_changed, "the object is another one than when it was opened"};
    if (status == 429 || (status >= 500 && status < 600))
        return {Errc::server_refused, fmt::format("the server answers {}", status), true};
    if (status >= 300 && status < 400 && status != 304) return redirected(head);
    if (status >= 400 && status < 500) return {Errc::server_refused, fmt::format("the server answers {}", status)};
    return broken(fmt::format("answers with the status {}", status));
}

std::optional<Failure> judge_length(const AnswerHead& head, std::uint64_t expected) {
    if (head.content_length && *head.content_length != expected)
        return broken(fmt::format("announces {} bytes where {} were asked for", *head.content_length, expected));
    return std::nullopt;
}

} // namespace

std::optional<Failure> judge(const AnswerHead& head, std::uint64_t begin, std::uint64_t end, const Pin& pin) {
    if (head.status == 416) return Failure{Errc::source_changed, "the object became shorter"};
    if (head.status != 206) return refusal(head);
    if (head.etag != pin.etag)
        return Failure{Errc::source_changed, "the object is another one than when it was opened: its ETag differs"};
    const auto range = parse_content_range(head.content_range);
    if (!range) return broken("answers without a Content-Range that can be read");
    if (range->size != pin.size)
        return Failure{Errc::source_changed, "the object has another size than when it was opened"};
    if (range->begin != begin || range->end != end)
        return broken(fmt::format("answers with the bytes {} to {} where {} to {} were asked for", range->begin,
                                  range->end, begin, end));
    return judge_length(head, end - begin);
}

std::optional<Failure> judge_first(const AnswerHead& head, std::uint64_t end, Pin& pin) {
    if (head.etag.size() > longest_etag) return broken("answers with an ETag that is too long");
    const auto range = parse_content_range(head.content_range);
    // Of an empty object there is no first byte: servers say so in one of two ways.
    const bool is_empty = (head.status == 416 && range && range->size == 0) ||
                          (head.status == 200 && head.content_length && *head.content_length == 0);
    if (!is_empty) {
        if (head.status != 206) return refusal(head);
        if (!range || range->end == 0) return broken("answers without a Content-Range that can be read");
        const std::uint64_t expected = std::min(end, range->size);
        if (range->begin != 0 || range->end != expected)
            return broken(fmt::format("answers with the bytes {} to {} where 0 to {} were asked for", range->begin,
                                      range->end, expected));
        if (auto failure = judge_length(head, expected)) return failure;
        pin.size = range->size;
    }
    pin.etag = head.etag;
    return std::nullopt;
}

std::string s3_error_code(std::string_view body) {
    constexpr std::string_view opening = "<Code>";
    const std::size_t begin = body.find(opening);
    if (begin == body.npos) return {};
    body.remove_prefix(begin + opening.size());
    const std::string_view code = body.substr(0, body.find('<'));
    const bool is_code = !code.empty() && code.size() <= longest_code && code.size() < body.size() &&
                         std::ranges::all_of(code, [](char c) { return is_alphanumeric(c) || c == '.'; });
    return is_code ? std::string(code) : std::string();
}

} // namespace weightseal::remote

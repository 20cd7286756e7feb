#include "remote/answer.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <charconv>

namespace weightseal::remote {
namespace {

constexpr std::size_t longest_head = std::size_t{64} << 10;
constexpr std::uint64_t largest_size = INT64_MAX; // as of files

std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

bool take(std::string_view& text, std::string_view what) noexcept {
    if (!text.starts_with(what)) return false;
    text.remove_prefix(what.size());
    return true;
}

bool is_name(std::string_view text, std::string_view lower_case) noexcept {
    return std::ranges::equal(text, lower_case,
                              [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

} // namespace

std::optional<ContentRange> parse_content_range(std::string_view text) noexcept {
    if (!take(text, "bytes ")) return std::nullopt;
    ContentRange range;
    const bool is_unsatisfied = take(text, "*"); // as 416 has it
    if (!is_unsatisfied) {
        const auto first = take_number(text);
        if (!first || !take(text, "-")) return std::nullopt;
        const auto last = take_number(text);
        if (!last || *last < *first || *last >= largest_size) return std::nullopt;
        range.begin = *first;
        range.end = *last + 1;
    }
    if (!take(text, "/")) return std::nullopt;
    const auto size = take_number(text);
    if (!size || *size > largest_size || !text.empty() || range.end > *size) return std::nullopt;
    range.size = *size;
    return range;
}

bool AnswerHead::add(std::string_view line) {
    size_ += line.size();
    if (size_ > longest_head) return false;
    if (line.starts_with("HTTP/")) {
        const std::size_t total = size_; // a head of 100 comes before the real one; the bound is of both
        *this = {};
        size_ = total;
        std::string_view rest = line.substr(std::min(line.find(' '), line.size() - 1) + 1);
        status = static_cast<unsigned>(std::min<std::uint64_t>(take_number(rest).value_or(0), 999));
        return true;
    }
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return true;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (is_name(name, "etag"))
        etag = value;
    else if (is_name(name, "location"))
        location = value;
    else if (is_name(name, "x-amz-bucket-region"))
        bucket_region = value;
    else if (is_name(name, "x-amz-version-id"))
        version_id = value;
    else if (is_name(name, "content-range"))
        content_range = value;
    else if (is_name(name, "content-length")) {
        std::string_view number = value;
        content_length = take_number(number);
    }
    return true;
}

} // namespace weightseal::remote

#pragma once
// Lines of a log, one after the other, none longer than a bound.

#include "weightseal/core/error.hpp"
#include "weightseal/guard/log_input.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal::guard {

class LineReader {
  public:
    /// @param too_long  what a line of more than `max_line` bytes is refused as
    LineReader(const LogInput& input, std::size_t max_line, Errc too_long)
        : input_(input), too_long_(too_long), max_line_(max_line), buffer_(max_line + 1 + read_size) {}

    /// The next line, without its end, until the next call; false when there is none.
    bool next(std::string_view& line) {
        start_ += size_ + (has_end_ ? 1 : 0);
        ++number_;
        for (std::size_t looked_at = 0;;) {
            const std::string_view text(buffer_.data() + start_, end_ - start_);
            const std::size_t at = text.find('\n', looked_at);
            has_end_ = at != std::string_view::npos;
            size_ = has_end_ ? at : text.size();
            if (size_ > max_line_) refuse(too_long_, fmt::format("is longer than {} bytes", max_line_));
            if (has_end_) break;
            looked_at = text.size();
            if (!read_more()) break;
        }
        line = {buffer_.data() + start_, size_};
        return has_end_ || size_ != 0;
    }

    /// Of the current line, from 1 on.
    [[nodiscard]] std::size_t number() const noexcept { return number_; }
    /// Whether the current line has an end: only the last one may lack it.
    [[nodiscard]] bool has_end() const noexcept { return has_end_; }

    /// Refuses the current line.
    [[noreturn]] void refuse(Errc code, std::string_view what) const {
        throw Error(code, input_.name, fmt::format("line {} {}", number_, what));
    }

  private:
    static constexpr std::size_t read_size = std::size_t{64} << 10;

    bool read_more() {
        if (start_ != 0) {
            std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(start_),
                      buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
            end_ -= start_;
            start_ = 0;
        }
        const std::size_t got = input_.read(std::as_writable_bytes(std::span(buffer_).subspan(end_)));
        end_ += got;
        return got != 0;
    }

    const LogInput& input_;
    Errc too_long_;
    std::size_t max_line_;
    std::vector<char> buffer_;
    std::size_t start_ = 0; // of the current line
    std::size_t size_ = 0;
    std::size_t end_ = 0; // of what was read
    std::size_t number_ = 0;
    bool has_end_ = false;
};

} // namespace weightseal::guard

#include "cli/progress_bar.hpp"

#include "cli/output.hpp"       // complain
#include "cli/text.hpp"         // human_size
#include "platform/process.hpp" // is_terminal, terminal_columns

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>

namespace weightseal::cli {

namespace {

constexpr int standard_error = 2;
constexpr auto redraw_interval = std::chrono::milliseconds(100);

// A terminal that cannot erase a line would keep every frame.
bool can_draw() noexcept {
    const char* const type = std::getenv("TERM");
    return platform::is_terminal(standard_error) && type != nullptr && std::string_view(type) != "dumb";
}

void write(std::string_view text) noexcept {
    std::fwrite(text.data(), 1, text.size(), stderr);
}

} // namespace

ProgressBar::ProgressBar(std::string_view verb) : verb_(verb), shown_(can_draw()) {}

ProgressBar::~ProgressBar() {
    clear();
}

void ProgressBar::update(std::uint64_t done, std::uint64_t total) {
    if (!shown_ || total == 0) return;
    const auto now = Clock::now() - start_;
    if (now.count() < next_draw_.load(std::memory_order_relaxed)) return;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return; // another worker draws; a slow terminal must not hold up the rest
    next_draw_.store((now + redraw_interval).count(), std::memory_order_relaxed);
    furthest_ = std::max(furthest_, done);
    draw(furthest_, total, std::chrono::duration<double>(now).count());
    drawn_ = true;
}

void ProgressBar::interject(std::string_view text) {
    const std::lock_guard lock(mutex_);
    clear();
    complain(text);
}

void ProgressBar::draw(std::uint64_t done, std::uint64_t total, double seconds) {
    const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const std::string left = fmt::format("{}  {:3}%  ", verb_, static_cast<unsigned>(part * 100));
    std::string right = fmt::format("  {} of {}", human_size(done), human_size(total));
    if (done > 0 && seconds > 0) {
        const double remaining = std::ceil(seconds * (1 - part) / part);
        right += fmt::format("  {}  {} left", human_rate(done, seconds), human_time(std::max(1.0, remaining)));
    }
    const std::size_t columns = platform::terminal_columns(standard_error);

    std::string line = left;
    constexpr std::size_t narrowest = 10, widest = 30;
    // Wide enough for any text, so that the bar keeps its width.
    const std::size_t text_width = left.size() + std::max<std::size_t>(46, right.size());
    if (columns > text_width + narrowest) {
        const std::size_t width = std::min(widest, columns - 1 - text_width);
        const auto filled = static_cast<std::size_t>(part * static_cast<double>(width));
        line.append(filled, '#').append(width - filled, '.');
    }
    line += right;
    line.resize(std::min(line.size(), columns - 1)); // a wrapped line could not be erased
    write("\r" + line + "\x1b[K");
}

void ProgressBar::clear() {
    if (drawn_) write("\r\x1b[K");
    drawn_ = false;
}

} // namespace weightseal::cli

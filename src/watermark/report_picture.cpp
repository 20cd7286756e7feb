#include "watermark/report_picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <numbers>

namespace weightseal::watermark::report {
namespace {

constexpr int width = 720, height = 260;
constexpr double left = 44, right = 708, top = 14, bottom = 208;
constexpr std::size_t bin_count = 40;
using Counts = std::array<double, bin_count>;

/// A step of 1, 2 or 5 times a power of ten that divides `range` into at most `parts`.
double nice_step(double range, double parts) {
    const double least = range / parts;
    const double power = std::pow(10.0, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= least) return factor * power;
    return 10 * power;
}

double normal_cdf(double x) {
    return std::erfc(-x / std::numbers::sqrt2) / 2;
}

class Histogram {
  public:
    explicit Histogram(const std::vector<double>& values)
        : low_(std::min(-4.0, std::floor(std::ranges::min(values)))),
          high_(std::max(4.0, std::ceil(std::ranges::max(values)))), bin_((high_ - low_) / bin_count) {
        for (const double value : values)
            ++found_[std::min(bin_count - 1, static_cast<std::size_t>((value - low_) / bin_))];
        for (std::size_t i = 0; i < bin_count; ++i)
            chance_[i] = static_cast<double>(values.size()) * (normal_cdf(edge(i + 1)) - normal_cdf(edge(i)));
        highest_ = std::max(std::ranges::max(found_), std::ranges::max(chance_));
    }

    [[nodiscard]] std::string svg() const {
        return fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Histogram of T of each tensor, beside "
                           "what chance gives\">\n{}{}{}</svg>\n",
                           width, height, axes(), bars(), curve());
    }

  private:
    [[nodiscard]] double edge(std::size_t i) const { return low_ + bin_ * static_cast<double>(i); }
    [[nodiscard]] double x(double value) const { return left + (value - low_) / (high_ - low_) * (right - left); }
    [[nodiscard]] double y(double count) const { return bottom - count / highest_ * (bottom - top); }

    [[nodiscard]] std::string axes() const {
        std::string text;
        const double step_y = std::max(1.0, nice_step(highest_, 4));
        for (double count = 0; count <= highest_; count += step_y)
            text += fmt::format("<line class=\"grid\" x1=\"{0}\" y1=\"{2:.1f}\" x2=\"{1}\" y2=\"{2:.1f}\"/>"
                                "<text class=\"number\" x=\"{3}\" y=\"{4:.1f}\">{5:.0f}</text>\n",
                                left, right, y(count), left - 6, y(count) + 4, count);
        const double step_x = nice_step(high_ - low_, 12);
        for (double value = std::ceil(low_ / step_x) * step_x; value <= high_; value += step_x)
            text +=
                fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{}\">{}{:g}</text>\n", x(value), bottom + 18,
                            std::round(value / step_x) < 0 ? "−" : "", std::fabs(std::round(value / step_x) * step_x));
        return text +
               fmt::format(
                   "<text class=\"tick\" x=\"{}\" y=\"{}\">T of a tensor; upwards, the number of tensors</text>\n",
                   (left + right) / 2, bottom + 44);
    }

    [[nodiscard]] std::string bars() const {
        std::string text;
        for (std::size_t i = 0; i < bin_count; ++i)
            if (found_[i] > 0)
                text +=
                    fmt::format("<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
                                x(edge(i)) + 0.5, y(found_[i]), x(bin_) - x(0) - 1, bottom - y(found_[i]));
        return text;
    }

    /// Steps, not a curve: where bins are wide, a curve through them would tell another area.
    [[nodiscard]] std::string curve() const {
        std::string points;
        for (std::size_t i = 0; i < bin_count; ++i)
            points +=
                fmt::format("{:.1f},{:.1f} {:.1f},{:.1f} ", x(edge(i)), y(chance_[i]), x(edge(i + 1)), y(chance_[i]));
        points.pop_back();
        return fmt::format("<polyline class=\"chance\" points=\"{}\"/>\n", points);
    }

    double low_, high_, bin_, highest_ = 0;
    Counts found_{}, chance_{};
};

} // namespace

std::string picture(const std::vector<double>& values) {
    return Histogram(values).svg();
}

} // namespace weightseal::watermark::report

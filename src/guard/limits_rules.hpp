#pragma once
// What limits must obey, wherever they come from.

#include "weightseal/core/error.hpp"
#include "weightseal/guard/limits.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>
#include <string>
#include <string_view>

namespace weightseal::guard {

struct Range {
    std::uint64_t least;
    std::uint64_t most;
};

inline constexpr Range capacity_range{1, std::uint64_t{1} << 28};
inline constexpr Range ticket_lifetime_range{1, 86'400};
inline constexpr Range tickets_range{1, std::uint64_t{1} << 24};
inline constexpr Range limit_range{1, max_limit};
inline constexpr Range overflow_limit_range{0, max_limit};
inline constexpr Range window_range{1, max_window};

/// How messages call a limit and, with a name appended, its fields.
[[nodiscard]] inline std::string limit_field(std::size_t i) {
    return fmt::format("limits[{}]", i);
}

/// Refuses in messages that name the field and, where the limits are text, its line.
class LimitsRules {
  public:
    explicit LimitsRules(std::string_view subject) : subject_(subject) {}

    /// The line that the following messages name; 0: none.
    void at_line(std::size_t line) noexcept { line_ = line; }

    [[noreturn]] void refuse(Errc code, std::string_view field, std::string_view what) const {
        throw Error(code, subject_,
                    line_ == 0 ? fmt::format("{} {}", field, what) : fmt::format("line {}: {} {}", line_, field, what));
    }

    void check_range(std::string_view field, std::uint64_t value, Range range) const {
        if (value < range.least || value > range.most)
            refuse(Errc::limits_out_of_range, field,
                   fmt::format("must be {} … {}, and is {}", range.least, range.most, value));
    }

    void check_count(std::size_t limits) const {
        if (limits == 0) refuse(Errc::limits_out_of_range, "limits", "must hold one limit at least");
    }

    /// A limit beside those before it.
    void check_new(std::string_view field, const Limit& limit, std::span<const Limit> before) const {
        for (const Limit& other : before)
            if (other.tier == limit.tier && other.budget == limit.budget &&
                (limit.budget == Budget::concurrency || other.window == limit.window))
                refuse(Errc::duplicate_limit, field, "has the tier, budget and window of an earlier limit");
        if (std::ranges::count(before, limit.tier, &Limit::tier) >= static_cast<std::ptrdiff_t>(max_tier_limits))
            refuse(Errc::limits_out_of_range, field,
                   fmt::format("is one more than the {} that a tier may have", max_tier_limits));
    }

  private:
    std::string subject_;
    std::size_t line_ = 0;
};

} // namespace weightseal::guard

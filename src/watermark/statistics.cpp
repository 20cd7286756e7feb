#include "weightseal/watermark/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace weightseal {
namespace {

constexpr std::array<std::string_view, statistic_count> names{"blind_white",  "blind_sign",     "aligned_white",
                                                              "aligned_sign", "informed_white", "informed_sign"};

} // namespace

std::string_view statistic_name(Statistic statistic) noexcept {
    const auto i = static_cast<std::size_t>(statistic);
    return i < names.size() ? names[i] : "?";
}

double Correlation::t() const noexcept {
    return q == 0 ? 0 : static_cast<double>(s) / std::sqrt(static_cast<double>(q));
}

Significance significance(const Correlations& correlations) noexcept {
    Significance result;
    bool any = false;
    for (const auto& correlation : correlations) {
        if (!correlation) continue;
        result.z = any ? std::max(result.z, correlation->t()) : correlation->t();
        any = true;
    }
    if (result.z <= 0) return result;
    const double bound =
        std::log10(static_cast<double>(statistic_count)) - result.z * result.z / 2 / std::numbers::ln10;
    result.log10_p = std::clamp(bound, smallest_log10_p, 0.0);
    result.log10_p_2_64_keys = std::min(0.0, result.log10_p + 64 * std::numbers::ln2 / std::numbers::ln10);
    return result;
}

} // namespace weightseal

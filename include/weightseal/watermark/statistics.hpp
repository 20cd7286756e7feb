#pragma once
// Statistics: what is summed over the weights, and the exact bound on chance that follows from it (WATERMARK.md §6).

#include <array>    // std::array
#include <cstddef>  // std::size_t
#include <cstdint>  // std::int64_t
#include <numbers>  // std::numbers
#include <optional> // std::optional
#include <string_view>

namespace weightseal {

/// The registered statistics: fixed before any suspect is seen, always corrected for all six.
enum class Statistic : std::uint8_t {
    blind_white = 0,    ///< the suspect as it is, feature of WATERMARK.md §4
    blind_sign = 1,     ///< the suspect as it is, signs of the weights
    aligned_white = 2,  ///< the suspect brought into the coordinates of the original
    aligned_sign = 3,   ///< the same, signs
    informed_white = 4, ///< the aligned suspect minus the original
    informed_sign = 5,  ///< the same, signs
};

inline constexpr std::size_t statistic_count = 6;

/// "blind_white", …, "informed_sign".
[[nodiscard]] std::string_view statistic_name(Statistic statistic) noexcept;

/// S = Σ x·f and Q = Σ f² over chips x = ±1 and features f. Exact integers, whatever the kernel and thread count.
struct Correlation {
    std::int64_t s = 0;
    std::uint64_t q = 0;

    Correlation& operator+=(const Correlation& other) noexcept {
        s += other.s;
        q += other.q;
        return *this;
    }
    bool operator==(const Correlation&) const = default;
    /// T = S/√Q; 0 when Q is 0. For a key drawn independently of f, P(T ≥ t) ≤ exp(−t²/2) (Hoeffding 1963).
    [[nodiscard]] double t() const noexcept;
};

/// One value for each registered statistic; empty where it was not run.
using Correlations = std::array<std::optional<Correlation>, statistic_count>;

/// No p below 2⁻¹²⁸ is claimed: the chips are only as random as AES-256 and SHA-256 are sound.
inline constexpr double smallest_log10_p = -128 * std::numbers::ln2 / std::numbers::ln10;

/// What a set of correlations says against chance.
struct Significance {
    double z = 0;                 ///< the largest T of those that were run; 0 when none was
    double log10_p = 0;           ///< log10 of p = max(2⁻¹²⁸, min(1, 6·exp(−z²/2))), and of 1 if z ≤ 0
    double log10_p_2_64_keys = 0; ///< the same for a claimant who could have tried 2⁶⁴ keys: min(1, p·2⁶⁴)
};

[[nodiscard]] Significance significance(const Correlations& correlations) noexcept;

} // namespace weightseal

#pragma once
// HyperLogLog: how many different hashes there were, in 2^precision bytes, with a relative standard error of
// 1.04 / sqrt(2^precision).
//
// P. Flajolet, E. Fusy, O. Gandouet, F. Meunier, "HyperLogLog: the analysis of a near-optimal cardinality estimation
// algorithm", AofA 2007. The estimate is the improved raw estimator of O. Ertl, "New cardinality estimation algorithms
// for HyperLogLog sketches", arXiv:1702.01284, section 4, which has no bias to be corrected at either end of its range.
// Hashes must be keyed: who knows the function can keep registers low or drive them up (K. G. Paterson, M. Raynal,
// "HyperLogLog: exponentially bad in adversarial settings", Cryptology ePrint 2021/1139).

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

namespace weightseal::guard {

/// Where a hash counts: the register that its first bits name, and the place of the first one among the other bits.
template <unsigned precision>
struct Rank {
    static constexpr std::size_t registers = std::size_t{1} << precision;
    static constexpr unsigned most = 64 - precision + 1;

    explicit Rank(std::uint64_t hash) noexcept
        : at(static_cast<std::size_t>(hash >> (64 - precision))),
          value(static_cast<std::uint8_t>(
              std::min<unsigned>(static_cast<unsigned>(std::countl_zero(hash << precision)) + 1, most))) {}

    std::size_t at;
    std::uint8_t value;
};

template <unsigned precision>
class HyperLogLog {
  public:
    HyperLogLog() noexcept { counts_[0] = static_cast<std::uint32_t>(size); }

    /// False when nothing changed.
    bool add(std::uint64_t hash) noexcept {
        const Rank<precision> rank(hash);
        std::uint8_t& value = registers_[rank.at];
        if (rank.value <= value) return false;
        --counts_[value];
        ++counts_[rank.value];
        value = rank.value;
        return true;
    }

    [[nodiscard]] double estimate() const noexcept {
        constexpr unsigned q = 64 - precision;
        constexpr auto m = static_cast<double>(size);
        double z = m * tau(1 - counts_[q + 1] / m);
        for (unsigned k = q; k >= 1; --k)
            z = (z + counts_[k]) / 2;
        z += m * sigma(counts_[0] / m);
        return m * m / (2 * std::numbers::ln2 * z);
    }

  private:
    static constexpr std::size_t size = Rank<precision>::registers;

    // x + Σ x^(2^k) · 2^(k-1) over k ≥ 1: registers that are still 0.
    static double sigma(double x) noexcept {
        if (x == 1) return HUGE_VAL;
        double sum = x;
        for (double weight = 1, before = -1; sum != before; weight *= 2) {
            x *= x;
            before = sum;
            sum += x * weight;
        }
        return sum;
    }

    // (1 - x - Σ (1 - x^(2^-k))² · 2^-k over k ≥ 1) / 3: registers that are full.
    static double tau(double x) noexcept {
        if (x == 0 || x == 1) return 0;
        double sum = 1 - x;
        for (double weight = 0.5, before = -1; sum != before; weight /= 2) {
            x = std::sqrt(x);
            before = sum;
            sum -= (1 - x) * (1 - x) * weight;
        }
        return sum / 3;
    }

    std::array<std::uint32_t, Rank<precision>::most + 1> counts_{}; // of registers with each value
    std::array<std::uint8_t, size> registers_{};
};

} // namespace weightseal::guard

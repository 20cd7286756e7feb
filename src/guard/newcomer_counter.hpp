#pragma once
// Newcomer counter: how many hashes come for the first time, however many came before, without keeping them.
//
// The registers of a HyperLogLog, read as they change: a change that had the probability p stands for 1/p newcomers
// (E. Cohen, "All-distances sketches, revisited: HIP estimators", PODS 2014; D. Ting, "Streamed approximate counting of
// distinct elements", KDD 2014). After N different ones, k newcomers are counted with a variance of about
// k · N / (0.7 · 2^precision), and without bias.

#include "guard/hyperloglog.hpp"

namespace weightseal::guard {

template <unsigned precision>
class NewcomerCounter {
  public:
    /// For how many newcomers this hash stands: 0 if it came before.
    [[nodiscard]] double add(std::uint64_t hash) noexcept {
        const Rank<precision> rank(hash);
        std::uint8_t& value = registers_[rank.at];
        if (rank.value <= value) return 0;
        const double newcomers = static_cast<double>(registers_.size()) / open_;
        // The largest value leaves nothing open, and no hash changes it.
        open_ -= std::ldexp(1.0, -value) - (rank.value == Rank<precision>::most ? 0 : std::ldexp(1.0, -rank.value));
        value = rank.value;
        return newcomers;
    }

  private:
    std::array<std::uint8_t, Rank<precision>::registers> registers_{};
    double open_ = static_cast<double>(Rank<precision>::registers); // the sum of the registers' chances to change
};

} // namespace weightseal::guard

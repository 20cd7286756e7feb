#pragma once
// The matrix: the verdict on each caller × target × way.

#include "storage/judge.hpp"

namespace weightseal::storage {

struct Case {
    std::size_t caller = 0, target = 0, way = 0;
};

class Matrix {
  public:
    /// @param stranger  an account that nobody named
    Matrix(const Intent& intent, const PolicySet& policies, std::vector<SymbolicCaller> callers,
           std::vector<Target> targets, std::vector<Way> ways, std::string_view stranger);

    [[nodiscard]] const std::vector<SymbolicCaller>& callers() const noexcept { return callers_; }
    [[nodiscard]] const std::vector<Target>& targets() const noexcept { return targets_; }
    [[nodiscard]] const std::vector<Way>& ways() const noexcept { return ways_; }

    /// Whether a request of this kind exists: anonymous ones are not signed, forms only upload, and so on.
    [[nodiscard]] bool exists(const Case& one) const noexcept;
    [[nodiscard]] const Verdict& verdict(const Case& one) const noexcept {
        return verdicts_[index_[(one.caller * targets_.size() + one.target) * ways_.size() + one.way]];
    }

    /// Cells by verdict: closed, undecided, open.
    [[nodiscard]] std::array<std::size_t, 3> counts() const noexcept;

    /// The request of a cell in words.
    [[nodiscard]] std::string request(const Case& one) const;

  private:
    class Evaluation;

    std::vector<SymbolicCaller> callers_;
    std::vector<Target> targets_;
    std::vector<Way> ways_;
    std::vector<Verdict> verdicts_;    // different ones
    std::vector<std::uint32_t> index_; // of the verdict of each cell
};

} // namespace weightseal::storage

#pragma once
// The matrix: the verdict on each caller × target × way.

#include "storage/targets.hpp"

namespace weightseal::storage {

/// What policies make of a cell: no is closed, yes open, unknown undecided.
struct Verdict {
    Truth open = Truth::no;
    Truth granted = Truth::no;           ///< open by the resource policy itself, whatever identity policies say
    Truth offered = Truth::no;           ///< whether a statement of it allows, whatever others deny
    std::optional<std::size_t> allow;    ///< statement that allows
    std::optional<std::size_t> doubtful; ///< statement that leaves the cell undecided
    std::string chosen;                  ///< what the caller has to choose: "aws:Referer = x"
};

struct Case {
    std::size_t caller = 0, target = 0, way = 0;
};

class Matrix {
  public:
    /// @param compared  the values that policies compare, of this and of all others that callers were made for
    Matrix(const Intent& intent, const PolicySet& policies, std::vector<SymbolicCaller> callers,
           std::vector<Target> targets, std::vector<Way> ways, const ComparedValues& compared, std::string stranger);

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
    void evaluate_caller(const Intent& intent, const PolicySet& policies, std::size_t caller,
                         const ComparedValues& compared, const std::string& stranger, Truth is_public);

    std::vector<SymbolicCaller> callers_;
    std::vector<Target> targets_;
    std::vector<Way> ways_;
    std::vector<Verdict> verdicts_;    // different ones
    std::vector<std::uint32_t> index_; // of the verdict of each cell
};

} // namespace weightseal::storage

#pragma once
// Matrices of policies, and their cells that break a rule: the one that shows it best, and how many there are.

#include "storage/audit_input.hpp"
#include "storage/matrix.hpp"

namespace weightseal::storage {

/// The matrix of a policy; callers, targets and ways are those that any of `policies` tells apart.
[[nodiscard]] Matrix bucket_matrix(const AuditInput& input, const Policy& policy,
                                   std::span<const Policy* const> policies);
[[nodiscard]] Matrix key_matrix(const AuditInput& input, const Policy& policy, std::span<const Policy* const> policies);

class Breaches {
  public:
    Breaches(const Matrix& matrix, const Policy& policy, std::string_view document)
        : matrix_(matrix), policy_(policy), document_(document) {}

    /// @param rank    the cell of the highest rank is shown
    /// @param offered  the breach is what a statement allows, and not what gets through
    void add(std::string_view rule, const Case& one, int rank, bool offered = false);

    /// @param accepted  rules that the intent asks to break
    void report(Findings& findings, std::span<const std::string_view> accepted) const;

    /// Whether a caller can do all actions in one of the ways that `is_good` picks.
    /// @param granted  by the resource policy itself
    template <class IsGood>
    [[nodiscard]] Truth can(std::size_t caller, std::initializer_list<std::string_view> actions, bool granted,
                            const IsGood& is_good) const {
        Truth all = Truth::yes;
        for (const std::string_view action : actions) {
            Truth any = Truth::no;
            for (std::size_t t = 0; t < matrix_.targets().size(); ++t) {
                const Target& target = matrix_.targets()[t];
                if (target.action != action || (target.resource.find('/') != std::string::npos && !target.in_prefix))
                    continue;
                for (std::size_t w = 0; w < matrix_.ways().size(); ++w) {
                    const Case one{caller, t, w};
                    if (!matrix_.exists(one) || !is_good(matrix_.ways()[w])) continue;
                    const Verdict& verdict = matrix_.verdict(one);
                    any = std::max(any, granted ? verdict.granted : verdict.open);
                }
            }
            all = std::min(all, any);
        }
        return all;
    }

  private:
    struct Breach {
        std::string_view rule;
        Case shown;
        int rank = 0;
        bool is_certain = false;
        std::size_t cells = 0;
    };

    [[nodiscard]] std::string statement_to_change(const Breach& breach) const;

    const Matrix& matrix_;
    const Policy& policy_;
    std::string_view document_;
    std::vector<Breach> breaches_;
};

} // namespace weightseal::storage

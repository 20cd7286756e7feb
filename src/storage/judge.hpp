#pragma once
// The verdict on one request, whatever its sender chooses of it.

#include "storage/choices.hpp"
#include "storage/verdict.hpp"

#include <unordered_map>

namespace weightseal::storage {

/// What policies make of a request: no is closed, yes open, unknown undecided.
struct Verdict {
    Truth open = Truth::no;
    Truth granted = Truth::no;           ///< open by the resource policy itself, whatever identity policies say
    Truth offered = Truth::no;           ///< whether a statement of it allows, whatever others deny
    std::optional<std::size_t> allow;    ///< statement that allows
    std::optional<std::size_t> deny;     ///< statement that denies, or may
    std::optional<std::size_t> doubtful; ///< statement that leaves the cell undecided
    std::string chosen;                  ///< what the caller has to choose: "aws:Referer = x"
};

/// A statement that may apply, as far as action and resource tell.
struct Applying {
    std::size_t statement = 0;
    Truth resource = Truth::no;
    bool is_variable = false; ///< the resource depends on what the caller chooses
};

/// Targets to which the same statements may apply, by one of them.
struct TargetClass {
    std::string action;
    std::string resource;
    std::vector<Applying> applying;
};

/// What is known of a caller and a way, as numbers of values.
struct Situation {
    Context context; ///< keys that a caller can choose are unknown
    std::vector<std::uint32_t> values;
    std::vector<const Choice*> choices;
};

/// How a policy takes a caller, statement by statement.
struct CallerView {
    const Caller* caller = nullptr;
    std::vector<PrincipalMatch> about;
};

class Judge {
  public:
    explicit Judge(const PolicySet& policies);

    /// Keys that the policy reads.
    [[nodiscard]] const std::vector<std::string>& keys() const noexcept { return keys_; }

    [[nodiscard]] CallerView view(const Caller& caller) const;

    /// @param context  need only hold keys that the policy reads
    [[nodiscard]] Situation situation(Context context, std::vector<const Choice*> choices);

    /// First with what the caller can choose unknown: what is closed or open then is so whatever it chooses. Else
    /// choices are tried, and the request is closed only where they are complete.
    [[nodiscard]] Verdict judge(const CallerView& view, const TargetClass& target, const Situation& situation);

  private:
    // A condition, and what it said of values that it has met.
    struct Remembered {
        const Condition* condition = nullptr;
        std::size_t key = 0;
        bool is_alone = true; // no other key
        std::vector<signed char> truths;
    };

    [[nodiscard]] std::uint32_t number_of(std::size_t key, const KeyValue& value);
    [[nodiscard]] Truth holds(std::size_t statement, const Context& context, const std::vector<std::uint32_t>& values);
    [[nodiscard]] bool depends_on(const TargetClass& target, const std::string& key) const;
    [[nodiscard]] Verdict decide_with(const CallerView& view, const TargetClass& target, const Context& context,
                                      const std::vector<std::uint32_t>& values, bool is_chosen);
    void choose(const CallerView& view, const TargetClass& target, const Situation& situation,
                const std::vector<const Choice*>& choices, Verdict& verdict);

    const PolicySet& policies_;
    const Policy& policy_;
    Truth is_public_;
    std::size_t tried_ = 0; // choices
    std::vector<std::string> keys_;
    std::vector<std::vector<Remembered>> conditions_;                     // of each statement
    std::vector<std::set<std::string>> read_;                             // keys of each statement
    std::vector<std::unordered_map<std::string, std::uint32_t>> numbers_; // of values of each key
};

} // namespace weightseal::storage

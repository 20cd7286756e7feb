// Most cells are alike: a verdict is worked out once for each caller, way and class of targets.

#include "storage/matrix.hpp"

#include "storage/bounds.hpp"
#include "storage/condition.hpp"
#include "storage/statement.hpp"
#include "storage/text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>

namespace weightseal::storage {
namespace {

constexpr std::uint32_t not_known = static_cast<std::uint32_t>(-1);

// Targets to which the same statements may apply, as far as actions and resources tell.
struct Classes {
    std::vector<std::size_t> of_target;
    std::vector<TargetClass> classes;
    std::vector<Group> groups;
};

bool has_variables(const Policy& policy, const Statement& statement) {
    return policy.has_variables() && std::ranges::any_of(statement.resources, has_variable);
}

// @param described  of the caller, whom alone variables are taken of
Classes classify(const Policy& policy, const std::vector<Target>& targets, const Context& described) {
    Classes classes;
    std::unordered_map<std::string, std::size_t> known;
    for (const Target& target : targets) {
        const std::string action = lower(target.action);
        TargetClass one{target.action, target.resource, {}};
        std::string signature(1, static_cast<char>(target.group));
        // The root user may do three things with a policy that others may not.
        if (action.ends_with("bucketpolicy")) signature += action;
        for (std::size_t s = 0; s < policy.statements.size(); ++s) {
            const Statement& statement = policy.statements[s];
            if (!about_action(statement, action)) continue;
            const Truth resource = about_resource(statement, target.resource, described, policy.has_variables());
            if (resource == Truth::no) continue;
            const bool is_variable = resource == Truth::unknown && has_variables(policy, statement);
            one.applying.push_back({s, resource, is_variable});
            signature += fmt::format(",{}{}", s, resource == Truth::yes ? "" : "?");
            if (is_variable) signature += target.resource;
        }
        const auto [found, is_new] = known.try_emplace(signature, classes.classes.size());
        if (is_new) {
            classes.classes.push_back(std::move(one));
            classes.groups.push_back(target.group);
        }
        classes.of_target.push_back(found->second);
    }
    return classes;
}

} // namespace

class Matrix::Evaluation {
  public:
    Evaluation(Matrix& matrix, const Intent& intent, const PolicySet& policies, std::string_view stranger)
        : matrix_(matrix), intent_(intent), policies_(policies), policy_(*policies.resource_policy),
          stranger_(stranger), judge_(policies) {
        for (const std::string& key : judge_.keys())
            if (is_ever_chosen(key)) choices_.push_back(choice_of(key, policy_));
        varies_ = std::ranges::any_of(policy_.statements,
                                      [&](const Statement& statement) { return has_variables(policy_, statement); });
        if (!varies_) classes_ = classify(policy_, matrix_.targets_, Context(KeyValue::State::unknown));
    }

    void evaluate(std::size_t caller) {
        const SymbolicCaller& who = matrix_.callers_[caller];
        Context described(KeyValue::State::unknown);
        describe(who.caller, described);
        if (varies_) classes_ = classify(policy_, matrix_.targets_, described);
        const CallerView view = judge_.view(who.caller);
        for (std::size_t w = 0; w < matrix_.ways_.size(); ++w)
            evaluate(caller, view, described, w);
    }

  private:
    bool is_ever_chosen(std::string_view key) const {
        for (const Part part : {Part::anonymous, Part::stranger, Part::service, Part::reader})
            for (std::size_t group = 0; group < group_count; ++group)
                for (const Way& way : matrix_.ways_)
                    if (is_choosable(key, policies_.service, static_cast<Group>(group), part, way)) return true;
        return false;
    }

    // Of one group; without choices all groups are alike.
    Situation situation(const Context& context, Part part, const Way& way, Group group) {
        Context chosen = context;
        std::vector<const Choice*> choices;
        for (const Choice& choice : choices_)
            if (is_choosable(choice.key, policies_.service, group, part, way)) {
                chosen.set(choice.key, KeyValue{KeyValue::State::unknown, {}});
                choices.push_back(&choice);
            }
        return judge_.situation(std::move(chosen), std::move(choices));
    }

    void evaluate(std::size_t caller, const CallerView& view, const Context& described, std::size_t w) {
        const SymbolicCaller& who = matrix_.callers_[caller];
        const Way& way = matrix_.ways_[w];
        const Context context = context_of({intent_, policies_.service, who, described, way}, judge_.keys(), stranger_);
        std::array<std::optional<Situation>, group_count> situations;
        known_.assign(classes_.classes.size(), not_known);
        for (std::size_t t = 0; t < matrix_.targets_.size(); ++t) {
            if (!matrix_.exists({caller, t, w})) continue;
            const std::size_t alike = classes_.of_target[t];
            std::uint32_t& known = known_[alike];
            if (known == not_known) {
                const Group group = classes_.groups[alike];
                auto& one = situations[choices_.empty() ? 0 : static_cast<std::size_t>(group)];
                if (!one) one = situation(context, who.part, way, group);
                known = static_cast<std::uint32_t>(matrix_.verdicts_.size());
                matrix_.verdicts_.push_back(judge_.judge(view, classes_.classes[alike], *one));
            }
            matrix_.index_[(caller * matrix_.targets_.size() + t) * matrix_.ways_.size() + w] = known;
        }
    }

    Matrix& matrix_;
    const Intent& intent_;
    const PolicySet& policies_;
    const Policy& policy_;
    std::string_view stranger_;
    Judge judge_;
    std::vector<Choice> choices_;
    bool varies_ = false; // classes are of one caller
    Classes classes_;
    std::vector<std::uint32_t> known_; // verdicts on each class, of one caller and way
};

Matrix::Matrix(const Intent& intent, const PolicySet& policies, std::vector<SymbolicCaller> callers,
               std::vector<Target> targets, std::vector<Way> ways, std::string_view stranger)
    : callers_(std::move(callers)), targets_(std::move(targets)), ways_(std::move(ways)) {
    require_at_most(max_cells, callers_.size() * targets_.size() * ways_.size(), "requests");
    index_.resize(callers_.size() * targets_.size() * ways_.size());
    Evaluation evaluation(*this, intent, policies, stranger);
    for (std::size_t caller = 0; caller < callers_.size(); ++caller)
        evaluation.evaluate(caller);
}

bool Matrix::exists(const Case& one) const noexcept {
    const Signing signing = ways_[one.way].signing;
    const Part part = callers_[one.caller].part;
    const Group group = targets_[one.target].group;
    const bool is_configuration = group == Group::read_configuration || group == Group::change_configuration;
    if (ways_[one.way].via != Via::nothing && is_configuration) return false; // services use a key and do not manage it
    if (part == Part::anonymous) return signing == Signing::none;
    if (part == Part::service) return signing == Signing::header;
    if (signing == Signing::form) return targets_[one.target].action == "s3:PutObject";
    return signing != Signing::none;
}

std::array<std::size_t, 3> Matrix::counts() const noexcept {
    std::array<std::size_t, 3> counts{};
    for (std::size_t c = 0; c < callers_.size(); ++c)
        for (std::size_t t = 0; t < targets_.size(); ++t)
            for (std::size_t w = 0; w < ways_.size(); ++w)
                if (exists({c, t, w})) ++counts[static_cast<std::size_t>(verdict({c, t, w}).open)];
    return counts;
}

std::string Matrix::request(const Case& one) const {
    const Target& target = targets_[one.target];
    const std::string& chosen = verdict(one).chosen;
    return fmt::format("{}: {} of {} {}{}{}", callers_[one.caller].words, target.action, target.words,
                       ways_[one.way].words, chosen.empty() ? "" : ", with ", chosen);
}

} // namespace weightseal::storage

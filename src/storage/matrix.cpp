// Most cells are alike: a verdict is worked out once for each caller, way and set of statements that may apply.

#include "storage/matrix.hpp"

#include "storage/bounds.hpp"
#include "storage/condition.hpp"
#include "storage/statement.hpp"
#include "storage/text.hpp"
#include "storage/verdict.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>

namespace weightseal::storage {
namespace {

// Choices of one request that are tried; with more the cell is undecided.
constexpr std::size_t max_choices = 4096;

struct Choice {
    std::string key;
    std::vector<std::string> values;
};

// A statement beside what has been found of it.
struct Applying {
    std::uint32_t statement = 0;
    Truth truth = Truth::no; // of principal and resource
};

// One caller, way and group: conditions are worked out on demand, choices tried.
class Judge {
  public:
    Judge(const PolicySet& policies, const SymbolicCaller& caller, Context context, std::vector<Choice> choices,
          Truth is_public)
        : policies_(policies), caller_(caller), context_(std::move(context)), choices_(std::move(choices)),
          is_public_(is_public), conditions_(policies.resource_policy->statements.size(), -1) {}

    const Context& context() const noexcept { return context_; }

    Verdict judge(const std::string& action, const std::vector<Applying>& applying,
                  const std::vector<bool>& by_account) {
        std::vector<const Choice*> open_choices;
        for (const Choice& choice : choices_)
            if (std::ranges::any_of(applying,
                                    [&](const Applying& one) { return depends_on(one.statement, choice.key); }))
                open_choices.push_back(&choice);
        if (open_choices.empty()) return decide_with(context_, true, action, applying, by_account);
        std::size_t count = 1;
        for (const Choice* choice : open_choices)
            if (count <= max_choices) count *= choice->values.size() + 1;
        Verdict best;
        if (count > max_choices) {
            best.open = Truth::unknown;
            best.doubtful = applying[0].statement;
            return best;
        }
        bool is_first = true;
        for (std::size_t number = 0; number < count; ++number) {
            Context context = context_;
            std::string chosen;
            std::size_t rest = number;
            for (const Choice* choice : open_choices) {
                const std::size_t i = rest % (choice->values.size() + 1);
                rest /= choice->values.size() + 1;
                if (i == 0) continue;
                context.set(choice->key, choice->values[i - 1]);
                chosen += fmt::format("{}{} = {}", chosen.empty() ? "" : ", ", choice->key, choice->values[i - 1]);
            }
            Verdict verdict = decide_with(context, false, action, applying, by_account);
            verdict.chosen = std::move(chosen);
            if (is_first || verdict.open > best.open) best = std::move(verdict);
            is_first = false;
            if (best.open == Truth::yes) break;
        }
        return best;
    }

  private:
    bool depends_on(std::size_t statement, const std::string& key) const {
        return std::ranges::any_of(policies_.resource_policy->statements[statement].conditions,
                                   [&](const Condition& condition) {
                                       if (condition.key == key) return true;
                                       return std::ranges::any_of(condition.values, [&](const std::string& value) {
                                           return lower(value).find("${" + key) != std::string::npos;
                                       });
                                   });
    }

    Truth conditions(std::size_t statement, const Context& context, bool can_remember) {
        const Policy& policy = *policies_.resource_policy;
        if (!can_remember) return conditions_hold(policy.statements[statement], context, policy.has_variables());
        signed char& known = conditions_[statement];
        if (known < 0)
            known = static_cast<signed char>(
                conditions_hold(policy.statements[statement], context, policy.has_variables()));
        return static_cast<Truth>(known);
    }

    Verdict decide_with(const Context& context, bool is_own, const std::string& action,
                        const std::vector<Applying>& applying, const std::vector<bool>& by_account) {
        Said said;
        std::optional<std::size_t> doubtful;
        for (const Applying& one : applying) {
            const Truth truth = std::min(one.truth, conditions(one.statement, context, is_own));
            if (truth == Truth::unknown) doubtful = one.statement;
            Strongest& kind = policies_.resource_policy->statements[one.statement].effect == Effect::deny ? said.denied
                              : by_account[one.statement] ? said.by_account
                                                          : said.direct;
            kind.add(truth, one.statement);
        }
        const Decision decision = decide(policies_, caller_.caller, action, said, is_public_);
        Verdict verdict;
        verdict.open = decision.allowed;
        verdict.offered = std::max(said.direct.truth, said.by_account.truth);
        verdict.granted = std::min(decision.allowed, verdict.offered);
        verdict.allow = decision.allow;
        verdict.doubtful = doubtful;
        return verdict;
    }

    const PolicySet& policies_;
    const SymbolicCaller& caller_;
    Context context_;
    std::vector<Choice> choices_;
    Truth is_public_;
    std::vector<signed char> conditions_; // -1: not known yet
};

// Targets to which the same statements may apply, as far as principals, actions and resources tell.
struct TargetClasses {
    std::vector<std::size_t> of_target;
    std::vector<std::vector<Applying>> applying;
};

TargetClasses classify(const Policy& policy, const std::vector<Target>& targets, const std::vector<Applying>& about,
                       const Context& context, bool is_root) {
    TargetClasses classes;
    std::unordered_map<std::string, std::size_t> known;
    for (const Target& target : targets) {
        const std::string action = lower(target.action);
        std::vector<Applying> applying;
        std::string signature(1, static_cast<char>(target.group));
        // The root user may do three things with a policy that others may not.
        if (is_root) signature += target.action;
        for (const Applying& one : about) {
            const Statement& statement = policy.statements[one.statement];
            if (one.truth == Truth::no || !about_action(statement, action)) continue;
            const Truth resource = about_resource(statement, target.resource, context, policy.has_variables());
            if (resource == Truth::no) continue;
            applying.push_back({one.statement, std::min(one.truth, resource)});
            signature += fmt::format(",{}{}", one.statement, resource == Truth::yes ? "" : "?");
        }
        const auto [found, is_new] = known.try_emplace(signature, classes.applying.size());
        if (is_new) classes.applying.push_back(std::move(applying));
        classes.of_target.push_back(found->second);
    }
    return classes;
}

bool has_variable_resources(const Policy& policy) {
    return policy.has_variables() && std::ranges::any_of(policy.statements, [](const Statement& statement) {
               return std::ranges::any_of(statement.resources,
                                          [](const std::string& text) { return text.find("${") != text.npos; });
           });
}

} // namespace

Matrix::Matrix(const Intent& intent, const PolicySet& policies, std::vector<SymbolicCaller> callers,
               std::vector<Target> targets, std::vector<Way> ways, const ComparedValues& compared, std::string stranger)
    : callers_(std::move(callers)), targets_(std::move(targets)), ways_(std::move(ways)) {
    require_at_most(max_cells, callers_.size() * targets_.size() * ways_.size(), "requests");
    index_.resize(callers_.size() * targets_.size() * ways_.size());
    const Truth is_public_policy = policies.restrict_public_buckets ? is_public(*policies.resource_policy) : Truth::no;
    for (std::size_t caller = 0; caller < callers_.size(); ++caller)
        evaluate_caller(intent, policies, caller, compared, stranger, is_public_policy);
}

void Matrix::evaluate_caller(const Intent& intent, const PolicySet& policies, std::size_t caller,
                             const ComparedValues& compared, const std::string& stranger, Truth is_public_policy) {
    const Policy& policy = *policies.resource_policy;
    const SymbolicCaller& who = callers_[caller];
    const std::size_t count = policy.statements.size();
    std::vector<Truth> about(count);
    std::vector<bool> by_account(count);
    for (std::size_t s = 0; s < count; ++s) {
        const PrincipalMatch match = about_caller(policy.statements[s], who.caller);
        about[s] = match.truth;
        by_account[s] = match.by_account;
    }
    const bool resources_vary = has_variable_resources(policy);
    std::vector<Applying> about_caller(count);
    for (std::size_t s = 0; s < count; ++s)
        about_caller[s] = {static_cast<std::uint32_t>(s), about[s]};
    TargetClasses classes;
    for (std::size_t w = 0; w < ways_.size(); ++w) {
        std::array<std::optional<Judge>, group_count> judges;
        std::vector<std::optional<std::uint32_t>> known;
        for (std::size_t t = 0; t < targets_.size(); ++t) {
            const Case one{caller, t, w};
            if (!exists(one)) continue;
            const Group group = targets_[t].group;
            auto& judge = judges[static_cast<std::size_t>(group)];
            if (!judge) {
                std::vector<Choice> choices;
                for (const auto& [key, values] : compared)
                    if (auto list = choices_of(key, policies.service, group, who, ways_[w], compared); !list.empty())
                        choices.push_back({key, std::move(list)});
                judge.emplace(policies, who,
                              context_of(intent, policies.service, group, who, ways_[w], compared, stranger),
                              std::move(choices), is_public_policy);
            }
            if (classes.of_target.empty() || (resources_vary && known.empty()))
                classes =
                    classify(policy, targets_, about_caller, judge->context(), who.caller.kind == CallerKind::root);
            known.resize(classes.applying.size());
            const std::size_t alike = classes.of_target[t];
            if (!known[alike]) {
                known[alike] = static_cast<std::uint32_t>(verdicts_.size());
                verdicts_.push_back(judge->judge(targets_[t].action, classes.applying[alike], by_account));
            }
            index_[(caller * targets_.size() + t) * ways_.size() + w] = *known[alike];
        }
    }
}

bool Matrix::exists(const Case& one) const noexcept {
    const Signing signing = ways_[one.way].signing;
    const Part part = callers_[one.caller].part;
    const Group group = targets_[one.target].group;
    const bool is_configuration = group == Group::read_configuration || group == Group::change_configuration;
    if (ways_[one.way].through_s3 && is_configuration) return false; // S3 uses a key and does not manage it
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

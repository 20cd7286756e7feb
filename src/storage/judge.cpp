#include "storage/judge.hpp"

#include "storage/bounds.hpp"
#include "storage/condition.hpp"
#include "storage/pattern.hpp"
#include "storage/statement.hpp"
#include "storage/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

// Choices of one request that are tried; with more the cell is undecided.
constexpr std::size_t max_choices_of_request = 4096;

// A choice as it is in one situation: "absent", its values, and those that variables of the policy lead to.
struct Options {
    const Choice* choice = nullptr;
    std::size_t place = 0; // of its key
    std::vector<std::string> more;

    std::size_t size() const noexcept { return 1 + choice->values.size() + more.size(); }
    const std::string& value(std::size_t i) const noexcept { // but for 0, which is absent
        return i <= choice->values.size() ? choice->values[i - 1] : more[i - 1 - choice->values.size()];
    }
};

std::vector<std::string> values_of_variables(const std::string& key, const TargetClass& target, const Policy& policy,
                                             const Context& context) {
    std::vector<std::string> values;
    if (!policy.has_variables()) return values;
    for (const Applying& one : target.applying)
        for (const Condition& condition : policy.statements[one.statement].conditions)
            if (condition.key == key)
                for (const std::string& value : condition.values)
                    if (has_variable(value))
                        if (const Expanded expanded = expand(value, context, true); expanded.usable != Truth::no)
                            values.push_back(instance_of(expanded.text));
    return values;
}

} // namespace

Judge::Judge(const PolicySet& policies)
    : policies_(policies), policy_(*policies.resource_policy),
      is_public_(policies.restrict_public_buckets ? is_public(policy_) : Truth::no) {
    for (const std::string& key : keys_of(policy_))
        keys_.push_back(key);
    numbers_.resize(keys_.size());
    for (const Statement& statement : policy_.statements) {
        std::vector<Remembered>& list = conditions_.emplace_back();
        std::set<std::string>& read = read_.emplace_back();
        for (const Condition& condition : statement.conditions) {
            Remembered& one = list.emplace_back();
            one.condition = &condition;
            one.key = static_cast<std::size_t>(std::ranges::lower_bound(keys_, condition.key) - keys_.begin());
            read.insert(condition.key);
            if (!policy_.has_variables()) continue;
            for (const std::string& value : condition.values)
                for (const std::string& key : variables_of(value)) {
                    one.is_alone = false;
                    read.insert(key);
                }
        }
        if (policy_.has_variables())
            for (const std::string& resource : statement.resources)
                read.merge(variables_of(resource));
    }
}

CallerView Judge::view(const Caller& caller) const {
    CallerView view;
    view.caller = &caller;
    for (const Statement& statement : policy_.statements)
        view.about.push_back(about_caller(statement, caller));
    return view;
}

std::uint32_t Judge::number_of(std::size_t key, const KeyValue& value) {
    std::string text(1, static_cast<char>(value.state));
    for (const std::string& one : value.values) {
        text += one;
        text += '\0';
    }
    auto& numbers = numbers_[key];
    return numbers.try_emplace(std::move(text), static_cast<std::uint32_t>(numbers.size())).first->second;
}

Situation Judge::situation(Context context, std::vector<const Choice*> choices) {
    Situation situation{std::move(context), {}, std::move(choices)};
    situation.values.reserve(keys_.size());
    for (std::size_t key = 0; key < keys_.size(); ++key)
        situation.values.push_back(number_of(key, situation.context.find(keys_[key])));
    return situation;
}

Truth Judge::holds(std::size_t statement, const Context& context, const std::vector<std::uint32_t>& values) {
    Truth all = Truth::yes;
    for (Remembered& one : conditions_[statement]) {
        if (!one.is_alone) {
            all = std::min(all, storage::holds(*one.condition, context, true));
            continue;
        }
        const std::uint32_t value = values[one.key];
        if (one.truths.size() <= value) one.truths.resize(value + 1, -1);
        signed char& known = one.truths[value];
        if (known < 0) known = static_cast<signed char>(storage::holds(*one.condition, context, false));
        all = std::min(all, static_cast<Truth>(known));
        if (all == Truth::no) break;
    }
    return all;
}

bool Judge::depends_on(const TargetClass& target, const std::string& key) const {
    return std::ranges::any_of(target.applying,
                               [&](const Applying& one) { return read_[one.statement].contains(key); });
}

Verdict Judge::decide_with(const CallerView& view, const TargetClass& target, const Context& context,
                           const std::vector<std::uint32_t>& values, bool is_chosen) {
    Said said;
    std::optional<std::size_t> doubtful;
    for (const Applying& one : target.applying) {
        const Statement& statement = policy_.statements[one.statement];
        const PrincipalMatch& about = view.about[one.statement];
        if (about.truth == Truth::no) continue;
        const Truth resource =
            is_chosen && one.is_variable ? about_resource(statement, target.resource, context, true) : one.resource;
        const Truth applies = std::min(resource, holds(one.statement, context, values));
        if (std::min(about.truth, applies) == Truth::unknown) doubtful = one.statement;
        said.add(statement.effect, about, applies, one.statement);
    }
    const Decision decision = decide(policies_, *view.caller, target.action, said, is_public_);
    Verdict verdict;
    verdict.open = decision.allowed;
    verdict.offered = std::max(said.direct.truth, said.by_account.truth);
    verdict.granted = std::min(decision.allowed, verdict.offered);
    verdict.allow = decision.allow;
    verdict.deny = decision.deny;
    verdict.doubtful = doubtful;
    return verdict;
}

Verdict Judge::judge(const CallerView& view, const TargetClass& target, const Situation& situation) {
    Verdict verdict = decide_with(view, target, situation.context, situation.values, false);
    if (verdict.open == Truth::yes || (verdict.open == Truth::no && verdict.offered != Truth::unknown)) return verdict;
    std::vector<const Choice*> choices;
    for (const Choice* choice : situation.choices)
        if (depends_on(target, choice->key)) choices.push_back(choice);
    if (!choices.empty()) choose(view, target, situation, choices, verdict);
    return verdict;
}

void Judge::choose(const CallerView& view, const TargetClass& target, const Situation& situation,
                   const std::vector<const Choice*>& choices, Verdict& verdict) {
    std::vector<Options> all;
    std::size_t count = 1;
    bool is_complete = std::ranges::none_of(target.applying, &Applying::is_variable);
    for (const Choice* choice : choices) {
        const auto place = static_cast<std::size_t>(std::ranges::lower_bound(keys_, choice->key) - keys_.begin());
        all.push_back({choice, place, values_of_variables(choice->key, target, policy_, situation.context)});
        is_complete &= choice->is_complete;
        if (count <= max_choices_of_request) count *= all.back().size();
    }
    if (count > max_choices_of_request) return; // as if nothing was known of them
    std::optional<Verdict> best;
    std::size_t best_number = 0;
    Context context = situation.context;
    std::vector<std::uint32_t> values = situation.values;
    for (std::size_t number = 0; number < count && (!best || best->open != Truth::yes); ++number) {
        require_at_most(max_choices, ++tried_, "choices");
        std::size_t rest = number;
        for (const Options& options : all) {
            const std::string& key = options.choice->key;
            if (const std::size_t which = rest % options.size(); which == 0)
                context.set_absent(key);
            else
                context.set(key, options.value(which));
            rest /= options.size();
            values[options.place] = number_of(options.place, context.find(key));
        }
        Verdict one = decide_with(view, target, context, values, true);
        if (best && std::pair(one.open, one.offered) <= std::pair(best->open, best->offered)) continue;
        best = std::move(one);
        best_number = number;
    }
    for (const Options& options : all) {
        if (const std::size_t which = best_number % options.size(); which != 0)
            best->chosen +=
                fmt::format("{}{} = {}", best->chosen.empty() ? "" : ", ", options.choice->key, options.value(which));
        best_number /= options.size();
    }
    if (!is_complete && best->open < verdict.open) {
        // What was not tried may do what these do not.
        best->open = verdict.open;
        best->doubtful = verdict.doubtful;
        best->chosen.clear();
    }
    verdict = *std::move(best);
}

} // namespace weightseal::storage

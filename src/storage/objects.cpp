#include "storage/objects.hpp"

#include "storage/aws_statements.hpp"
#include "storage/bounds.hpp"
#include "storage/condition.hpp"
#include "storage/pattern.hpp"
#include "storage/text.hpp"

#include <fmt/format.h>

namespace weightseal::storage {
namespace {

constexpr std::size_t max_work = 4'000'000; // places in pairs of patterns

// Of ARNs with a common start one of each kind: the intent's own, and others.
class Apart {
  public:
    /// @param prefix  of the intent's objects, after the start
    /// @param whole   what else is the intent's; empty: nothing
    Apart(std::string start, std::string prefix, std::string whole, std::set<std::string> patterns)
        : start_(std::move(start)), prefix_(std::move(prefix)), whole_(std::move(whole)),
          patterns_(std::move(patterns)), filler_(patterns_) {}

    /// @param narrowing  of the patterns those outside of which a statement applies
    std::vector<std::string> all(const std::set<std::string>& narrowing) {
        add(prefix_ + "weights");
        add(whole_);
        if (!prefix_.empty()) add("elsewhere/object");
        const std::set<std::string> rests = rests_of_all(patterns_), others = rests_of_all(narrowing);
        for (const std::string& rest : rests) {
            add(instance_of(rest));
            add(filler_.fill(rest));
            add_both(rest, prefix_ + '*');
        }
        for (const std::string& rest : rests) // what one leaves of the other
            for (const std::string& other : others)
                if (rest < other || !others.contains(rest)) add_both(rest, other);
        add(filler_.fill(prefix_ + '*'));
        add(filler_.text());
        return std::move(arns_);
    }

  private:
    std::set<std::string> rests_of_all(const std::set<std::string>& patterns) const {
        std::set<std::string> rests;
        for (const std::string& pattern : patterns)
            rests.merge(rests_of(pattern, start_));
        return rests;
    }

    void add_both(const std::string& one, const std::string& other) {
        if (!has_wildcard(one) || !has_wildcard(other)) return; // it is added for itself
        const auto head = [](std::string_view pattern) { return pattern.substr(0, pattern.find_first_of("*?")); };
        if (!head(one).starts_with(head(other)) && !head(other).starts_with(head(one))) return; // there is none
        work_ += one.size() * other.size();
        require_at_most(max_work, work_, "places in patterns");
        add(filler_.fill_both(one, other));
    }

    // Unless there is one like it: on the same side of the intent, and matched by the same patterns.
    void add(const std::string& rest) {
        if (rest.empty()) return;
        std::string arn = start_ + rest;
        const std::string_view side = rest.starts_with(prefix_) || rest == whole_ ? "1" : "0";
        if (!signatures_.insert(signature_of(patterns_, arn).append(side)).second) return;
        arns_.push_back(std::move(arn));
        require_at_most(max_objects, arns_.size(), "objects");
    }

    std::string start_;
    std::string prefix_;
    std::string whole_;
    std::set<std::string> patterns_;
    Filler filler_;
    std::set<std::string> signatures_;
    std::vector<std::string> arns_;
    std::size_t work_ = 0;
};

// What a resource with variables is for each caller; * where that depends on more than who it is.
std::set<std::string> patterns_of(const std::string& resource, bool has_variables,
                                  std::span<const SymbolicCaller> callers) {
    if (!has_variables || !has_variable(resource)) return {resource};
    std::set<std::string> patterns;
    for (const SymbolicCaller& caller : callers) {
        Context context(KeyValue::State::unknown);
        describe(caller.caller, context);
        if (Expanded expanded = expand(resource, context, true); expanded.usable != Truth::no)
            patterns.insert(std::move(expanded.text));
    }
    return patterns;
}

} // namespace

std::vector<std::string> objects_apart(const Intent& intent, std::span<const Policy* const> policies,
                                       std::span<const SymbolicCaller> callers) {
    std::set<std::string> patterns, narrowing;
    for (const Policy* policy : policies)
        for (const Statement& statement : policy->statements)
            for (const std::string& resource : statement.resources)
                for (const std::string& pattern : patterns_of(resource, policy->has_variables(), callers)) {
                    patterns.insert(pattern);
                    if (statement.not_resource) narrowing.insert(pattern);
                }
    require_at_most(max_objects, patterns.size(), "resources");
    return Apart(bucket_arn(intent) + '/', intent.prefix, {}, std::move(patterns)).all(narrowing);
}

std::vector<std::string> contexts_apart(const Intent& intent, const std::set<std::string>& patterns) {
    require_at_most(max_objects, patterns.size(), "objects");
    return Apart(fmt::format("arn:{}:s3:::", intent.partition), fmt::format("{}/{}", intent.bucket, intent.prefix),
                 intent.bucket, patterns)
        .all(patterns);
}

} // namespace weightseal::storage

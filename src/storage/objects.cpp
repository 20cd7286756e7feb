#include "storage/objects.hpp"

#include "storage/aws_statements.hpp"
#include "storage/bounds.hpp"
#include "storage/condition.hpp"
#include "storage/pattern.hpp"
#include "storage/text.hpp"

namespace weightseal::storage {
namespace {

constexpr std::size_t max_work = 4'000'000; // places in pairs of patterns

class Objects {
  public:
    Objects(const Intent& intent, std::set<std::string> patterns)
        : start_(bucket_arn(intent) + '/'), prefix_(intent.prefix), patterns_(std::move(patterns)), filler_(patterns_) {
    }

    /// @param narrowing  patterns outside of which a statement applies
    std::vector<std::string> all(const std::set<std::string>& narrowing) {
        add(prefix_ + "weights");
        if (!prefix_.empty()) add("elsewhere/object");
        std::set<std::string> rests;
        for (const std::string& pattern : patterns_)
            rests.merge(rests_of(pattern, start_));
        for (const std::string& rest : rests) {
            add(instance_of(rest));
            add(filler_.fill(rest));
            add_both(rest, prefix_ + '*');
        }
        add_common(rests, narrowing);
        add(filler_.fill(prefix_ + '*'));
        add(filler_.text());
        return std::move(objects_);
    }

  private:
    // What a Deny with NotResource leaves of what is allowed.
    void add_common(const std::set<std::string>& rests, const std::set<std::string>& narrowing) {
        std::set<std::string> others;
        for (const std::string& pattern : narrowing)
            others.merge(rests_of(pattern, start_));
        for (const std::string& rest : rests)
            for (const std::string& other : others)
                add_both(rest, other);
    }

    void add_both(const std::string& one, const std::string& other) {
        work_ += one.size() * other.size();
        require_at_most(max_work, work_, "places in resources");
        add(filler_.fill_both(one, other));
    }

    // Unless there is one like it: on the same side of the prefix, and matched by the same patterns.
    void add(const std::string& key) {
        if (key.empty()) return;
        std::string object = start_ + key;
        const std::string_view side = key.starts_with(prefix_) ? "1" : "0";
        if (!signatures_.insert(signature_of(patterns_, object).append(side)).second) return;
        objects_.push_back(std::move(object));
        require_at_most(max_objects, objects_.size(), "objects");
    }

    std::string start_;
    std::string prefix_;
    std::set<std::string> patterns_;
    Filler filler_;
    std::set<std::string> signatures_;
    std::vector<std::string> objects_;
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
    return Objects(intent, std::move(patterns)).all(narrowing);
}

} // namespace weightseal::storage

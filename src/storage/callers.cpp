#include "storage/callers.hpp"

#include "storage/bounds.hpp"
#include "storage/pattern.hpp"
#include "storage/statement.hpp"
#include "storage/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

constexpr std::string_view strange_id = "AROASTRANGER00000000";
constexpr std::string_view strange_canonical = "0000000000000000000000000000000000000000000000000000000000000000";

class Callers {
  public:
    Callers(const Intent& intent, bool exact_ids, std::span<const Policy* const> policies)
        : intent_(intent), exact_ids_(exact_ids), policies_(policies), stranger_(strange_account(policies)),
          owner_(intent.account.empty() ? "000000000000" : intent.account) {}

    std::vector<SymbolicCaller> all() {
        list({Part::anonymous, {}, "anybody without credentials"});
        add(Part::stranger, role(stranger_, "stranger"), "a role of an account that nobody named");
        add_services();
        add_members(Part::reader, "reader", intent_.readers);
        add_members(Part::publisher, "publisher", intent_.publishers);
        add_members(Part::break_glass, "break-glass", intent_.break_glass);
        add_members(Part::administrator, "administrator", intent_.administrators);
        Caller root;
        root.kind = CallerKind::root;
        root.account = owner_;
        root.arn = fmt::format("arn:{}:iam::{}:root", partition(), owner_);
        add(Part::root, root, "the root user of the account");
        add(Part::unlisted, role(owner_, "unlisted"), "another role of the account");
        Caller user = role(owner_, "unlisted");
        user.kind = CallerKind::user;
        user.arn = fmt::format("arn:{}:iam::{}:user/unlisted", partition(), owner_);
        user.unique_id = "AIDAUNLISTED00000000";
        add(Part::unlisted, user, "another user of the account");
        for (const Policy* policy : policies_)
            add_principals(*policy);
        add_compared();
        return std::move(list_);
    }

  private:
    std::string_view partition() const {
        return intent_.partition.empty() ? std::string_view("aws") : std::string_view(intent_.partition);
    }

    Caller role(std::string_view account, std::string_view name) const {
        Caller caller;
        caller.kind = CallerKind::role;
        caller.account = account;
        caller.arn = fmt::format("arn:{}:iam::{}:role/{}", partition(), account, name);
        caller.session = "session";
        if (account == stranger_) {
            caller.unique_id = strange_id;
            caller.canonical = strange_canonical;
        } else {
            caller.unique_id = fmt::format("AROAUNLISTED{:08}", list_.size());
        }
        return caller;
    }

    void list(SymbolicCaller caller) {
        list_.push_back(std::move(caller));
        require_at_most(max_callers, list_.size(), "callers");
    }

    // Once: the first of an ARN and session stays.
    void add(Part part, Caller caller, std::string words) {
        if (!names_.emplace(caller.arn, caller.session).second) return;
        ids_.emplace(caller.unique_id, caller.session);
        list({part, std::move(caller), std::move(words)});
    }

    void add_services() {
        std::set<std::string> names{"logging.s3.amazonaws.com"};
        for (const Policy* policy : policies_)
            for (const Statement& statement : policy->statements)
                for (const Principal& principal : statement.principals)
                    if (principal.kind == PrincipalKind::service) names.insert(instance_of(principal.value));
        for (const std::string& name : names) {
            Caller caller;
            caller.kind = CallerKind::service;
            caller.service = name;
            list({Part::service, caller, name + " on behalf of an account that nobody named"});
        }
    }

    void add_members(Part part, std::string_view name, const std::vector<Member>& members) {
        for (const Member& member : members) {
            Caller caller = caller_of(member.name);
            if (caller.arn.empty()) caller = role(owner_, fmt::format("member-{}", list_.size())); // an id alone
            if (!member.id.empty())
                caller.unique_id = member.id;
            else if (exact_ids_)
                caller.unique_id = fmt::format("AROAMEMBER{:010}", list_.size());
            else
                caller.unique_id.clear();
            add(part, caller, fmt::format("the {} {}", name, member.name.empty() ? member.id : member.name));
        }
    }

    // Without an ARN where the text is none of a role, user or session.
    Caller caller_of(std::string_view text) const {
        Caller caller;
        const auto arn = Arn::parse(text);
        if (!arn || has_wildcard(arn->account)) return caller;
        const std::string_view resource = arn->resource;
        if (arn->service == "sts" && resource.starts_with("assumed-role/")) {
            const std::size_t slash = resource.find('/', 13);
            if (slash == resource.npos) return caller;
            caller = role(arn->account, resource.substr(13, slash - 13));
            caller.session = resource.substr(slash + 1);
            return caller;
        }
        if (arn->service != "iam") return caller;
        const bool is_user = resource.starts_with("user/");
        if (!is_user && !resource.starts_with("role/")) return caller;
        caller = role(arn->account, "x");
        caller.arn = text;
        if (is_user) {
            caller.kind = CallerKind::user;
            caller.unique_id.replace(0, 4, "AIDA");
        }
        return caller;
    }

    void add_outsider(Caller caller, std::string words) {
        const Part part = caller.account == owner_      ? Part::unlisted
                          : caller.account == stranger_ ? Part::stranger
                                                        : Part::named;
        add(part, std::move(caller), std::move(words));
    }

    void add_account(std::string_view account) {
        if (account != owner_) add_outsider(role(account, "any"), fmt::format("a role of account {}", account));
    }

    void add_principals(const Policy& policy) {
        for (const Statement& statement : policy.statements) {
            if (statement.effect != Effect::allow || statement.not_principal) continue;
            for (const Principal& principal : statement.principals) {
                if (principal.kind == PrincipalKind::canonical_user) {
                    Caller caller = role("999900000000", "canonical-" + principal.value);
                    caller.canonical = principal.value;
                    add(Part::named, caller, "canonical user " + principal.value);
                }
                if (principal.kind != PrincipalKind::aws) continue;
                if (const auto account = whole_account(principal.value); !account.empty()) add_account(account);
                add_arn(principal.value);
                if (is_unique_id(principal.value)) add_id(principal.value, "session");
            }
        }
    }

    // Wildcards become texts: in the account the stranger's, where that fits.
    void add_arn(std::string_view pattern) {
        const auto arn = Arn::parse(pattern);
        if (!arn) return;
        std::string account(arn->account);
        if (has_wildcard(account)) {
            account = matches(account, stranger_) ? stranger_ : instance_of(account);
            account.resize(12, '0');
        }
        std::string text = fmt::format("arn:{}:{}::{}:{}", instance_of(arn->partition), arn->service, account,
                                       instance_of(arn->resource));
        Caller caller = caller_of(text);
        if (caller.arn.empty() && arn->resource == "*") // role or user: both are possible
            caller = caller_of(fmt::format("arn:{}:iam::{}:role/x", partition(), account));
        if (!caller.arn.empty()) add_outsider(caller, text);
    }

    void add_id(std::string_view id, std::string_view session) {
        const bool of_stranger = matches(id, strange_id);
        Caller caller = role(of_stranger ? stranger_ : owner_, fmt::format("with-id-{}", list_.size()));
        caller.unique_id = of_stranger ? std::string(strange_id) : instance_of(id);
        caller.session = instance_of(session);
        if (caller.unique_id.starts_with("AIDA")) caller.kind = CallerKind::user;
        if (ids_.contains({caller.unique_id, caller.session})) return;
        add_outsider(caller, fmt::format("whoever has the id {}:{}", caller.unique_id, caller.session));
    }

    void add_compared() {
        const ComparedValues compared = compared_values(policies_);
        const auto each = [&](std::string_view key, auto&& visit) {
            if (const auto found = compared.find(key); found != compared.end())
                for (const std::string& value : found->second)
                    visit(value);
        };
        each("aws:principalarn", [&](const std::string& value) { add_arn(value); });
        each("aws:principalaccount", [&](const std::string& value) {
            if (!has_wildcard(value)) add_account(value);
        });
        each("aws:userid", [&](const std::string& value) {
            const std::size_t colon = value.find(':');
            const std::string id = value.substr(0, colon);
            const auto first = ids_.lower_bound({id, {}});
            const bool listed = first != ids_.end() && first->first == id;
            if (colon == value.npos ? !listed && value != "*" : !listed || value.substr(colon + 1) != "*")
                add_id(id, colon == value.npos ? "session" : std::string_view(value).substr(colon + 1));
        });
    }

    const Intent& intent_;
    bool exact_ids_;
    std::span<const Policy* const> policies_;
    std::string stranger_;
    std::string owner_;
    std::vector<SymbolicCaller> list_;
    std::set<std::pair<std::string, std::string>> names_; // ARNs and sessions of those in the list
    std::set<std::pair<std::string, std::string>> ids_;   // unique ids and sessions
};

} // namespace

ComparedValues compared_values(std::span<const Policy* const> policies) {
    ComparedValues compared;
    for (const Policy* policy : policies)
        for (const Statement& statement : policy->statements)
            for (const Condition& condition : statement.conditions)
                compared[condition.key].insert(condition.values.begin(), condition.values.end());
    return compared;
}

std::string strange_account(std::span<const Policy* const> policies) {
    const ComparedValues compared = compared_values(policies);
    const auto occurs = [&](const std::string& account) {
        for (const Policy* policy : policies)
            for (const Statement& statement : policy->statements)
                for (const Principal& principal : statement.principals)
                    if (principal.value.find(account) != std::string::npos) return true;
        for (const auto& [key, values] : compared)
            for (const std::string& value : values)
                if (value.find(account) != std::string::npos) return true;
        return false;
    };
    std::uint64_t number = 999'999'999'999;
    while (occurs(std::to_string(number)))
        --number;
    return std::to_string(number);
}

std::vector<SymbolicCaller> symbolic_callers(const Intent& intent, bool exact_ids,
                                             std::span<const Policy* const> policies) {
    return Callers(intent, exact_ids, policies).all();
}

} // namespace weightseal::storage

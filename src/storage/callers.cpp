#include "storage/callers.hpp"

#include "storage/bounds.hpp"
#include "storage/choices.hpp"
#include "storage/pattern.hpp"
#include "storage/statement.hpp"
#include "storage/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

constexpr std::string_view strange_id = "AROASTRANGER00000000";
constexpr std::string_view strange_user_id = "AIDASTRANGER00000000";
constexpr std::string_view strange_canonical = "0000000000000000000000000000000000000000000000000000000000000000";

// An account that a pattern matches, of one digit where it leaves the choice.
std::string account_of(std::string account, char digit) {
    std::ranges::replace(account, '?', digit);
    const std::size_t star = account.find('*');
    if (star == account.npos) return account;
    std::erase(account, '*');
    account.insert(star, account.size() < 12 ? 12 - account.size() : 0, digit);
    return account;
}

// The account in an ARN or its beginning, whatever wildcards are in it.
std::string_view account_in(std::string_view arn) {
    for (int colons = 0; colons < 4; ++colons) {
        const std::size_t colon = arn.find(':');
        if (colon == arn.npos) return {};
        arn.remove_prefix(colon + 1);
    }
    return arn.substr(0, arn.find(':'));
}

// Of each pattern the accounts that it and others tell apart: the stranger's, and one for each digit.
std::map<std::string, std::set<std::string>, std::less<>> accounts_apart(const std::set<std::string>& patterns,
                                                                         const std::string& stranger) {
    require_at_most(max_callers, patterns.size(), "accounts");
    std::map<std::string, std::set<std::string>, std::less<>> apart;
    for (const std::string& pattern : patterns) {
        std::set<std::string>& accounts = apart[pattern];
        if (!has_wildcard(pattern)) {
            accounts.insert(pattern);
            continue;
        }
        std::set<std::string> signatures;
        const auto add = [&](std::string account) {
            if (signatures.insert(signature_of(patterns, account)).second) accounts.insert(std::move(account));
        };
        if (matches(pattern, stranger)) add(stranger);
        for (char digit = '0'; digit <= '9'; ++digit)
            add(account_of(pattern, digit));
    }
    return apart;
}

class Callers {
  public:
    Callers(const Intent& intent, bool exact_ids, std::span<const Policy* const> policies)
        : intent_(intent), exact_ids_(exact_ids), policies_(policies), compared_(compared_values(policies)),
          names_apart_(names_of(policies, compared_)), filler_(names_apart_), stranger_(strange_account(policies)),
          accounts_(accounts_apart(accounts_of(names_apart_, compared_), stranger_)),
          owner_(intent.account.empty() ? "000000000000" : intent.account), session_(session()),
          ignores_case_(ignores_case_of_names(policies)) {}

    std::vector<SymbolicCaller> all() {
        list({Part::anonymous, {}, "anybody without credentials"});
        add(Part::stranger, role(stranger_, unnamed(stranger_, "role", "stranger")),
            "a role of an account that nobody named");
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
        add(Part::unlisted, role(owner_, unnamed(owner_, "role", "unlisted")), "another role of the account");
        add(Part::unlisted, user(owner_, unnamed(owner_, "user", "unlisted"), "AIDAUNLISTED00000000"),
            "another user of the account");
        if (reads_username() || compared_.contains("aws:principaltype")) add_kinds();
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
        caller.session = session_;
        if (account == stranger_) {
            caller.unique_id = strange_id;
            caller.canonical = strange_canonical;
        } else {
            caller.unique_id = fmt::format("AROAUNLISTED{:08}", list_.size());
        }
        return caller;
    }

    Caller user(std::string_view account, std::string_view name, std::string_view id) const {
        Caller caller = role(account, name);
        caller.kind = CallerKind::user;
        caller.arn = fmt::format("arn:{}:iam::{}:user/{}", partition(), account, name);
        caller.unique_id = id;
        return caller;
    }

    Caller federated_user(std::string_view account, std::string_view name) const {
        Caller caller = role(account, name);
        caller.kind = CallerKind::federated_user;
        caller.arn = fmt::format("arn:{}:sts::{}:federated-user/{}", partition(), account, name);
        caller.unique_id.clear();
        return caller;
    }

    static std::set<std::string> names_of(std::span<const Policy* const> policies, const ComparedValues& compared) {
        std::set<std::string> names;
        for (const Policy* policy : policies)
            for (const Statement& statement : policy->statements)
                for (const Principal& principal : statement.principals)
                    if (principal.kind == PrincipalKind::aws) names.insert(principal.value);
        for (const std::string_view key : {"aws:principalarn", "aws:userid", "aws:username"})
            for (const std::string& value : values_of(compared, key))
                names.insert(value);
        return names;
    }

    static std::set<std::string> accounts_of(const std::set<std::string>& names, const ComparedValues& compared) {
        std::set<std::string> accounts;
        for (const std::string& name : names)
            accounts.emplace(is_account(name) ? std::string_view(name) : account_in(name));
        for (const std::string& value : values_of(compared, "aws:principalaccount"))
            accounts.insert(value);
        return accounts;
    }

    // In a variable.
    bool reads_username() const {
        for (const Policy* policy : policies_)
            if (keys_of(*policy).contains("aws:username")) return true;
        return false;
    }

    static bool ignores_case_of_names(std::span<const Policy* const> policies) {
        for (const Policy* policy : policies)
            for (const Statement& statement : policy->statements)
                for (const Condition& condition : statement.conditions)
                    if (condition.key == "aws:username" && condition.op == Operator::string_equals_ignore_case)
                        return true;
        return false;
    }

    // The usual name, unless a pattern knows it that does not know all others.
    std::string unnamed(std::string_view account, std::string_view kind, std::string_view usual) const {
        const auto arn = [&](std::string_view name) {
            return fmt::format("arn:{}:iam::{}:{}/{}", partition(), account, kind, name);
        };
        const auto is_known = [&](const std::string& pattern) {
            return matches(pattern, arn(usual)) != matches(pattern, arn(filler_.text())) ||
                   matches(pattern, usual) != matches(pattern, filler_.text());
        };
        return std::ranges::any_of(names_apart_, is_known) ? filler_.text() : std::string(usual);
    }

    std::string session() const {
        const auto is_known = [&](const std::string& pattern) {
            const std::size_t colon = pattern.rfind(':');
            const std::string_view name = std::string_view(pattern).substr(colon == pattern.npos ? 0 : colon + 1);
            return matches(name, "session") != matches(name, filler_.text());
        };
        return std::ranges::any_of(names_apart_, is_known) ? filler_.text() : "session";
    }

    void add_kinds() {
        add(Part::stranger, user(stranger_, unnamed(stranger_, "user", "stranger"), strange_user_id),
            "a user of an account that nobody named");
        Caller root = role(stranger_, "x");
        root.kind = CallerKind::root;
        root.unique_id.clear();
        root.arn = fmt::format("arn:{}:iam::{}:root", partition(), stranger_);
        add(Part::stranger, root, "the root user of an account that nobody named");
        add(Part::stranger, federated_user(stranger_, unnamed(stranger_, "user", "stranger")),
            "a federated user of an account that nobody named");
        add(Part::unlisted, federated_user(owner_, unnamed(owner_, "user", "unlisted")),
            "a federated user of the account");
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
        std::set<std::string> patterns{"logging.s3.amazonaws.com"};
        for (const Policy* policy : policies_)
            for (const Statement& statement : policy->statements)
                for (const Principal& principal : statement.principals)
                    if (principal.kind == PrincipalKind::service) patterns.insert(principal.value);
        for (const std::string_view key : {"aws:principalservicename", "aws:principalservicenameslist"})
            for (const std::string& pattern : values_of(compared_, key))
                patterns.insert(pattern);
        const Filler filler(patterns);
        std::set<std::string> names;
        for (const std::string& pattern : patterns)
            names.merge(filler.texts_of(pattern));
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

    // Without an ARN where the text is none of a role, user, session or federated user.
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
        if (arn->service == "sts" && resource.starts_with("federated-user/")) {
            caller = federated_user(arn->account, "x");
            caller.arn = text;
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
        if (account != owner_ && account != stranger_)
            add_outsider(role(account, "any"), fmt::format("a role of account {}", account));
    }

    void add_principals(const Policy& policy) {
        for (const Statement& statement : policy.statements) {
            // Those whom an Allow lets in, and those whom a Deny spares.
            if ((statement.effect == Effect::allow) == statement.not_principal) continue;
            for (const Principal& principal : statement.principals) {
                if (principal.kind == PrincipalKind::canonical_user) {
                    Caller caller = role("999900000000", "canonical-" + principal.value);
                    caller.canonical = principal.value;
                    add(Part::named, caller, "canonical user " + principal.value);
                }
                if (principal.kind != PrincipalKind::aws) continue;
                if (const auto account = whole_account(principal.value); !account.empty()) add_account(account);
                add_arn(principal.value);
                if (is_unique_id(principal.value)) add_id(principal.value, session_);
            }
        }
    }

    // Wildcards become texts that are usual, and texts that no other pattern names.
    void add_arn(std::string_view pattern) {
        const auto arn = Arn::parse(pattern);
        if (!arn) return;
        std::set<std::string> resources = filler_.texts_of(arn->resource);
        if (arn->service == "sts") resources.insert(filler_.fill_both(arn->resource, "federated-user/*"));
        for (const std::string& account : accounts_.find(arn->account)->second)
            for (const std::string& resource : resources) {
                const std::string text =
                    fmt::format("arn:{}:{}::{}:{}", instance_of(arn->partition), arn->service, account, resource);
                Caller caller = caller_of(text);
                if (caller.arn.empty() && arn->resource == "*") // role or user: both are possible
                    caller = caller_of(fmt::format("arn:{}:iam::{}:role/{}", partition(), account, resource));
                if (!caller.arn.empty()) add_outsider(caller, text);
            }
    }

    void add_id(std::string_view id, std::string_view session) {
        const bool of_stranger = matches(id, strange_id), of_strange_user = matches(id, strange_user_id);
        for (const std::string& name : filler_.texts_of(session)) {
            Caller caller =
                role(of_stranger || of_strange_user ? stranger_ : owner_, fmt::format("with-id-{}", list_.size()));
            caller.unique_id = of_stranger       ? std::string(strange_id)
                               : of_strange_user ? std::string(strange_user_id)
                                                 : instance_of(id);
            caller.session = name;
            if (caller.unique_id.starts_with("AIDA")) caller.kind = CallerKind::user;
            if (ids_.contains({caller.unique_id, caller.session})) continue;
            add_outsider(caller, fmt::format("whoever has the id {}:{}", caller.unique_id, caller.session));
        }
    }

    void add_name(std::string_view pattern) {
        std::set<std::string> names = filler_.texts_of(pattern);
        if (ignores_case_) names.insert(other_case(instance_of(pattern)));
        for (const std::string& name : names) {
            add_outsider(user(stranger_, name, strange_user_id),
                         fmt::format("a user {} of an account that nobody named", name));
            add_outsider(user(owner_, name, fmt::format("AIDAUNLISTED{:08}", list_.size())),
                         fmt::format("a user {} of the account", name));
        }
    }

    void add_compared() {
        const auto each = [&](std::string_view key, auto&& visit) {
            for (const std::string& value : values_of(compared_, key))
                visit(value);
        };
        each("aws:principalarn", [&](const std::string& value) { add_arn(value); });
        each("aws:principalaccount", [&](const std::string& value) {
            if (value == "*" || value == "anonymous") return;
            for (const std::string& account : accounts_.find(value)->second)
                add_account(account);
        });
        each("aws:username", [&](const std::string& value) { add_name(value); });
        each("aws:userid", [&](const std::string& value) {
            const std::size_t colon = value.find(':');
            const std::string id = value.substr(0, colon);
            const auto first = ids_.lower_bound({id, {}});
            const bool listed = first != ids_.end() && first->first == id;
            if (colon == value.npos ? !listed && value != "*" : !listed || value.substr(colon + 1) != "*")
                add_id(id, colon == value.npos ? session_ : std::string_view(value).substr(colon + 1));
        });
    }

    const Intent& intent_;
    bool exact_ids_;
    std::span<const Policy* const> policies_;
    ComparedValues compared_;
    std::set<std::string> names_apart_; // patterns that tell callers apart
    Filler filler_;
    std::string stranger_;
    std::map<std::string, std::set<std::string>, std::less<>> accounts_; // by the patterns that they match
    std::string owner_;
    std::string session_; // of a role that chose it freely
    bool ignores_case_;   // when it compares user names
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

const std::set<std::string>& values_of(const ComparedValues& compared, std::string_view key) {
    static const std::set<std::string> none;
    const auto found = compared.find(key);
    return found == compared.end() ? none : found->second;
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
    // Of ten that start differently, one that the fewest patterns know.
    const auto patterns_of = [&](const std::string& account) {
        std::size_t count = 0;
        for (const std::string_view key : {"aws:principalaccount", "aws:sourceaccount", "kms:calleraccount"})
            count += static_cast<std::size_t>(std::ranges::count_if(
                values_of(compared, key), [&](const std::string& pattern) { return matches(pattern, account); }));
        return count;
    };
    std::string best;
    for (std::uint64_t first = 10; first-- != 0;) {
        std::uint64_t number = first * 100'000'000'000 + 99'999'999'999;
        while (occurs(fmt::format("{:012}", number)))
            --number;
        std::string account = fmt::format("{:012}", number);
        if (best.empty() || patterns_of(account) < patterns_of(best)) best = std::move(account);
    }
    return best;
}

std::vector<SymbolicCaller> symbolic_callers(const Intent& intent, bool exact_ids,
                                             std::span<const Policy* const> policies) {
    return Callers(intent, exact_ids, policies).all();
}

} // namespace weightseal::storage

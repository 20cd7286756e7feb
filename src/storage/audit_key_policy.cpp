// The key policy against the intent.

#include "storage/audit_matrix.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

constexpr std::string_view document = "key_policy";

bool is_use(const Target& target) noexcept {
    return target.group == Group::read || target.group == Group::write;
}

// What reading and uploading through S3 take.
bool needs(Part part, const Target& target) noexcept {
    return target.action == "kms:Decrypt" || (part == Part::publisher && target.action == "kms:GenerateDataKey");
}

class KeyAudit {
  public:
    KeyAudit(const AuditInput& input, const Matrix& matrix)
        : intent_(input.intent), has_intent_(input.has_intent), matrix_(matrix),
          breaches_(matrix, *input.key_policy, document) {}

    void run(Findings& findings) {
        for (std::size_t c = 0; c < matrix_.callers().size(); ++c)
            for (std::size_t t = 0; t < matrix_.targets().size(); ++t)
                for (std::size_t w = 0; w < matrix_.ways().size(); ++w)
                    if (const Case one{c, t, w}; matrix_.exists(one) && matrix_.verdict(one).open != Truth::no)
                        look_at(one);
        std::vector<std::string_view> accepted;
        if (has_intent_) accepted = {"key-administrators-unnamed"};
        breaches_.report(findings, accepted);
        look_at_lockouts(findings);
    }

  private:
    bool has_administrators() const { return !intent_.administrators.empty() || !intent_.break_glass.empty(); }

    void look_at(const Case& one) {
        const Target& target = matrix_.targets()[one.target];
        const Way& way = matrix_.ways()[one.way];
        const int rank = target.action == "kms:Decrypt" ? 2 : target.action == "kms:PutKeyPolicy" ? 1 : 0;
        const bool is_change = target.group == Group::change_configuration;
        switch (matrix_.callers()[one.caller].part) {
        case Part::anonymous:
        case Part::stranger:
        case Part::service: return breaches_.add("key-public", one, rank);
        case Part::named: return breaches_.add("key-unlisted", one, rank);
        case Part::administrator:
        case Part::root:
            if (is_use(target)) breaches_.add("key-unlisted", one, rank);
            return;
        case Part::unlisted:
            if (is_use(target)) breaches_.add("key-unlisted", one, 3 + rank); // says more than the root user
            if (is_change)
                breaches_.add(has_administrators() ? "key-unlisted-administrator" : "key-administrators-unnamed", one,
                              rank);
            return;
        case Part::reader:
        case Part::publisher:
            if (is_change || (is_use(target) && !needs(matrix_.callers()[one.caller].part, target)))
                breaches_.add("key-member-unrestricted", one, rank);
            [[fallthrough]];
        case Part::break_glass:
            if (is_use(target) && !way.is_intended) breaches_.add("key-wider-than-bucket", one, rank);
        }
    }

    // Whether a caller can do all actions for each object that the intent means, under a bucket key, too, and where it
    // can least. A policy alone shows no such objects: there, for any.
    std::pair<Truth, std::string_view> through_s3(std::size_t caller,
                                                  std::initializer_list<std::string_view> actions) const {
        const auto is_meant = [](const Way& way) { return way.via == Via::s3 && way.is_intended; };
        if (!has_intent_) return {breaches_.can(caller, actions, false, is_meant), "through S3"};
        std::pair<Truth, std::string_view> least{Truth::yes, {}};
        for (const Way& way : matrix_.ways()) {
            if (!is_meant(way)) continue;
            const Truth can = breaches_.can(caller, actions, false, [&](const Way& one) { return &one == &way; });
            if (can < least.first) least = {can, way.words};
        }
        return least;
    }

    void look_at_lockouts(Findings& findings) {
        const auto anyhow = [](const Way& way) { return way.via == Via::nothing; };
        bool can_repair = false, root_can = false;
        std::vector<std::string> kept_out; // administrators
        for (std::size_t c = 0; c < matrix_.callers().size(); ++c) {
            const SymbolicCaller& caller = matrix_.callers()[c];
            const auto demand = [&](std::string_view rule, std::initializer_list<std::string_view> actions) {
                if (const auto& [can, words] = through_s3(c, actions); can != Truth::yes)
                    findings.add(rule, document, {}, fmt::format("{}, {}", caller.words, words), can == Truth::no);
            };
            const bool can_change = breaches_.can(c, {"kms:PutKeyPolicy"}, false, anyhow) == Truth::yes;
            switch (caller.part) {
            case Part::reader: demand("key-reader-locked-out", {"kms:Decrypt"}); break;
            case Part::publisher: demand("key-publisher-locked-out", {"kms:Decrypt", "kms:GenerateDataKey"}); break;
            case Part::break_glass:
                demand("break-glass-locked-out", {"kms:Decrypt", "kms:GenerateDataKey"});
                can_repair |= can_change;
                if (has_intent_ && !can_change)
                    findings.add("break-glass-locked-out", document, {}, caller.words + ": kms:PutKeyPolicy");
                break;
            case Part::administrator:
                can_repair |= can_change;
                if (has_intent_ && !can_change) kept_out.push_back(caller.words);
                break;
            case Part::unlisted: can_repair |= can_change && !has_administrators(); break;
            case Part::root: root_can = can_change; break;
            default: break;
            }
        }
        if (can_repair)
            for (const std::string& words : kept_out)
                findings.add("administrator-locked-out", document, {}, words + ": kms:PutKeyPolicy");
        else
            findings.add("key-admin-lockout", document, {}, "kms:PutKeyPolicy");
        if (!root_can) findings.add("key-root-lockout", document, {}, "the root user of the account: kms:PutKeyPolicy");
    }

    const Intent& intent_;
    bool has_intent_;
    const Matrix& matrix_;
    Breaches breaches_;
};

} // namespace

Matrix key_matrix(const AuditInput& input, const Policy& policy, std::span<const Policy* const> policies) {
    PolicySet set;
    set.service = Service::kms;
    set.owner_account = input.intent.account;
    set.resource_policy = &policy;
    return Matrix(input.intent, set, symbolic_callers(input.intent, input.has_intent, policies),
                  kms_targets(input.intent), kms_ways(input.intent, policies), strange_account(policies));
}

void audit_key_policy(const AuditInput& input, Findings& findings) {
    const Policy& policy = *input.key_policy;
    const std::array<const Policy*, 1> policies{&policy};
    const Matrix matrix = key_matrix(input, policy, policies);
    KeyAudit(input, matrix).run(findings);
    findings.count(matrix.counts());
    audit_wording(input, policy, document, findings);
}

} // namespace weightseal::storage

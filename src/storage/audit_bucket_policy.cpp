// The bucket policy against the intent.

#include "storage/audit_matrix.hpp"

#include <algorithm>

namespace weightseal::storage {
namespace {

constexpr std::string_view document = "bucket_policy";

bool is_of_the_account(Part part) noexcept {
    return part == Part::unlisted || part == Part::administrator;
}

// Whether the intent is that this part may do this.
bool is_intended(Part part, const Target& target) noexcept {
    switch (part) {
    case Part::reader: return target.group == Group::read && target.in_prefix;
    case Part::publisher:
        return target.in_prefix && (target.action == "s3:PutObject" || target.action == "s3:AbortMultipartUpload" ||
                                    target.action == "s3:ListMultipartUploadParts");
    case Part::break_glass:
    case Part::root: return true;
    case Part::administrator:
        return target.group == Group::read_configuration || target.group == Group::change_configuration;
    case Part::unlisted: return target.group == Group::read_configuration;
    default: return false;
    }
}

// Of what is told of a breach, the worst.
int rank_of(const Target& target) noexcept {
    const int in_prefix = target.in_prefix ? 1 : 0;
    if (target.action == "s3:GetObject") return 8 + in_prefix;
    if (target.action == "s3:PutObject") return 6 + in_prefix;
    switch (target.group) {
    case Group::change_configuration: return 5;
    case Group::list: return 4;
    case Group::write: return 2 + in_prefix;
    default: return in_prefix;
    }
}

class BucketAudit {
  public:
    BucketAudit(const AuditInput& input, const Matrix& matrix)
        : input_(input), matrix_(matrix), breaches_(matrix, *input.bucket_policy, document) {}

    void run(Findings& findings) {
        for (std::size_t c = 0; c < matrix_.callers().size(); ++c)
            for (std::size_t t = 0; t < matrix_.targets().size(); ++t)
                for (std::size_t w = 0; w < matrix_.ways().size(); ++w)
                    if (const Case one{c, t, w}; matrix_.exists(one)) look_at(one);
        std::vector<std::string_view> accepted;
        if (input_.has_intent) accepted = {"administrators-unnamed", "no-vpc-endpoint"};
        breaches_.report(findings, accepted);
        look_at_lockouts(findings);
    }

  private:
    bool has_administrators() const {
        return !input_.intent.administrators.empty() || !input_.intent.break_glass.empty();
    }

    bool may_repair(Part part) const {
        return has_administrators() ? part == Part::administrator || part == Part::break_glass : part == Part::unlisted;
    }

    static bool is_safe(const Way& way) { return way.is_tls && way.signing == Signing::header; }

    void look_at(const Case& one) {
        const Verdict& verdict = matrix_.verdict(one);
        const Target& target = matrix_.targets()[one.target];
        const Part part = matrix_.callers()[one.caller].part;
        const int rank = rank_of(target);
        if (verdict.offered != Truth::no && verdict.open == Truth::no && input_.has_intent &&
            (part == Part::root || part == Part::break_glass || !is_intended(part, target)))
            breaches_.add("allow-too-wide", one, rank, true);
        if (verdict.open == Truth::no) return;
        const Way& way = matrix_.ways()[one.way];
        switch (part) {
        case Part::anonymous:
        case Part::stranger: return breaches_.add(way.is_wide ? "public-access" : "network-grant", one, rank);
        case Part::service: return breaches_.add("service-on-behalf", one, rank);
        case Part::named: breaches_.add("cross-account-access", one, rank); break;
        case Part::reader:
            if (!is_intended(part, target))
                breaches_.add("reader-unrestricted", one, target.group == Group::read ? 0 : rank);
            break;
        case Part::publisher:
            if (!is_intended(part, target)) breaches_.add("publisher-unrestricted", one, rank);
            break;
        case Part::unlisted:
        case Part::administrator: look_at_account(one, target, part, rank); break;
        default: break;
        }
        look_at_way(one, target, way, part, rank);
    }

    void look_at_account(const Case& one, const Target& target, Part part, int rank) {
        if (target.group == Group::read || target.group == Group::list) breaches_.add("unlisted-reader", one, rank);
        if (target.group == Group::write) breaches_.add("unlisted-writer", one, rank);
        if (target.group == Group::change_configuration && part == Part::unlisted)
            breaches_.add(has_administrators() ? "unlisted-administrator" : "administrators-unnamed", one,
                          target.action == "s3:PutBucketPolicy" ? 9 : rank);
    }

    void look_at_way(const Case& one, const Target& target, const Way& way, Part part, int rank) {
        // Nothing takes this from the root user.
        const bool is_roots_own = part == Part::root && target.action.ends_with("BucketPolicy");
        if (!way.is_tls && !is_roots_own) breaches_.add("tls-not-enforced", one, rank);
        if (!way.is_tls) return;
        const bool is_presigned = way.signing == Signing::query || way.signing == Signing::form;
        if (is_presigned && !is_roots_own) breaches_.add("presigned-allowed", one, rank);
        const bool is_bound =
            is_of_the_account(part) || part == Part::named || part == Part::reader || part == Part::publisher;
        if (target.group != Group::read || is_presigned || !is_bound) return;
        if (!way.is_intended)
            breaches_.add("network-open", one, rank);
        else if (input_.intent.vpc_endpoints.empty() && part == Part::reader && way.is_wide)
            breaches_.add("no-vpc-endpoint", one, rank);
    }

    void look_at_lockouts(Findings& findings) {
        const auto as_intended = [](const Way& way) { return is_safe(way) && way.is_intended; };
        bool can_repair = false;
        std::vector<std::pair<std::string, Truth>> kept_out; // administrators
        for (std::size_t c = 0; c < matrix_.callers().size(); ++c) {
            const SymbolicCaller& caller = matrix_.callers()[c];
            const auto locked_out = [&](std::string_view rule, Truth can) {
                if (can != Truth::yes)
                    findings.add(rule, document, {}, caller.words + ", over HTTPS", can == Truth::no);
                return can != Truth::yes;
            };
            if (caller.part == Part::reader) {
                const auto reading = {std::string_view("s3:GetObject"), std::string_view("s3:GetObjectVersion")};
                const auto least = {std::string_view("s3:GetObject")};
                const auto& actions = input_.has_intent ? reading : least;
                if (!locked_out("reader-locked-out", breaches_.can(c, actions, false, as_intended)))
                    locked_out("reader-not-granted", breaches_.can(c, actions, true, as_intended));
            }
            if (caller.part == Part::publisher) {
                const auto actions = {std::string_view("s3:PutObject"), std::string_view("s3:AbortMultipartUpload"),
                                      std::string_view("s3:ListMultipartUploadParts")};
                if (!locked_out("publisher-locked-out", breaches_.can(c, actions, false, is_safe)))
                    locked_out("publisher-not-granted", breaches_.can(c, actions, true, is_safe));
            }
            if (caller.part == Part::break_glass)
                locked_out("break-glass-locked-out",
                           breaches_.can(c,
                                         {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket",
                                          "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock"},
                                         false, is_safe));
            if (caller.part == Part::administrator && input_.has_intent)
                if (const Truth can = breaches_.can(c,
                                                    {"s3:PutBucketPolicy", "s3:DeleteBucketPolicy",
                                                     "s3:PutBucketPublicAccessBlock", "s3:PutEncryptionConfiguration"},
                                                    false, is_safe);
                    can != Truth::yes)
                    kept_out.emplace_back(caller.words, can);
            if (may_repair(caller.part))
                can_repair |=
                    breaches_.can(c, {"s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}, false, is_safe) == Truth::yes;
        }
        if (!can_repair) return findings.add("admin-lockout", document, deny_of_repair(), lockout_words());
        for (const auto& [words, can] : kept_out)
            findings.add("administrator-locked-out", document, {}, words + ", over HTTPS", can == Truth::no);
    }

    // The Deny that keeps from repairing the policy those who should.
    std::string deny_of_repair() const {
        for (std::size_t c = 0; c < matrix_.callers().size(); ++c) {
            if (!may_repair(matrix_.callers()[c].part)) continue;
            for (std::size_t t = 0; t < matrix_.targets().size(); ++t) {
                const std::string& action = matrix_.targets()[t].action;
                if (action != "s3:PutBucketPolicy" && action != "s3:DeleteBucketPolicy") continue;
                for (std::size_t w = 0; w < matrix_.ways().size(); ++w) {
                    const Case one{c, t, w};
                    if (!matrix_.exists(one) || !is_safe(matrix_.ways()[w])) continue;
                    if (const Verdict& verdict = matrix_.verdict(one); verdict.open != Truth::yes && verdict.deny)
                        return statement_name(*input_.bucket_policy, *verdict.deny);
                }
            }
        }
        return {};
    }

    std::string lockout_words() const {
        return has_administrators()
                   ? "no administrator and no break-glass principal can s3:PutBucketPolicy and "
                     "s3:DeleteBucketPolicy; the root user can"
                   : "no principal of the account but those whom the policy names can s3:PutBucketPolicy "
                     "and s3:DeleteBucketPolicy, whatever its identity policy; the root user can";
    }

    const AuditInput& input_;
    const Matrix& matrix_;
    Breaches breaches_;
};

} // namespace

Matrix bucket_matrix(const AuditInput& input, const Policy& policy, std::span<const Policy* const> policies) {
    PolicySet set;
    set.owner_account = input.intent.account;
    set.resource_policy = &policy;
    for (const std::string_view name : {"public_access_block", "account_public_access_block"})
        if (const auto found = input.settings.find(name); found != input.settings.end())
            set.restrict_public_buckets |= at(found->second, {"RestrictPublicBuckets"}) == true;
    std::vector<SymbolicCaller> callers = symbolic_callers(input.intent, input.has_intent, policies);
    std::vector<Target> targets = s3_targets(input.intent, policies, callers);
    return Matrix(input.intent, set, std::move(callers), std::move(targets), s3_ways(input.intent, policies),
                  strange_account(policies));
}

void audit_bucket_policy(const AuditInput& input, Findings& findings) {
    const Policy& policy = *input.bucket_policy;
    const std::array<const Policy*, 1> policies{&policy};
    const Matrix matrix = bucket_matrix(input, policy, policies);
    BucketAudit(input, matrix).run(findings);
    findings.count(matrix.counts());
    audit_wording(input, policy, document, findings);
}

} // namespace weightseal::storage

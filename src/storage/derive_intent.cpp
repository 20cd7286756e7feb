// The intent that a policy shows, where nobody says it: whoever it names may do what it allows them.

#include "storage/audit_input.hpp"
#include "storage/pattern.hpp"
#include "storage/statement.hpp"
#include "storage/text.hpp"
#include "weightseal/storage/evaluate.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace weightseal::storage {
namespace {

class Derived {
  public:
    Derived(AuditInput& input, const AuditOptions& options) : input_(input), intent_(input.intent), options_(options) {}

    void derive(const Policy& policy, Service service) {
        find_place(policy);
        find_region(policy);
        find_account(policy);
        for (const Statement& statement : policy.statements)
            if (statement.effect == Effect::allow && !statement.not_principal) find_members(statement, service);
        for (const Statement& statement : policy.statements)
            find_exceptions(statement);
    }

  private:
    // Bucket and partition of the first resource that has them; else a bucket that the first pattern matches. Terraform
    // knows the bucket, and not its partition.
    void find_place(const Policy& policy) {
        std::string similar;
        const auto look_at = [&](const std::string& resource) {
            const auto arn = Arn::parse(resource);
            if (!arn || arn->service != "s3") return;
            const std::string_view bucket = arn->resource.substr(0, arn->resource.find('/'));
            const bool is_of_known = !intent_.bucket.empty() && matches(bucket, intent_.bucket);
            if (!has_wildcard(arn->partition) && intent_.partition.empty() && (intent_.bucket.empty() || is_of_known))
                intent_.partition = arn->partition;
            if (bucket.empty() || !intent_.bucket.empty()) return;
            if (!has_wildcard(bucket))
                intent_.bucket = bucket;
            else if (similar.empty() && bucket != "*")
                similar = instance_of(bucket);
        };
        for (const Statement& statement : policy.statements) {
            std::ranges::for_each(statement.resources, look_at);
            for (const Condition& condition : statement.conditions) // a key's
                if (condition.key == "kms:encryptioncontext:aws:s3:arn")
                    std::ranges::for_each(condition.values, look_at);
        }
        if (intent_.partition.empty()) intent_.partition = partition_of_principals(policy);
        if (!intent_.bucket.empty()) return;
        intent_.bucket = similar.empty() ? "any-bucket" : similar;
        input_.assumptions.push_back(fmt::format("the policy names no bucket; a bucket {} was taken", intent_.bucket));
    }

    // The one that S3 is named in.
    void find_region(const Policy& policy) {
        std::set<std::string_view> regions;
        for (const Statement& statement : policy.statements)
            for (const Condition& condition : statement.conditions)
                if (condition.key == "kms:viaservice")
                    for (const std::string& name : condition.values)
                        if (const std::string_view region = region_of(name); !region.empty()) regions.insert(region);
        if (!intent_.region.empty() || regions.size() != 1) return;
        intent_.region = *regions.begin();
        input_.assumptions.push_back(
            fmt::format("the region is {}, the only one in which kms:ViaService names S3", intent_.region));
    }

    // Of "s3.REGION.amazonaws.com", else empty.
    static std::string_view region_of(std::string_view service) {
        if (!service.starts_with("s3.")) return {};
        service.remove_prefix(3);
        const std::string_view region = service.substr(0, service.find('.')), end = service.substr(region.size());
        const bool is_of_aws = end == ".amazonaws.com" || end == ".amazonaws.com.cn";
        return is_of_aws && !has_wildcard(region) && !has_variable(region) ? region : std::string_view{};
    }

    static std::string partition_of_principals(const Policy& policy) {
        for (const Statement& statement : policy.statements)
            for (const Principal& principal : statement.principals)
                if (const auto arn = Arn::parse(principal.value); arn && !has_wildcard(arn->partition))
                    return std::string(arn->partition);
        return "aws";
    }

    void find_account(const Policy& policy) {
        if (!options_.account.empty()) {
            intent_.account = options_.account;
            return;
        }
        const auto take = [&](std::string_view text) {
            const std::string_view whole = whole_account(text);
            const auto arn = Arn::parse(text);
            const std::string_view account = !whole.empty() ? whole : arn ? arn->account : std::string_view{};
            if (intent_.account.empty() && !account.empty() && !has_wildcard(account)) intent_.account = account;
        };
        for (const Statement& statement : policy.statements) {
            for (const Principal& principal : statement.principals)
                if (principal.kind == PrincipalKind::aws) take(principal.value);
            for (const Condition& condition : statement.conditions)
                if (condition.key == "aws:principalarn" || condition.key == "aws:principalaccount" ||
                    condition.key == "aws:sourceaccount" || condition.key == "s3:resourceaccount")
                    for (const std::string& value : condition.values)
                        take(value);
        }
        if (intent_.account.empty())
            input_.assumptions.push_back(
                "the policy does not tell whose bucket it is: an account 000000000000 was taken");
        else
            input_.assumptions.push_back(
                fmt::format("the owner is account {}, the first that the policy names", intent_.account));
        if (intent_.account.empty()) intent_.account = "000000000000";
    }

    bool is_known(const std::string& name) const {
        for (const auto* list : {&intent_.readers, &intent_.publishers, &intent_.break_glass, &intent_.administrators})
            if (std::ranges::find(*list, name, &Member::name) != list->end()) return true;
        return false;
    }

    bool is_known_id(const std::string& id) const {
        return std::ranges::find(intent_.break_glass, id, &Member::id) != intent_.break_glass.end();
    }

    void add(std::vector<Member>& members, const std::string& name) {
        if (!is_known(name)) members.push_back({name, {}});
    }

    // Readers of S3 are those who may read; whoever else is allowed something is trusted as the policy trusts him.
    void find_members(const Statement& statement, Service service) {
        const bool is_s3 = service == Service::s3;
        const bool may_read = about_action(statement, is_s3 ? "s3:getobject" : "kms:decrypt");
        const bool may_write = about_action(statement, is_s3 ? "s3:putobject" : "kms:generatedatakey");
        const bool may_change = about_action(statement, is_s3 ? "s3:putbucketpolicy" : "kms:putkeypolicy");
        auto& members = may_change && may_read   ? intent_.break_glass
                        : may_change             ? intent_.administrators
                        : may_read && !may_write ? intent_.readers
                        : may_write && !may_read ? intent_.publishers
                                                 : intent_.break_glass;
        for (const Principal& principal : statement.principals)
            if (principal.kind == PrincipalKind::aws && is_own(principal.value) &&
                whole_account(principal.value).empty())
                add(members, principal.value);
    }

    bool is_own(std::string_view principal) const {
        const auto arn = Arn::parse(principal);
        return arn && !has_wildcard(principal) && (arn->service == "iam" || arn->service == "sts");
    }

    // Those whom a Deny to everyone spares.
    void find_exceptions(const Statement& statement) {
        if (statement.effect != Effect::deny) return;
        for (const Condition& condition : statement.conditions) {
            if (!condition.negated) continue;
            for (const std::string& value : condition.values) {
                const std::string id = value.substr(0, value.find(":*"));
                if (condition.key == "aws:principalarn" && is_own(value) &&
                    Arn::parse(value)->account == intent_.account)
                    add(intent_.break_glass, value);
                if (condition.key == "aws:userid" && is_unique_id(id) && !is_known_id(id))
                    intent_.break_glass.push_back({{}, id});
            }
        }
    }

    AuditInput& input_;
    Intent& intent_;
    const AuditOptions& options_;
};

} // namespace

void derive_intent(AuditInput& input, const AuditOptions& options) {
    Derived derived(input, options);
    if (input.bucket_policy) derived.derive(*input.bucket_policy, Service::s3);
    if (input.key_policy) derived.derive(*input.key_policy, Service::kms);
    input.assumptions.push_back("whoever the policy names may do what it allows them: a bundle of `weightseal policy` "
                                "also says what is meant");
}

} // namespace weightseal::storage

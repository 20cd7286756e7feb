#include "weightseal/storage/request.hpp"

#include "storage/text.hpp"

#include <fmt/format.h>

namespace weightseal::storage {

void Context::set(std::string_view key, std::string value) {
    set(key, KeyValue{KeyValue::State::known, {std::move(value)}});
}

void Context::set(std::string_view key, KeyValue value) {
    keys_.insert_or_assign(lower(key), std::move(value));
}

void Context::set_absent(std::string_view key) {
    set(key, KeyValue{});
}

const KeyValue& Context::find(std::string_view key) const noexcept {
    const auto found = keys_.find(key);
    return found == keys_.end() ? others_ : found->second;
}

std::string Caller::session_arn() const {
    const auto parsed = Arn::parse(arn);
    if (kind != CallerKind::role || !parsed) return {};
    // The path of a role is no part of the name of its sessions.
    const std::string_view name = parsed->resource.substr(parsed->resource.rfind('/') + 1);
    return fmt::format("arn:{}:sts::{}:assumed-role/{}/{}", parsed->partition, account, name, session);
}

// Source: the tables of principal keys in "AWS global condition context keys" and "Policy variables".
void describe(const Caller& caller, Context& context) {
    constexpr std::string_view of_principals[] = {
        "aws:PrincipalArn",         "aws:PrincipalAccount",          "aws:PrincipalOrgID", "aws:PrincipalOrgPaths",
        "aws:PrincipalServiceName", "aws:PrincipalServiceNamesList", "aws:username",       "aws:userid",
        "aws:PrincipalType",        "aws:PrincipalIsAWSService"};
    for (const std::string_view key : of_principals)
        context.set_absent(key);
    const KeyValue unknown{KeyValue::State::unknown, {}};
    switch (caller.kind) {
    case CallerKind::anonymous:
        // One table says that the key is there, the other that it is not.
        context.set("aws:userid", unknown);
        context.set("aws:PrincipalType", "Anonymous");
        context.set("aws:PrincipalAccount", "anonymous");
        return;
    case CallerKind::service:
        context.set("aws:PrincipalIsAWSService", "true");
        context.set("aws:PrincipalServiceName", caller.service);
        context.set("aws:PrincipalServiceNamesList", unknown);
        context.set("aws:PrincipalType", unknown);
        return;
    case CallerKind::role:
        context.set("aws:PrincipalType", "AssumedRole");
        if (caller.unique_id.empty())
            context.set("aws:userid", unknown);
        else
            context.set("aws:userid", caller.unique_id + ':' + caller.session);
        break;
    case CallerKind::user:
        context.set("aws:PrincipalType", "User");
        context.set("aws:username", caller.arn.substr(caller.arn.rfind('/') + 1));
        if (caller.unique_id.empty())
            context.set("aws:userid", unknown);
        else
            context.set("aws:userid", caller.unique_id);
        break;
    case CallerKind::root:
        context.set("aws:PrincipalType", "Account");
        context.set("aws:userid", caller.account);
        break;
    case CallerKind::federated_user:
        context.set("aws:PrincipalType", "FederatedUser");
        context.set("aws:userid", caller.account + ':' + caller.arn.substr(caller.arn.rfind('/') + 1));
        break;
    }
    context.set("aws:PrincipalArn", caller.arn);
    context.set("aws:PrincipalAccount", caller.account);
    context.set("aws:PrincipalOrgID", unknown);
    context.set("aws:PrincipalOrgPaths", unknown);
    context.set("aws:PrincipalIsAWSService", "false");
}

} // namespace weightseal::storage

#include "storage/aws_statements.hpp"

#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::storage {

Identities identities_of(std::initializer_list<std::span<const Member>> members) {
    Identities identities;
    for (const std::span<const Member> list : members)
        for (const Member& member : list) {
            if (member.id.empty())
                identities.arns.push_back(member.name);
            else // the sessions of a role follow its id
                identities.ids.push_back(member.id.starts_with("AROA") ? member.id + ":*" : member.id);
        }
    return identities;
}

void add_unless(Json& condition, const Identities& identities) {
    if (!identities.ids.empty()) condition["StringNotLike"]["aws:userid"] = identities.ids;
    if (!identities.arns.empty()) condition["StringNotEquals"]["aws:PrincipalArn"] = identities.arns;
}

Json arns_of(std::initializer_list<std::span<const Member>> members) {
    Json arns = Json::array();
    for (const std::span<const Member> list : members)
        for (const Member& member : list)
            arns.push_back(member.name);
    return arns;
}

void PolicyWriter::add(std::string_view sid, std::string_view explanation, std::string_view effect, Json principal,
                       std::string_view action_name, Json action, std::string_view resource_name, Json resource,
                       Json condition) {
    Json statement{{"Sid", sid}, {"Effect", effect}};
    if (!principal.is_null()) statement["Principal"] = std::move(principal);
    statement[std::string(action_name)] = std::move(action);
    statement[std::string(resource_name)] = std::move(resource);
    if (!condition.is_null()) statement["Condition"] = std::move(condition);
    statements_.push_back(std::move(statement));
    explanations_.emplace_back(sid, explanation);
}

Document PolicyWriter::finish(std::string_view name, std::string_view explanation, std::string command,
                              std::size_t max_size) {
    Document document;
    document.name = name;
    document.explanation = explanation;
    document.content = {{"Version", "2012-10-17"}, {"Statement", std::move(statements_)}};
    document.statements = std::move(explanations_);
    document.command = std::move(command);
    document.max_size = max_size;
    if (const std::size_t size = document.content.dump().size(); size > max_size)
        throw Error(Errc::policy_too_large, name,
                    fmt::format("takes {} bytes, and AWS takes {}: name fewer members", size, max_size));
    return document;
}

std::string bucket_arn(const Intent& intent) {
    return fmt::format("arn:{}:s3:::{}", intent.partition, intent.bucket);
}

std::string key_alias(const Intent& intent) {
    std::string name = intent.bucket;
    std::ranges::replace(name, '.', '-'); // an alias has no dots
    return "alias/weights-" + name;
}

std::string key_or_alias(const Intent& intent) {
    if (!intent.key.empty()) return intent.key;
    if (intent.region.empty()) return key_alias(intent);
    return fmt::format("arn:{}:kms:{}:{}:{}", intent.partition, intent.region, intent.account, key_alias(intent));
}

} // namespace weightseal::storage

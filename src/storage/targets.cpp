#include "storage/targets.hpp"

#include "storage/network.hpp"
#include "storage/networks.hpp"
#include "storage/objects.hpp"
#include "storage/pattern.hpp"
#include "storage/text.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

struct Action {
    Group group;
    std::string_view name;
    bool of_objects;
};

constexpr std::array s3_actions{
    Action{Group::read, "s3:GetObject", true},
    Action{Group::read, "s3:GetObjectVersion", true},
    Action{Group::read, "s3:GetObjectAttributes", true},
    Action{Group::read, "s3:GetObjectTagging", true},
    Action{Group::read, "s3:GetObjectAcl", true},
    Action{Group::list, "s3:ListBucket", false},
    Action{Group::list, "s3:ListBucketVersions", false},
    Action{Group::list, "s3:ListBucketMultipartUploads", false},
    Action{Group::list, "s3:ListMultipartUploadParts", true},
    Action{Group::write, "s3:PutObject", true},
    Action{Group::write, "s3:PutObjectAcl", true},
    Action{Group::write, "s3:PutObjectTagging", true},
    Action{Group::write, "s3:PutObjectRetention", true},
    Action{Group::write, "s3:DeleteObject", true},
    Action{Group::write, "s3:DeleteObjectVersion", true},
    Action{Group::write, "s3:AbortMultipartUpload", true},
    Action{Group::write, "s3:RestoreObject", true},
    Action{Group::write, "s3:ReplicateObject", true},
    Action{Group::write, "s3:BypassGovernanceRetention", true},
    Action{Group::read_configuration, "s3:GetBucketPolicy", false},
    Action{Group::read_configuration, "s3:GetBucketAcl", false},
    Action{Group::read_configuration, "s3:GetEncryptionConfiguration", false},
    Action{Group::change_configuration, "s3:PutBucketPolicy", false},
    Action{Group::change_configuration, "s3:DeleteBucketPolicy", false},
    Action{Group::change_configuration, "s3:PutBucketPublicAccessBlock", false},
    Action{Group::change_configuration, "s3:PutBucketAcl", false},
    Action{Group::change_configuration, "s3:PutBucketOwnershipControls", false},
    Action{Group::change_configuration, "s3:PutEncryptionConfiguration", false},
    Action{Group::change_configuration, "s3:PutReplicationConfiguration", false},
    Action{Group::change_configuration, "s3:PutBucketVersioning", false},
    Action{Group::change_configuration, "s3:PutLifecycleConfiguration", false},
    Action{Group::change_configuration, "s3:PutBucketObjectLockConfiguration", false},
    Action{Group::change_configuration, "s3:PutInventoryConfiguration", false},
    Action{Group::change_configuration, "s3:DeleteBucket", false},
};

constexpr std::array kms_actions{
    Action{Group::read, "kms:Decrypt", true},
    Action{Group::write, "kms:Encrypt", true},
    Action{Group::write, "kms:GenerateDataKey", true},
    Action{Group::read, "kms:ReEncryptFrom", true},
    Action{Group::read_configuration, "kms:GetKeyPolicy", true},
    Action{Group::change_configuration, "kms:PutKeyPolicy", true},
    Action{Group::change_configuration, "kms:CreateGrant", true},
    Action{Group::change_configuration, "kms:ScheduleKeyDeletion", true},
    Action{Group::change_configuration, "kms:DisableKey", true},
};

std::string_view words_of(Signing signing) {
    switch (signing) {
    case Signing::query: return ", by a presigned URL";
    case Signing::form: return ", by a presigned form";
    default: return "";
    }
}

} // namespace

std::vector<Target> s3_targets(const Intent& intent, std::span<const Policy* const> policies) {
    const std::string bucket = fmt::format("arn:{}:s3:::{}", intent.partition, intent.bucket);
    const std::vector<std::string> objects = objects_apart(intent, policies);
    std::vector<Target> targets;
    for (const Action& action : s3_actions) {
        if (!action.of_objects) {
            targets.push_back({action.group, std::string(action.name), bucket, false, "bucket " + intent.bucket});
            continue;
        }
        for (const std::string& object : objects) {
            const std::string key = object.substr(bucket.size() + 1);
            targets.push_back({action.group, std::string(action.name), object, key.starts_with(intent.prefix),
                               fmt::format("object {} in {}", key, intent.bucket)});
        }
    }
    return targets;
}

std::vector<Target> kms_targets(const Intent& intent) {
    const std::string key =
        !intent.key.empty() ? intent.key
                            : fmt::format("arn:{}:kms:{}:{}:key/00000000-0000-0000-0000-000000000000", intent.partition,
                                          intent.region.empty() ? "us-east-1" : intent.region, intent.account);
    std::vector<Target> targets;
    for (const Action& action : kms_actions)
        targets.push_back({action.group, std::string(action.name), key, true, "the key"});
    return targets;
}

std::vector<Way> s3_ways(const Intent& intent, std::span<const Policy* const> policies) {
    std::vector<Way> ways;
    for (const Way& network : networks_apart(intent, compared_values(policies)))
        for (const bool is_tls : {true, false})
            for (const Signing signing : {Signing::none, Signing::header, Signing::query, Signing::form}) {
                Way one = network;
                one.is_tls = is_tls;
                one.signing = signing;
                one.words =
                    fmt::format("{} {}{}", is_tls ? "over HTTPS" : "over plain HTTP", network.words, words_of(signing));
                ways.push_back(std::move(one));
            }
    return ways;
}

std::vector<Way> kms_ways(const Intent& intent, std::span<const Policy* const> policies) {
    const ComparedValues compared = compared_values(policies);
    const std::string region = intent.region.empty() ? "us-east-1" : intent.region;
    const std::string_view end = intent.partition.starts_with("aws-cn") ? ".cn" : "";
    const std::string s3 = fmt::format("s3.{}.amazonaws.com{}", region, end);
    std::vector<Way> ways;
    const auto through = [&](std::string_view service, bool is_intended, std::string words, std::string_view object) {
        Way& way = ways.emplace_back();
        way.words = std::move(words);
        way.is_intended = is_intended;
        way.through_s3 = true;
        way.keys = {{"kms:ViaService", std::string(service)},
                    {"kms:EncryptionContext:aws:s3:arn", fmt::format("arn:{}:s3:::{}", intent.partition, object)}};
    };
    const std::string object = fmt::format("{}/{}weights", intent.bucket, intent.prefix);
    through(s3, true, "through S3", object);
    for (Way& network : networks_apart(intent, compared)) {
        const bool is_first = ways.size() == 1;
        network.words = is_first ? "directly" : "directly " + network.words;
        network.is_intended = false;
        ways.push_back(std::move(network));
    }
    through(s3, false, "through S3, for an object of another bucket", "another-bucket/object");
    through(fmt::format("dynamodb.{}.amazonaws.com{}", region, end), false, "through another service of AWS", object);
    if (const auto services = compared.find("kms:viaservice"); services != compared.end())
        for (const std::string& pattern : services->second)
            if (const std::string name = instance_of(pattern); !matches(pattern, s3))
                through(name, false, "through " + name, object);
    return ways;
}

std::vector<std::string> choices_of(std::string_view key, Service service, Group group, const SymbolicCaller& caller,
                                    const Way& way, const ComparedValues& compared) {
    const bool is_signed = caller.part != Part::anonymous;
    const auto is_one_of = [&](std::initializer_list<std::string_view> keys) {
        return std::ranges::find(keys, key) != keys.end();
    };
    const auto starts_with_one_of = [&](std::initializer_list<std::string_view> starts) {
        return std::ranges::any_of(starts, [&](std::string_view start) { return key.starts_with(start); });
    };
    bool is_chosen = is_one_of({"aws:referer", "aws:useragent"});
    if (key == "aws:vpcsourceip") is_chosen = way.keys[0].first == "aws:SourceVpce";
    if (is_signed && caller.part != Part::service)
        is_chosen |= is_one_of(
            {"aws:multifactorauthpresent", "aws:multifactorauthage", "aws:sourceidentity", "sts:rolesessionname"});
    // Whoever owns a role writes its tags.
    if (caller.part == Part::stranger) is_chosen |= key.starts_with("aws:principaltag/");
    if (caller.part == Part::service) is_chosen |= key == "aws:sourcearn";
    if (service == Service::s3) {
        if (group == Group::list) is_chosen |= is_one_of({"s3:prefix", "s3:delimiter", "s3:max-keys"});
        if (group == Group::read) is_chosen |= is_one_of({"s3:versionid", "s3:if-match", "s3:if-none-match"});
        if (group == Group::write || group == Group::change_configuration)
            is_chosen |= starts_with_one_of({"s3:x-amz-", "s3:requestobjecttag", "s3:object-lock-", "aws:requesttag/",
                                             "aws:tagkeys", "s3:versionid", "s3:if-"});
        if (way.signing == Signing::query || way.signing == Signing::form) is_chosen |= key == "s3:signatureage";
        is_chosen |= key == "s3:x-amz-content-sha256";
        if (way.is_tls) is_chosen |= key == "s3:tlsversion";
    } else if (!way.through_s3) {
        is_chosen |= starts_with_one_of({"kms:encryptioncontext", "kms:grant", "kms:request"});
    }
    if (!is_chosen) return {};
    std::set<std::string> choices;
    if (const auto found = compared.find(key); found != compared.end())
        for (const std::string& value : found->second) {
            const std::string instance =
                instance_of(value.substr(0, value.find('/')) == value || key != "aws:vpcsourceip"
                                ? value
                                : value.substr(0, value.find('/')));
            // A fixed ARN of somebody else is not the stranger's.
            if (key == "aws:sourcearn" && !has_wildcard(value)) continue;
            if (value.find("${") == value.npos) choices.insert(instance);
            // On both sides of a number.
            if (!value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; }) &&
                value.size() < 16) {
                const long long number = std::stoll(value);
                choices.insert(std::to_string(number + 1));
                if (number > 0) choices.insert(std::to_string(number - 1));
            }
        }
    if (key == "aws:multifactorauthpresent") return {"true", "false"};
    if (key == "s3:tlsversion") return {"1.2", "1.3"};
    if (key == "aws:sourcearn")
        choices.insert("arn:aws:s3:::a-bucket-of-a-stranger");
    else
        choices.insert("something");
    return {choices.begin(), choices.end()};
}

Context context_of(const Intent& intent, Service service, Group group, const SymbolicCaller& caller, const Way& way,
                   const ComparedValues& compared, std::string_view stranger) {
    Context context(KeyValue::State::unknown);
    for (const auto& [key, values] : compared) {
        const bool of_request = key.starts_with("s3:") || key.starts_with("aws:requesttag/") || key == "aws:referer" ||
                                key == "aws:useragent" || key == "aws:tagkeys";
        // What a request has not said of itself is not there; tags of objects are none of that.
        if ((of_request && !key.starts_with("s3:existingobjecttag")) ||
            !choices_of(key, service, group, caller, way, compared).empty())
            context.set_absent(key);
    }
    describe(caller.caller, context);
    for (const std::string_view key :
         {"aws:SourceIp", "aws:SourceVpce", "aws:SourceVpc", "aws:VpcSourceIp", "kms:ViaService", "aws:SourceArn",
          "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:CalledVia",
          "aws:CalledViaFirst", "aws:CalledViaLast"})
        context.set_absent(key);
    for (const auto& [key, value] : way.keys)
        context.set(key, value);
    if (caller.part == Part::stranger) {
        context.set("aws:PrincipalOrgID", "o-stranger00");
        context.set("aws:PrincipalOrgPaths", "o-stranger00/r-stra/ou-stra-00000000/");
    }
    if (caller.part == Part::service) {
        context.set("aws:SourceAccount", std::string(stranger));
        context.set("aws:SourceOrgID", "o-stranger00");
        context.set("aws:SourceOrgPaths", "o-stranger00/r-stra/ou-stra-00000000/");
        context.set_absent("aws:SourceIp");
    }
    context.set("aws:SecureTransport", way.is_tls ? "true" : "false");
    context.set("aws:ViaAWSService", way.through_s3 ? "true" : "false");
    if (!intent.account.empty()) {
        context.set("aws:ResourceAccount", intent.account);
        context.set("s3:ResourceAccount", intent.account);
    }
    if (!intent.region.empty()) context.set("aws:RequestedRegion", intent.region);
    if (service == Service::kms && !caller.caller.account.empty())
        context.set("kms:CallerAccount", caller.caller.account);
    if (way.signing == Signing::none || service == Service::kms) return context;
    context.set("s3:signatureversion", "AWS4-HMAC-SHA256");
    context.set("s3:authType", way.signing == Signing::header  ? "REST-HEADER"
                               : way.signing == Signing::query ? "REST-QUERY-STRING"
                                                               : "POST");
    return context;
}

} // namespace weightseal::storage

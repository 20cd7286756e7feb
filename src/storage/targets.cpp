#include "storage/targets.hpp"

#include "storage/aws_statements.hpp"
#include "storage/choices.hpp"
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

std::vector<Target> s3_targets(const Intent& intent, std::span<const Policy* const> policies,
                               std::span<const SymbolicCaller> callers) {
    const std::string bucket = bucket_arn(intent);
    const std::vector<std::string> objects = objects_apart(intent, policies, callers);
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
        way.via = service.starts_with("s3.") ? Via::s3 : Via::another_service;
        way.keys = {{"kms:ViaService", std::string(service)}};
        // Others have contexts of their own; whether they name an object of S3, too, is not known.
        if (way.via == Via::s3) way.keys.emplace_back("kms:EncryptionContext:aws:s3:arn", object);
    };
    const std::vector<std::string> arns =
        contexts_apart(intent, values_of(compared, "kms:encryptioncontext:aws:s3:arn"));
    through(s3, true, "through S3", arns[0]);
    for (Way& network : networks_apart(intent, compared)) {
        const bool is_first = ways.size() == 1;
        network.words = is_first ? "directly" : "directly " + network.words;
        network.is_intended = false;
        ways.push_back(std::move(network));
    }
    through(fmt::format("dynamodb.{}.amazonaws.com{}", region, end), false, "through another service of AWS", {});
    const std::string bucket = bucket_arn(intent), prefix = bucket + '/' + intent.prefix;
    for (std::size_t i = 1; i < arns.size(); ++i) {
        const std::string& arn = arns[i];
        if (arn == bucket)
            through(s3, true, "through S3, under a bucket key", arn);
        else
            through(s3, arn.starts_with(prefix), "through S3, for " + arn, arn);
    }
    const std::set<std::string>& services = values_of(compared, "kms:viaservice");
    const Filler filler(services);
    for (const std::string& pattern : services)
        if (!matches(pattern, s3))
            for (const std::string& name : filler.texts_of(pattern)) // S3, where no region is known, in any
                through(name, intent.region.empty() && name.starts_with("s3."), "through " + name, arns[0]);
    return ways;
}

Context context_of(const RequestParts& parts, std::span<const std::string> keys, std::string_view stranger) {
    const auto& [intent, service, caller, described, way] = parts;
    Context context(KeyValue::State::unknown);
    for (const std::string& key : keys) {
        if (const KeyValue& value = described.find(key); value.state != KeyValue::State::unknown)
            context.set(key, value);
        else if (is_of_request(key)) // what a request has not said of itself is not there
            context.set_absent(key);
    }
    const auto is_read = [&](std::string_view key) { return std::ranges::binary_search(keys, key, std::less<>{}); };
    const auto set = [&](std::string_view key, std::string_view value) {
        if (is_read(key)) context.set(key, std::string(value));
    };
    for (const std::string_view key :
         {"aws:sourceip", "aws:sourcevpce", "aws:sourcevpc", "aws:vpcsourceip", "kms:viaservice", "aws:sourcearn",
          "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceowner"})
        if (is_read(key)) context.set_absent(key);
    if (way.via != Via::another_service) // some of which say so: Athena, CloudFormation, DynamoDB
        for (const std::string_view key : {"aws:calledvia", "aws:calledviafirst", "aws:calledvialast"})
            if (is_read(key)) context.set_absent(key);
    for (const auto& [key, value] : way.keys)
        set(lower(key), value);
    if (caller.part == Part::service) {
        set("aws:sourceaccount", stranger);
        set("aws:sourceorgid", strange_organisation);
        set("aws:sourceorgpaths", strange_organisation_path);
        if (is_read("aws:sourceip")) context.set_absent("aws:sourceip");
    }
    set("aws:securetransport", way.is_tls ? "true" : "false");
    set("aws:viaawsservice", way.via != Via::nothing ? "true" : "false");
    if (!intent.account.empty()) {
        set("aws:resourceaccount", intent.account);
        set("s3:resourceaccount", intent.account);
    }
    if (!intent.region.empty()) set("aws:requestedregion", intent.region);
    if (service == Service::kms && !caller.caller.account.empty()) set("kms:calleraccount", caller.caller.account);
    if (way.signing == Signing::none || service == Service::kms) return context;
    set("s3:signatureversion", "AWS4-HMAC-SHA256");
    set("s3:authtype", way.signing == Signing::header  ? "REST-HEADER"
                       : way.signing == Signing::query ? "REST-QUERY-STRING"
                                                       : "POST");
    return context;
}

} // namespace weightseal::storage

// The key policy. It does not leave decryption to the account's identity policies, as the usual one does.

#include "storage/aws_statements.hpp"

#include <array>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array administration{"kms:CancelKeyDeletion"sv,
                                    "kms:CreateAlias"sv,
                                    "kms:DeleteAlias"sv,
                                    "kms:Describe*"sv,
                                    "kms:Disable*"sv,
                                    "kms:Enable*"sv,
                                    "kms:Get*"sv,
                                    "kms:List*"sv,
                                    "kms:PutKeyPolicy"sv,
                                    "kms:RevokeGrant"sv,
                                    "kms:RotateKeyOnDemand"sv,
                                    "kms:ScheduleKeyDeletion"sv,
                                    "kms:TagResource"sv,
                                    "kms:UntagResource"sv,
                                    "kms:Update*"sv};

// Through S3, and for objects of this prefix: bucket keys have the bucket as their context, others the object.
Json through_s3(const Intent& intent) {
    const bool is_china = intent.partition.starts_with("aws-cn");
    const std::string service =
        fmt::format("s3.{}.amazonaws.com{}", intent.region.empty() ? "*" : intent.region, is_china ? ".cn" : "");
    const std::string bucket = bucket_arn(intent);
    return {{"StringLike",
             {{"kms:ViaService", service},
              {"kms:EncryptionContext:aws:s3:arn", {bucket, bucket + '/' + intent.prefix + '*'}}}}};
}

} // namespace

Document aws_key_policy(const Intent& intent) {
    PolicyWriter writer;
    const Json root{{"AWS", fmt::format("arn:{}:iam::{}:root", intent.partition, intent.account)}};
    const bool names_administrators = !intent.administrators.empty() || !intent.break_glass.empty();
    if (names_administrators)
        writer.add("AllowAdministration", "Administrators and break-glass manage the key; they cannot grant its use.",
                   "Allow", {{"AWS", arns_of({intent.administrators, intent.break_glass})}}, "Action", administration,
                   "Resource", "*");
    Json condition = Json::object();
    if (names_administrators)
        condition["StringEquals"]["aws:PrincipalType"] = "Account";
    else
        add_unless(condition, identities_of({intent.readers, intent.publishers}));
    writer.add(
        "AllowRoot",
        names_administrators
            ? "The root user manages the key, so that it cannot be lost."
            : "Whoever identity policies allow, but no reader and no publisher, manages the key; nobody decrypts by "
              "them.",
        "Allow", root, "Action", administration, "Resource", "*", condition);
    writer.add("AllowReaders", "Readers decrypt, through S3 and for these objects only.", "Allow",
               {{"AWS", arns_of({intent.readers})}}, "Action", "kms:Decrypt", "Resource", "*", through_s3(intent));
    if (!intent.publishers.empty() || !intent.break_glass.empty())
        writer.add("AllowPublishers",
                   "Publishers and break-glass encrypt, through S3 and for these objects only; an upload in parts also "
                   "takes decryption.",
                   "Allow", {{"AWS", arns_of({intent.publishers, intent.break_glass})}}, "Action",
                   {"kms:Decrypt", "kms:GenerateDataKey"}, "Resource", "*", through_s3(intent));
    const std::string command =
        intent.key.empty()
            ? fmt::format("aws kms create-key --description {} --policy @ --query KeyMetadata.KeyId --output text |"
                          " xargs -I KEY aws kms create-alias --alias-name {} --target-key-id KEY",
                          intent.bucket, key_alias(intent))
            : fmt::format("aws kms put-key-policy --key-id {} --policy-name default --policy @", intent.key);
    return writer.finish("key_policy", "Key policy: who may decrypt what S3 encrypts", command, std::size_t{32} << 10);
}

} // namespace weightseal::storage

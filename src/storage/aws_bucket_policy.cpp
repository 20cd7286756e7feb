// The bucket policy. A Deny is for everyone with exceptions, so that whoever is forgotten is kept out; exceptions are
// by unique id where it is known, so that a role which somebody makes again under an old name is not one.

#include "storage/aws_statements.hpp"

#include <array>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

using std::string_view_literals::operator""sv;

// Everything but the configuration of the bucket: actions that S3 gets later are kept from others, too.
constexpr std::array configuration_actions{"s3:GetBucket*"sv, "s3:PutBucket*"sv, "s3:DeleteBucket*"sv,
                                           "s3:Get*Configuration"sv, "s3:Put*Configuration"sv};

constexpr std::array changing_actions{"s3:PutBucket*"sv, "s3:DeleteBucket*"sv, "s3:Put*Configuration"sv,
                                      "s3:CreateBucket*"sv};

constexpr std::array reading_actions{"s3:GetObject"sv, "s3:GetObjectVersion"sv};
constexpr std::array publishing_actions{"s3:PutObject"sv, "s3:AbortMultipartUpload"sv, "s3:ListMultipartUploadParts"sv};

class BucketPolicy {
  public:
    explicit BucketPolicy(const Intent& intent)
        : intent_(intent), objects_(bucket_arn(intent) + '/' + intent.prefix + '*'),
          everything_({bucket_arn(intent), bucket_arn(intent) + "/*"}) {}

    Document write() {
        allow();
        deny_plain_http();
        deny_others();
        limit("Readers", intent_.readers, reading_actions, "read objects");
        limit("Publishers", intent_.publishers, publishing_actions, "write objects");
        if (!intent_.vpc_endpoints.empty()) deny_other_networks();
        deny_presigned();
        if (!intent_.administrators.empty() || !intent_.break_glass.empty()) deny_changes();
        return writer_.finish("bucket_policy", "Bucket policy: who may do what with the objects, and how",
                              fmt::format("aws s3api put-bucket-policy --bucket {} --policy @", intent_.bucket),
                              std::size_t{20} << 10);
    }

  private:
    void allow() {
        writer_.add("AllowReaders", "Readers may read objects under the prefix, in any version; they may not list.",
                    "Allow", {{"AWS", arns_of({intent_.readers})}}, "Action", reading_actions, "Resource", objects_);
        if (!intent_.publishers.empty())
            writer_.add("AllowPublishers", "Publishers may upload objects under the prefix; they may not read them.",
                        "Allow", {{"AWS", arns_of({intent_.publishers})}}, "Action", publishing_actions, "Resource",
                        objects_);
    }

    void deny_plain_http() {
        writer_.add("DenyPlainHttp", "Nobody may use plain HTTP.", "Deny", "*", "Action", "s3:*", "Resource",
                    everything_, {{"Bool", {{"aws:SecureTransport", "false"}}}});
    }

    void deny_others() {
        Json condition = Json::object();
        add_unless(condition, identities_of({intent_.readers, intent_.publishers, intent_.break_glass}));
        condition["BoolIfExists"]["aws:PrincipalIsAWSService"] = "false";
        writer_.add("DenyOthers",
                    "Nobody else may touch objects or list them, whatever identity policies say; services of AWS are "
                    "left to the statements that allow.",
                    "Deny", "*", "NotAction", configuration_actions, "Resource", everything_, condition);
    }

    // By condition and not by principal: a principal is resolved to a unique id once, a condition meets whoever
    // passes the exceptions above. Ids and ARNs are alternatives, which takes two statements.
    void limit(std::string_view who, const std::vector<Member>& members, const Json& actions, std::string_view what) {
        const Identities identities = identities_of({members});
        if (!identities.ids.empty())
            limit_by(who, "", actions, what, {{"StringLike", {{"aws:userid", identities.ids}}}});
        if (!identities.arns.empty())
            limit_by(who, "ByName", actions, what, {{"StringEquals", {{"aws:PrincipalArn", identities.arns}}}});
    }

    void limit_by(std::string_view who, std::string_view how, const Json& actions, std::string_view what,
                  const Json& condition) {
        writer_.add(fmt::format("Limit{}{}", who, how),
                    fmt::format("{} may {} and nothing else, whatever identity policies say.", who, what), "Deny", "*",
                    "NotAction", actions, "Resource", everything_, condition);
        if (!intent_.prefix.empty())
            writer_.add(fmt::format("Limit{}ToPrefix{}", who, how),
                        fmt::format("{} may do so under the prefix only.", who), "Deny", "*", "Action", "s3:*",
                        "NotResource", objects_, condition);
    }

    void deny_other_networks() {
        Json condition{{"StringNotEquals", {{"aws:SourceVpce", intent_.vpc_endpoints}}}};
        add_unless(condition, identities_of({intent_.break_glass}));
        condition["BoolIfExists"]["aws:PrincipalIsAWSService"] = "false";
        writer_.add("DenyOtherNetworks", "Objects are read through the VPC endpoints only, but for break-glass.",
                    "Deny", "*", "Action", {"s3:GetObject*", "s3:ListBucket*"}, "Resource", everything_, condition);
    }

    void deny_presigned() {
        writer_.add("DenyPresigned", "Nobody may use presigned URLs or upload forms, which anybody can pass on.",
                    "Deny", "*", "Action", "s3:*", "Resource", everything_,
                    {{"StringEquals", {{"s3:authType", {"REST-QUERY-STRING", "POST"}}}}});
    }

    void deny_changes() {
        Json condition = Json::object();
        add_unless(condition, identities_of({intent_.administrators, intent_.break_glass}));
        writer_.add("DenyChanges",
                    "Nobody but administrators and break-glass may change the configuration; the account's root user "
                    "can always replace this policy.",
                    "Deny", "*", "Action", changing_actions, "Resource", bucket_arn(intent_), condition);
    }

    const Intent& intent_;
    std::string objects_;
    Json everything_;
    PolicyWriter writer_;
};

} // namespace

Document aws_bucket_policy(const Intent& intent) {
    return BucketPolicy(intent).write();
}

} // namespace weightseal::storage

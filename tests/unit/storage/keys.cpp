// That keys are asked for in every way that their policy tells apart: from networks, through services, for objects.

#include "support/catch.hpp"
#include "support/storage.hpp"

namespace weightseal::testing {

using storage::audit;
using storage::Report;

TEST_CASE("keys are used from networks and through services that their policy names") {
    const auto key = [](std::string_view condition) {
        return audit(policy_of({R"({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": )" +
                                std::string(condition) + "}"}),
                     "policy", {.account = "111122223333"});
    };
    CHECK(is_certain(key(R"({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})"), "key-public"));
    CHECK(is_certain(key(R"({"StringEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}})"), "key-public"));
    CHECK(is_certain(key(R"({"StringEquals": {"kms:ViaService": "ec2.eu-central-1.amazonaws.com"}})"), "key-public"));
    CHECK(is_certain(key(R"({"StringLike": {"kms:ViaService": "ec2.*.amazonaws.com"},
                             "StringNotEquals": {"kms:ViaService": "ec2.x.amazonaws.com"}})"),
                     "key-public"));
    // AWS may or may not tell of a service whose request it called.
    const Report called = key(R"({"ForAnyValue:StringEquals": {"aws:CalledVia": "dynamodb.amazonaws.com"}})");
    CHECK(finds(called, "key-public"));
    CHECK_FALSE(is_certain(called, "key-public"));
    // S3 alone is known to name an object of S3.
    const auto object = [&](std::string_view service) {
        return key(R"({"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::acme-weights/x",
                                        "kms:ViaService": ")" +
                   std::string(service) + R"("}})");
    };
    CHECK(is_certain(object("s3.eu-central-1.amazonaws.com"), "key-public"));
    CHECK(finds(object("cloudtrail.eu-central-1.amazonaws.com"), "key-public"));
    CHECK_FALSE(is_certain(object("cloudtrail.eu-central-1.amazonaws.com"), "key-public"));
}

TEST_CASE("keys are used through S3 for the bucket, and for objects that two patterns of the key policy share") {
    const auto through_s3 = [](std::string_view condition, std::string_view denied) {
        const auto statement = [](std::string_view effect, std::string_view text) {
            Json one{{"Effect", effect}, {"Action", "kms:Decrypt"}, {"Resource", "*"}, {"Principal", "*"}};
            one["Condition"] = Json::parse(text);
            return one;
        };
        Json allow = statement("Allow", condition);
        allow["Condition"]["StringEquals"]["kms:ViaService"] = "s3.eu-central-1.amazonaws.com";
        return audit(policy_of({allow.dump(), statement("Deny", denied).dump()}), "policy",
                     {.account = "111122223333"});
    };
    const std::string_view nothing = R"({"Bool": {"aws:SecureTransport": "false"}})";
    CHECK(is_certain(
        through_s3(R"({"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::acme-weights"}})", nothing),
        "key-public"));
    CHECK(
        is_certain(through_s3(R"({"StringLike": {"kms:EncryptionContext:aws:s3:arn": "*:::acme-labels/*"}})", nothing),
                   "key-public"));
    const std::string_view models =
        R"({"StringLike": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::*/models/*"}})";
    const auto but = [&](std::string_view spared) {
        return through_s3(models, R"({"StringNotLike": {"kms:EncryptionContext:aws:s3:arn": ")" + std::string(spared) +
                                      R"("}})");
    };
    CHECK(is_certain(but("arn:aws:s3:::acme-*"), "key-public"));
    CHECK(is_certain(but("*:::acme-*/*.bin"), "key-public"));
    CHECK_FALSE(finds(but("arn:aws:s3:::acme-weights"), "key-public")); // no object
    CHECK_FALSE(finds(but("arn:aws-cn:s3:::acme-*"), "key-public"));    // of another partition
}

TEST_CASE("keys are used for objects that only a pattern of the key policy reaches") {
    const auto with = [](std::string_view context, bool is_allowed = true) {
        Json bundle = bundle_of(full_intent());
        for (Json& statement : bundle["documents"]["key_policy"]["Statement"])
            if (statement["Sid"] == "AllowReaders")
                statement["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"].push_back(context);
        if (!is_allowed)
            bundle["documents"]["key_policy"]["Statement"].push_back(
                {{"Effect", "Deny"},
                 {"Principal", "*"},
                 {"Action", "kms:Decrypt"},
                 {"Resource", "*"},
                 {"Condition", {{"StringLike", {{"kms:EncryptionContext:aws:s3:arn", context}}}}}});
        return audit(bundle.dump());
    };
    const Report beside = with("arn:aws:s3:::acme-weights/*");
    CHECK(is_certain(beside, "key-wider-than-bucket"));
    CHECK(finding_of(beside, "key-wider-than-bucket").request.ends_with("for arn:aws:s3:::acme-weights/x"));
    CHECK(is_certain(with("arn:aws:s3:::acme-*"), "key-wider-than-bucket"));
    CHECK(is_certain(with("arn:aws:s3:::*/models/*"), "key-wider-than-bucket"));
    CHECK_FALSE(finds(with("arn:aws:s3:::acme-weights/models/a/*"), "key-wider-than-bucket"));
    CHECK_FALSE(finds(with("arn:aws:s3:::acme-labels/*", false), "key-wider-than-bucket"));
}

} // namespace weightseal::testing

// That policies which tell very much apart are looked at to the last of it, or refused.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/storage.hpp"

#include <fmt/format.h>

namespace weightseal::testing {
namespace {

using storage::audit;
using storage::Report;

// Statements that keep everyone from being let in but by the last of `count` of them, which is not like the others.
std::string many(std::size_t count, std::string_view first, std::string_view last) {
    Json policy{{"Version", "2012-10-17"}, {"Statement", Json::array()}};
    for (std::size_t i = 0; i < count; ++i) {
        const std::string number = fmt::format("{:05}", i);
        std::string text(i + 1 == count ? last : first);
        for (std::size_t at = 0; (at = text.find("NUMBER", at)) != text.npos;)
            text.replace(at, 6, number);
        Json statement = Json::parse(text);
        if (!statement.contains("Principal")) statement["Principal"] = "*";
        if (!statement.contains("Resource")) statement["Resource"] = "arn:aws:s3:::acme-weights/*";
        statement["Action"] = "s3:GetObject";
        policy["Statement"].push_back(std::move(statement));
    }
    return policy.dump();
}

std::string refusal_of(const std::string& text) {
    return refusal_code([&] { static_cast<void>(audit(text)); });
}

} // namespace

TEST_CASE("the last of many callers, objects and networks is looked at") {
    // In the order in which the documents tell them apart: by name.
    const std::string_view by_name =
        R"({"Effect": "Deny", "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/NUMBER"}}})";
    const Report callers = audit(many(500, by_name, R"({"Effect": "Allow", "Condition": {"ArnEquals":
                                          {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/z"}}})"),
                                 "policy", {.account = "111122223333"});
    CHECK(is_certain(callers, "cross-account-access"));
    const Report objects = audit(many(200, R"({"Effect": "Deny", "Resource": "arn:aws:s3:::acme-weights/NUMBER"})",
                                      R"({"Effect": "Allow", "Resource": "arn:aws:s3:::acme-weights/zzz"})"));
    CHECK(is_certain(objects, "public-access"));
    const Report networks =
        audit(many(50, R"({"Effect": "Deny", "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-NUMBER"}}})",
                   R"({"Effect": "Allow", "Condition": {"StringLike": {"aws:SourceVpc": "vpc-z*"}}})"));
    CHECK(is_certain(networks, "public-access"));
}

TEST_CASE("more callers, objects, networks and requests than are examined are refused") {
    CHECK(refusal_of(many(2100, R"({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/NUMBER"}})",
                          R"({"Effect": "Deny"})")) == "policy_too_large");
    CHECK(refusal_of(many(1100, R"({"Effect": "Allow", "Resource": "arn:aws:s3:::acme-weights/NUMBER"})",
                          R"({"Effect": "Deny"})")) == "policy_too_large");
    CHECK(
        refusal_of(many(1100, R"({"Effect": "Allow", "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-NUMBER"}}})",
                        R"({"Effect": "Deny"})")) == "policy_too_large");
    CHECK(refusal_of(many(600, R"({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/NUMBER"},
                                "Resource": "arn:aws:s3:::acme-weights/NUMBER/*"})",
                          R"({"Effect": "Deny"})")) == "policy_too_large");
    // One Allow of many values.
    const auto values = [](std::size_t count, const char* op, const char* key, auto&& value) {
        Json list = Json::array();
        for (std::size_t i = 0; i < count; ++i)
            list.push_back(value(i));
        return Json{{"Version", "2012-10-17"},
                    {"Statement",
                     {{"Effect", "Allow"},
                      {"Principal", "*"},
                      {"Action", "s3:*"},
                      {"Resource", {"arn:aws:s3:::acme-weights", "arn:aws:s3:::acme-weights/*"}},
                      {"Condition", {{op, {{key, list}}}}}}}}
            .dump();
    };
    const auto address = [](std::size_t i) { return fmt::format("{}.{}.0.1", i / 200 + 1, i % 200); };
    const std::string addresses = values(1'200, "IpAddress", "aws:SourceIp", address);
    CHECK(addresses.size() < 20'480); // S3 takes it
    CHECK(refusal_of(addresses) == "nothing refused");
    CHECK(refusal_of(values(2'600, "IpAddress", "aws:SourceIp", address)) == "policy_too_large");
    const auto folder = [](std::size_t i) { return fmt::format("folder-{}", i); };
    CHECK(refusal_of(values(2'000, "StringEquals", "s3:prefix", folder)) == "nothing refused");
    CHECK(refusal_of(values(4'200, "StringEquals", "s3:prefix", folder)) == "policy_too_large");
    // Pairs of contexts of a key that have a text in common.
    const auto contexts = [&](std::string_view pattern) {
        Json policy = Json::parse(values(300, "StringLike", "kms:EncryptionContext:aws:s3:arn", [&](std::size_t i) {
            std::string text(pattern);
            return text.replace(text.find("NUMBER"), 6, std::to_string(i));
        }));
        policy["Statement"]["Action"] = "kms:Decrypt";
        return policy.dump();
    };
    CHECK(refusal_of(contexts("arn:aws:s3:::acme-weights/team-NUMBER/*")) == "nothing refused");
    CHECK(refusal_of(contexts("arn:aws:s3:::*/team-NUMBER/*")) == "policy_too_large");
    // Each * of one pattern stands for as many letters as another has ?.
    const auto both = [&](std::size_t length) {
        return values(2, "StringLike", "s3:prefix", [&](std::size_t i) {
            std::string text;
            for (std::size_t j = 0; j < length; ++j)
                text += i == 0 ? "?" : "*a";
            return text;
        });
    };
    CHECK(refusal_of(both(100)) == "nothing refused");
    CHECK(refusal_of(both(150)) == "policy_too_large");
    // 4,096 choices for each of many requests, all of which are closed.
    Json policy{{"Version", "2012-10-17"}, {"Statement", Json::array()}};
    const auto add = [&](const char* effect, const char* action, Json condition) {
        policy["Statement"].push_back({{"Effect", effect},
                                       {"Principal", "*"},
                                       {"Action", action},
                                       {"Resource", {"arn:aws:s3:::acme-weights", "arn:aws:s3:::acme-weights/*"}},
                                       {"Condition", std::move(condition)}});
    };
    for (const char* key : {"s3:prefix", "s3:delimiter", "aws:Referer"})
        for (int i = 0; i < 14; ++i)
            add("Deny", "s3:ListBucket", {{"StringEquals", {{key, fmt::format("{}", i)}}}});
    for (const char* is_absent : {"true", "false"})
        add("Deny", "s3:ListBucket", {{"Null", {{"aws:Referer", is_absent}}}});
    add("Allow", "s3:ListBucket", {{"Bool", {{"aws:SecureTransport", "true"}}}});
    for (int i = 0; i < 100; ++i)
        add("Allow", "s3:GetObject", {{"IpAddress", {{"aws:SourceIp", fmt::format("10.{}.0.0/16", i)}}}});
    CHECK(refusal_of(policy.dump()) == "policy_too_large");
}

} // namespace weightseal::testing

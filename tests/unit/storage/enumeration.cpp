// That every caller, object, network and choice is put to a policy which it tells apart: what is left out would count
// as closed.

#include "support/catch.hpp"
#include "support/storage.hpp"

#include <fmt/format.h>

namespace weightseal::testing {
namespace {

using storage::audit;
using storage::Report;

const std::string_view reader = R"({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/inference"},
    "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-weights/*"})";

// A policy of these statements on a bucket of 111122223333.
Report of_owner(std::initializer_list<std::string_view> statements) {
    return audit(policy_of(statements), "policy", {.account = "111122223333"});
}

} // namespace

TEST_CASE("wildcards in the bucket's part of a resource") {
    const std::string_view to_partner = R"("Principal": {"AWS": "444455556666"}, "Action": "s3:GetObject"})";
    const auto through = [&](std::string_view resource) {
        return of_owner({reader, R"({"Effect": "Allow", "Resource": ")" + std::string(resource) + "\", " +
                                     std::string(to_partner)});
    };
    for (const char* resource : {"arn:aws:s3:::acme-*", "arn:aws:s3:::*/private/*", "arn:*:s3:::acme-weights/private/*",
                                 "arn:aws:s3:::acme-weight?/private/*", "*private*"})
        CHECK(is_certain(through(resource), "cross-account-access"));
    // Where no statement names the bucket, it is one that the first pattern matches.
    const Report alone =
        of_owner({R"({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::my-*"})"});
    CHECK(is_certain(alone, "public-access"));
    CHECK(alone.subject == "bucket my-x");
}

TEST_CASE("an exception for one text of a pattern does not hide the others") {
    const std::string_view allow = R"({"Effect": "Allow", "Action": "s3:GetObject",
                                       "Resource": "arn:aws:s3:::acme-weights/private/*"})";
    const auto but = [&](std::string_view deny) {
        return is_certain(of_owner({reader, allow, deny}), "public-access");
    };
    CHECK(but(R"({"Effect": "Deny", "Resource": "arn:aws:s3:::acme-weights/private/x"})"));
    CHECK(but(R"({"Effect": "Deny", "Resource": "arn:aws:s3:::acme-weights/private/?"})"));
    CHECK(but(R"({"Effect": "Deny", "Resource": "arn:aws:s3:::*x"})"));
    CHECK(but(R"({"Effect": "Deny", "NotResource": "arn:aws:s3:::acme-weights/*.bin"})"));
    CHECK_FALSE(but(R"({"Effect": "Deny", "Resource": "arn:aws:s3:::*/private/*"})"));
    CHECK_FALSE(but(R"({"Effect": "Deny", "NotResource": "arn:aws:s3:::acme-weights/public/*"})"));
}

TEST_CASE("networks in networks: what the inner ones leave of the outer") {
    const auto from = [](std::string_view allowed, std::string_view denied) {
        const std::string allow = fmt::format(
            R"({{"Effect": "Allow", "Action": "s3:GetObject", "Condition": {{"IpAddress": {{"aws:SourceIp": {}}}}}}})",
            allowed);
        const std::string deny =
            fmt::format(R"({{"Effect": "Deny", "Condition": {{"IpAddress": {{"aws:SourceIp": {}}}}}}})", denied);
        return of_owner({reader, allow, deny});
    };
    const Report inner = from(R"("10.0.0.0/8")", R"("10.0.0.0/16")");
    CHECK(is_certain(inner, "network-grant"));
    CHECK(finding_of(inner, "network-grant").request.ends_with("over HTTPS from 10.1.0.0 in 10.0.0.0/8"));
    CHECK(is_certain(from(R"("203.0.113.0/30")", R"(["203.0.113.0", "203.0.113.1", "203.0.113.2"])"), "network-grant"));
    CHECK(is_certain(from(R"("2001:db8::/32")", R"("2001:db8::/33")"), "network-grant"));
    CHECK(is_certain(from(R"("0.0.0.0/0")", R"(["0.0.0.0/1", "192.0.0.0/2", "128.0.0.0/3"])"), "public-access"));
    CHECK(is_certain(from(R"("255.255.255.0/24")", R"("255.255.255.0/25")"), "network-grant"));
    const Report none = from(R"("203.0.113.0/30")", R"(["203.0.113.0/31", "203.0.113.2", "203.0.113.3/32"])");
    CHECK_FALSE(finds(none, "network-grant"));
    CHECK_FALSE(finds(none, "public-access"));
}

TEST_CASE("an endpoint and a VPC that are asked for together") {
    CHECK(finds(of_owner({reader, R"({"Effect": "Allow", "Action": "s3:GetObject", "Condition": {"StringEquals":
                                      {"aws:SourceVpce": "vpce-0123456789abcdef0", "aws:SourceVpc": "vpc-1"}}})"}),
                "network-grant"));
    // Endpoints of others than those that a Deny thinks of.
    CHECK(finds(
        of_owner({reader, R"({"Effect": "Allow", "Action": "s3:GetObject",
                                      "Condition": {"StringLike": {"aws:SourceVpce": "vpce-*"}}})",
                  R"({"Effect": "Deny", "Condition": {"StringLike": {"aws:SourceVpce": ["vpce-0*", "vpce-x"]}}})"}),
        "public-access"));
}

TEST_CASE("an exception for one caller does not hide the others") {
    const auto with = [](std::string_view condition, std::string_view denied) {
        return of_owner(
            {reader, R"({"Effect": "Allow", "Action": "s3:GetObject", "Condition": )" + std::string(condition) + "}",
             R"({"Effect": "Deny", "Condition": )" + std::string(denied) + "}"});
    };
    CHECK(is_certain(with(R"({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/app-*"}})",
                          R"({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/app-x"}})"),
                     "cross-account-access"));
    const std::string_view signed_in = R"({"Bool": {"aws:PrincipalIsAWSService": "false"}})";
    CHECK(is_certain(with(signed_in, R"({"StringLike": {"aws:PrincipalAccount": "9*"}})"), "public-access"));
    CHECK(is_certain(with(signed_in, R"({"StringLike": {"aws:userid": "*:session"}})"), "public-access"));
    CHECK(is_certain(with(signed_in, R"({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/s*"}})"),
                     "public-access"));
    CHECK_FALSE(finds(with(signed_in, R"({"StringLike": {"aws:PrincipalArn": "arn:*"}})"), "public-access"));
    // Of a name in another case.
    CHECK(is_certain(with(R"({"StringEqualsIgnoreCase": {"aws:username": "Home"}})",
                          R"({"StringEquals": {"aws:username": "Home"}})"),
                     "public-access"));
    // Of a service.
    CHECK(is_certain(
        with(R"({"StringLike": {"aws:PrincipalServiceName": "*.amazonaws.com"}})",
             R"({"StringEquals": {"aws:PrincipalServiceName": ["x.amazonaws.com", "logging.s3.amazonaws.com"]}})"),
        "service-on-behalf"));
    // Of an account.
    CHECK(is_certain(with(R"({"StringLike": {"aws:PrincipalAccount": "4*"}})",
                          R"({"StringEquals": {"aws:PrincipalAccount": "400000000000"}})"),
                     "cross-account-access"));
    CHECK(is_certain(with(R"({"StringLike": {"aws:PrincipalAccount": "4*"}})",
                          R"({"StringLike": {"aws:PrincipalAccount": ["40*", "?1*"]}})"),
                     "cross-account-access"));
    CHECK(is_certain(with(R"({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::4*:role/app"}})",
                          R"({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::400000000000:role/app"}})"),
                     "cross-account-access"));
    CHECK(is_certain(with(R"({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::4*:role/app"}})",
                          R"({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::40*"}})"),
                     "cross-account-access"));
    CHECK_FALSE(finds(
        with(R"({"StringLike": {"aws:PrincipalAccount": "4*"}})", R"({"StringLike": {"aws:PrincipalAccount": "?*"}})"),
        "cross-account-access"));
    const Report own = of_owner(
        {reader, R"({"Effect": "Deny", "Condition": {"StringLike": {"aws:PrincipalArn": ["*/u*", "*/canonical*"]}}})"});
    CHECK(is_certain(own, "unlisted-reader"));
}

TEST_CASE("callers whom only a condition tells apart") {
    const auto with = [](std::string_view condition) {
        return of_owner(
            {reader, R"({"Effect": "Allow", "Action": "s3:GetObject", "Condition": )" + std::string(condition) + "}"});
    };
    CHECK(is_certain(with(R"({"StringEquals": {"aws:username": "alice"}})"), "public-access"));
    CHECK(is_certain(with(R"({"StringEquals": {"aws:PrincipalType": "Account"}})"), "public-access"));
    CHECK(is_certain(with(R"({"StringEquals": {"aws:PrincipalType": "User"}})"), "public-access"));
    CHECK(is_certain(with(R"({"StringLike": {"aws:userid": "AIDA*"}})"), "public-access"));
    CHECK(is_certain(with(R"({"StringLike": {"aws:PrincipalAccount": "4*"}})"), "cross-account-access"));
    CHECK_FALSE(
        finds(with(R"({"StringEquals": {"aws:PrincipalType": "Anonymous", "aws:username": "a"}})"), "public-access"));
    const Report anonymous = with(R"({"StringEquals": {"aws:PrincipalAccount": "anonymous"}})");
    CHECK(is_certain(anonymous, "public-access"));
    CHECK_FALSE(finds(anonymous, "cross-account-access"));
    // A stranger without an organisation, and services.
    CHECK(is_certain(with(R"({"Null": {"aws:PrincipalAccount": "false"},
                              "StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}})"),
                     "public-access"));
    CHECK_FALSE(finds(with(R"({"StringEquals": {"aws:PrincipalOrgID": "o-1"}})"), "public-access"));
    CHECK_FALSE(finds(with(R"({"StringLike": {"aws:PrincipalOrgPaths": "o-1/*"}})"), "public-access"));
    CHECK(is_certain(with(R"({"StringEquals": {"aws:PrincipalServiceName": "cloudtrail.amazonaws.com"}})"),
                     "service-on-behalf"));
    CHECK(is_certain(with(R"({"ArnLike": {"aws:PrincipalArn": "arn:aws:sts::444455556666:federated-user/*"}})"),
                     "cross-account-access"));
    CHECK(is_certain(with(R"({"ArnLike": {"aws:PrincipalArn": "arn:aws:sts::444455556666:*"}})"),
                     "cross-account-access"));
    CHECK(is_certain(with(R"({"StringEquals": {"aws:PrincipalType": "FederatedUser"}})"), "public-access"));
    const Report federated = of_owner(
        {reader, R"({"Effect": "Allow", "Principal": {"AWS": "arn:aws:sts::444455556666:federated-user/bob"}})",
         R"({"Effect": "Deny", "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}}})"});
    CHECK(is_certain(federated, "tls-not-enforced"));
    const Report spared = of_owner({R"({"Effect": "Allow", "Action": "s3:GetObject"})",
                                    R"({"Effect": "Deny", "NotPrincipal": {"AWS": ["444455556666",
                                        "arn:aws:iam::444455556666:role/partner",
                                        "arn:aws:sts::444455556666:assumed-role/partner/session"]}})"});
    CHECK(is_certain(spared, "cross-account-access"));
}

TEST_CASE("what a caller chooses is closed only where everything it could choose was tried") {
    const auto listing = [](std::string_view condition,
                            std::string_view denied = R"({"StringEquals": {"s3:prefix": "-"}})") {
        return of_owner(
            {reader, R"({"Effect": "Allow", "Action": "s3:ListBucket", "Condition": )" + std::string(condition) + "}",
             R"({"Effect": "Deny", "Condition": )" + std::string(denied) + "}"});
    };
    const auto is_doubtful = [](const Report& report) {
        return finds(report, "public-access") && !is_certain(report, "public-access");
    };
    // Tried, and found.
    CHECK(is_certain(
        listing(R"({"StringLike": {"s3:prefix": "home/*"}})", R"({"StringEquals": {"s3:prefix": "home/x"}})"),
        "public-access"));
    CHECK(is_certain(listing(R"({"StringLike": {"s3:prefix": "a*"}, "StringLikeIfExists": {"s3:prefix": "*b"}})"),
                     "public-access"));
    CHECK(
        is_certain(listing(R"({"NumericGreaterThan": {"s3:max-keys": "5"}, "NumericLessThan": {"s3:max-keys": "7"}})"),
                   "public-access"));
    const Report name = listing(R"({"StringLike": {"s3:prefix": "${aws:username}/*"}})");
    CHECK(is_certain(name, "public-access"));
    CHECK(finding_of(name, "public-access").request.ends_with("with s3:prefix = stranger/x"));
    for (const char* folder : {"Home", "home", "HOME"}) {
        const std::string value = fmt::format(R"({{"s3:prefix": "{}"}})", folder);
        CHECK(is_certain(listing(R"({"StringEqualsIgnoreCase": )" + value + "}", R"({"StringEquals": )" + value + "}"),
                         "public-access"));
    }
    CHECK(is_certain(listing(R"({"StringEquals": {"s3:prefix": "a*"}})"), "public-access"));
    // Tried in full.
    CHECK_FALSE(finds(
        listing(R"({"NumericGreaterThan": {"s3:TlsVersion": "1.2"}, "NumericLessThan": {"s3:TlsVersion": "1.3"}})"),
        "public-access"));
    CHECK_FALSE(
        finds(listing(R"({"NumericGreaterThan": {"s3:max-keys": "6"}, "NumericLessThan": {"s3:max-keys": "7"}})"),
              "public-access"));
    CHECK_FALSE(finds(
        listing(R"({"StringEquals": {"s3:prefix": ["a", "b"]}})", R"({"StringLike": {"s3:prefix": ["a", "b*"]}})"),
        "public-access"));
    CHECK_FALSE(
        finds(listing(R"({"Null": {"s3:prefix": "true"}, "StringEquals": {"s3:prefix": "a"}})"), "public-access"));
    // Not tried in full: fractions, cases, three patterns, several values of one key, dates.
    CHECK(is_doubtful(listing(R"({"StringEqualsIgnoreCase": {"s3:prefix": "Home"}})",
                              R"({"StringEquals": {"s3:prefix": ["Home", "hOME"]}})")));
    CHECK(is_doubtful(
        listing(R"({"NumericGreaterThan": {"s3:max-keys": "6.2"}, "NumericLessThan": {"s3:max-keys": "6.4"}})")));
    CHECK(is_doubtful(listing(R"({"StringLike": {"s3:prefix": "a*"}, "StringLikeIfExists": {"s3:prefix": "*b*"},
                                  "StringNotLike": {"s3:prefix": "*c*"}, "StringNotLikeIfExists": {"s3:prefix": "a*b"}})",
                              R"({"StringNotLike": {"s3:prefix": "*d?"}})")));
    const auto writing = [](std::string_view condition) {
        return of_owner(
            {reader, R"({"Effect": "Allow", "Action": "s3:PutObject", "Condition": )" + std::string(condition) + "}"});
    };
    CHECK(is_doubtful(writing(R"({"ForAnyValue:StringEquals": {"aws:TagKeys": "a"},
                                  "ForAnyValue:StringLike": {"aws:TagKeys": "b*"}})")));
    CHECK(is_doubtful(writing(R"({"DateGreaterThan": {"s3:object-lock-retain-until-date": "2030-01-01T00:00:00Z"}})")));
}

TEST_CASE("a service that works for a stranger comes with an ARN of the stranger's") {
    const auto from = [](std::string_view arn) {
        return of_owner({reader, fmt::format(R"({{"Effect": "Allow", "Action": "s3:GetObject",
                                                 "Principal": {{"Service": "cloudfront.amazonaws.com"}},
                                                 "Condition": {{"ArnLike": {{"aws:SourceArn": "{}"}}}}}})",
                                             arn)});
    };
    CHECK_FALSE(finds(from("arn:aws:cloudfront::111122223333:distribution/*"), "service-on-behalf"));
    CHECK_FALSE(finds(from("arn:aws:*:*:111122223333:*"), "service-on-behalf"));
    const auto from_both = [](std::string_view op, std::string_view arn) {
        return of_owner({reader, fmt::format(R"({{"Effect": "Allow", "Action": "s3:GetObject",
                                                 "Principal": {{"Service": "cloudfront.amazonaws.com"}},
                                                 "Condition": {{"{}": {{"aws:SourceArn": "{}"}},
                                                     "StringLike": {{"aws:SourceArn": "arn:aws:cloudfront:*"}}}}}})",
                                             op, arn)});
    };
    CHECK_FALSE(finds(from_both("StringLikeIfExists", "arn:aws:*:*:111122223333:*"), "service-on-behalf"));
    CHECK(finds(from_both("ArnLike", "arn:aws:*:*:*:distribution/*"), "service-on-behalf"));
    CHECK(is_certain(from("arn:aws:cloudfront::*:distribution/EDFDVBD6EXAMPLE"), "service-on-behalf"));
    CHECK(is_certain(from("arn:aws:s3:::acme-*"), "service-on-behalf"));
}

TEST_CASE("variables in resources lead to the objects of each caller") {
    const auto with = [](std::string_view resource, std::string_view principal = R"("*")",
                         std::string_view denied = "arn:aws:s3:::acme-weights/-") {
        return of_owner({reader,
                         fmt::format(R"({{"Effect": "Allow", "Action": "s3:GetObject", "Principal": {},
                                          "Resource": "arn:aws:s3:::acme-weights/{}"}})",
                                     principal, resource),
                         fmt::format(R"({{"Effect": "Deny", "Resource": "{}"}})", denied)});
    };
    const Report name = with("home/${aws:username}/*");
    CHECK(is_certain(name, "public-access"));
    CHECK(finding_of(name, "public-access").request.find("object home/stranger/x") != std::string::npos);
    const Report tag = with("${aws:PrincipalTag/team}/*");
    CHECK(is_certain(tag, "public-access"));
    CHECK(finding_of(tag, "public-access").request.ends_with("with aws:principaltag/team = x"));
    CHECK(is_certain(with("${aws:username, 'guest'}/*"), "public-access"));
    CHECK(is_certain(with("${aws:PrincipalAccount}/*", R"({"AWS": "444455556666"})"), "cross-account-access"));
    const Report theirs = with("${aws:PrincipalTag/team}/*", R"({"AWS": "444455556666"})");
    CHECK(finds(theirs, "cross-account-access"));
    CHECK_FALSE(is_certain(theirs, "cross-account-access"));
    const Report address = with("${aws:SourceIp}/*");
    CHECK(finds(address, "public-access"));
    CHECK_FALSE(is_certain(address, "public-access"));
    CHECK_FALSE(finds(with("home/${aws:username}/*", R"("*")", "arn:aws:s3:::*/home/*"), "public-access"));
    // What cannot be told of one folder says nothing of another.
    CHECK_FALSE(finds(with("${aws:SourceIp}/*", R"("*")", "arn:aws:s3:::acme-weights/*/*"), "public-access"));
}

TEST_CASE("each canonical user is a caller of its own") {
    const Report report =
        of_owner({R"({"Effect": "Allow", "Principal": {"CanonicalUser": ["79a59df900b949e5", "8b"]}})",
                  R"({"Effect": "Deny", "Principal": {"CanonicalUser": "79a59df900b949e5"}})"});
    CHECK(is_certain(report, "cross-account-access"));
    CHECK(finding_of(report, "cross-account-access").request.starts_with("canonical user 8b: s3:GetObject"));
}

TEST_CASE("objects under the prefix are told from those beside it") {
    // What looks like the prefix, and is none.
    Json bundle = bundle_of(full_intent());
    Json& statements = bundle["documents"]["bucket_policy"]["Statement"];
    for (Json& statement : statements)
        for (const char* field : {"Resource", "NotResource"})
            if (statement.contains(field) && statement[field] == "arn:aws:s3:::acme-weights/models/*")
                statement[field] = "arn:aws:s3:::acme-weights/models*";
    CHECK(is_certain(audit(bundle.dump()), "reader-unrestricted"));
}

TEST_CASE("buckets of other partitions, out of Terraform") {
    for (const std::string partition : {"aws-cn", "aws-us-gov"}) {
        const std::string policy = fmt::format(
            R"({{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                "Resource": "arn:{}:s3:::acme-weights/*"}}}})",
            partition);
        Json state{{"format_version", "1.0"}};
        state["values"]["root_module"]["resources"] =
            Json::array({{{"address", "aws_s3_bucket_policy.weights"},
                          {"type", "aws_s3_bucket_policy"},
                          {"values", {{"bucket", "acme-weights"}, {"policy", policy}}}}});
        CHECK(is_certain(audit(state.dump()), "public-access"));
    }
}

} // namespace weightseal::testing

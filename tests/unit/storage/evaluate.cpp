// Decisions: principals, actions, resources, accounts, explicit denies, the public access block.

#include "support/catch.hpp"
#include "support/guard.hpp" // Random
#include "support/storage.hpp"

namespace weightseal::testing {
namespace {

using namespace storage;

const std::string owner = "111122223333", other = "444455556666";

Caller role(const std::string& account, const std::string& name = "r") {
    Caller caller;
    caller.kind = CallerKind::role;
    caller.account = account;
    caller.arn = "arn:aws:iam::" + account + ":role/" + name;
    caller.session = "s";
    caller.unique_id = "AROAEXAMPLE000000001";
    return caller;
}

Caller root() {
    Caller caller;
    caller.kind = CallerKind::root;
    caller.account = owner;
    caller.arn = "arn:aws:iam::" + owner + ":root";
    return caller;
}

Request asking(const Caller& caller, std::string action = "s3:GetObject",
               std::string resource = "arn:aws:s3:::acme-weights/x") {
    Request request{caller, std::move(action), std::move(resource), Context()};
    describe(caller, request.context);
    return request;
}

// Without identity policies, as if they allowed nothing, so that the resource policy decides alone.
Truth alone(const std::string& policy, const Request& request) {
    const Policy parsed = Policy::parse(policy);
    return evaluate(
               {.owner_account = owner, .resource_policy = &parsed, .identity_policies = std::span<const Policy>()},
               request)
        .allowed;
}

Truth beside_administrators(const std::string& policy, const Request& request, Service service = Service::s3) {
    const Policy parsed = Policy::parse(policy);
    return evaluate({.service = service, .owner_account = owner, .resource_policy = &parsed, .identity_policies = {}},
                    request)
        .allowed;
}

std::string allow(std::string_view principal) {
    return policy_of({R"({"Effect": "Allow", "Principal": )" + std::string(principal) + "}"});
}

} // namespace

TEST_CASE("every form of a principal") {
    const Request request = asking(role(owner));
    CHECK(alone(allow(R"("*")"), request) == Truth::yes);
    CHECK(alone(allow(R"({"AWS": "*"})"), request) == Truth::yes);
    CHECK(alone(allow(R"({"AWS": "arn:aws:iam::111122223333:role/r"})"), request) == Truth::yes);
    CHECK(alone(allow(R"({"AWS": ["arn:aws:iam::111122223333:role/q", "arn:aws:sts::111122223333:assumed-role/r/s"]})"),
                request) == Truth::yes);
    CHECK(alone(allow(R"({"AWS": "arn:aws:sts::111122223333:assumed-role/r/t"})"), request) == Truth::no);
    CHECK(alone(allow(R"({"AWS": "AROAEXAMPLE000000001"})"), request) == Truth::yes);
    CHECK(alone(allow(R"({"AWS": "AROAEXAMPLE000000002"})"), request) == Truth::no);
    Caller nameless = role(owner);
    nameless.unique_id.clear();
    CHECK(alone(allow(R"({"AWS": "AROAEXAMPLE000000002"})"), asking(nameless)) == Truth::unknown);
    CHECK(alone(allow(R"({"AWS": "AIDAEXAMPLE000000002"})"), asking(nameless)) == Truth::no); // a user's
    CHECK(alone(allow(R"({"AWS": "AROAEXAMPLE000000002"})"), asking(root())) == Truth::no);
    CHECK(alone(allow(R"({"AWS": "arn:aws:iam::111122223333:role/*"})"), request) == Truth::unknown);
    CHECK(alone(allow(R"({"Service": "logging.s3.amazonaws.com"})"), request) == Truth::no);

    Caller service;
    service.kind = CallerKind::service;
    service.service = "logging.s3.amazonaws.com";
    CHECK(alone(allow(R"({"Service": "logging.s3.amazonaws.com"})"), asking(service)) == Truth::yes);
    CHECK(alone(allow(R"({"AWS": "111122223333"})"), asking(service)) == Truth::no);
    CHECK(alone(allow(R"("*")"), asking(Caller{})) == Truth::yes);
    CHECK(alone(allow(R"({"AWS": "arn:aws:iam::111122223333:root"})"), asking(Caller{})) == Truth::no);
}

TEST_CASE("a policy that allows the account leaves it to identity policies") {
    for (const char* principal : {R"({"AWS": "111122223333"})", R"({"AWS": "arn:aws:iam::111122223333:root"})"}) {
        CHECK(alone(allow(principal), asking(role(owner))) == Truth::no);
        CHECK(beside_administrators(allow(principal), asking(role(owner))) == Truth::yes);
    }
    CHECK(beside_administrators(allow(R"({"AWS": "444455556666"})"), asking(role(other))) == Truth::yes);
    // Who is named beside the account needs no identity policy.
    const std::string both = allow(R"({"AWS": "111122223333", "Federated": "cognito-identity.amazonaws.com"})");
    CHECK(alone(both, asking(role(owner))) == Truth::unknown);
    CHECK(beside_administrators(both, asking(role(owner))) == Truth::yes);
}

TEST_CASE("a canonical user is an account") {
    const std::string policy = allow(R"({"CanonicalUser": "79a59df900b949e5"})");
    Caller caller = role(other);
    CHECK(beside_administrators(policy, asking(caller)) == Truth::unknown);
    caller.canonical = "79a59df900b949e5";
    CHECK(beside_administrators(policy, asking(caller)) == Truth::yes);
    caller.canonical = "8b";
    CHECK(beside_administrators(policy, asking(caller)) == Truth::no);
    // Like an account, it leaves the members of the owner's to identity policies.
    caller = role(owner);
    caller.canonical = "79a59df900b949e5";
    CHECK(alone(policy, asking(caller)) == Truth::no);
    CHECK(beside_administrators(policy, asking(caller)) == Truth::yes);
    CHECK(
        beside_administrators(policy_of({R"({"Effect": "Deny", "Principal": {"CanonicalUser": "79a59df900b949e5"}})"}),
                              asking(caller)) == Truth::no);
    CHECK(alone(policy, asking(Caller{})) == Truth::no);
}

TEST_CASE("another account needs both policies, the owner's one of them") {
    const std::string nothing = policy_of({R"({"Effect": "Allow", "Action": "s3:ListBucket"})"});
    CHECK(beside_administrators(nothing, asking(role(owner))) == Truth::yes);
    CHECK(beside_administrators(nothing, asking(role(other))) == Truth::no);
    CHECK(alone(allow(R"({"AWS": "arn:aws:iam::444455556666:role/r"})"), asking(role(other))) == Truth::no);
    CHECK(alone(allow(R"({"AWS": "arn:aws:iam::111122223333:role/r"})"), asking(role(owner))) == Truth::yes);
}

TEST_CASE("a key policy that does not allow the account keeps identity policies out") {
    const Request request = asking(role(owner), "kms:Decrypt", "arn:aws:kms:eu-central-1:111122223333:key/1");
    const auto policy = [](std::string_view principal) {
        return policy_of({R"({"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": ")" +
                          std::string(principal) + R"("}})"});
    };
    CHECK(beside_administrators(policy("arn:aws:iam::111122223333:role/q"), request, Service::kms) == Truth::no);
    CHECK(beside_administrators(policy("arn:aws:iam::111122223333:root"), request, Service::kms) == Truth::yes);
    CHECK(beside_administrators(policy("arn:aws:iam::111122223333:role/r"), request, Service::kms) == Truth::yes);
}

TEST_CASE("an explicit deny wins, and the owner's root user can still replace the policy") {
    const std::string policy = policy_of({R"({"Effect": "Allow"})", R"({"Effect": "Deny"})"});
    CHECK(beside_administrators(policy, asking(role(owner))) == Truth::no);
    CHECK(beside_administrators(policy, asking(root())) == Truth::no);
    CHECK(beside_administrators(policy, asking(root(), "s3:PutBucketPolicy", "arn:aws:s3:::acme-weights")) ==
          Truth::yes);
    const std::string of_account =
        policy_of({R"({"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}})"});
    CHECK(beside_administrators(of_account, asking(role(owner))) == Truth::no);
}

TEST_CASE("NotPrincipal spares whom it lists completely") {
    const auto deny = [](std::string_view list) {
        return policy_of({R"({"Effect": "Deny", "NotPrincipal": {"AWS": )" + std::string(list) + "}}"});
    };
    const Request request = asking(role(owner));
    CHECK(beside_administrators(deny(R"(["arn:aws:iam::111122223333:role/q"])"), request) == Truth::no);
    CHECK(beside_administrators(deny(R"(["arn:aws:iam::111122223333:role/r"])"), request) == Truth::unknown);
    CHECK(beside_administrators(deny(R"(["111122223333", "arn:aws:iam::111122223333:role/r",
                                         "arn:aws:sts::111122223333:assumed-role/r/s"])"),
                                request) == Truth::yes);
}

TEST_CASE("actions are patterns in any case, resources in theirs") {
    const auto with = [](std::string_view fields) {
        return alone(policy_of({R"({"Effect": "Allow", )" + std::string(fields) + "}"}), asking(role(owner)));
    };
    CHECK(with(R"("Action": "S3:getobject")") == Truth::yes);
    CHECK(with(R"("Action": "s3:Get*")") == Truth::yes);
    CHECK(with(R"("Action": "s3:GetObject?")") == Truth::no);
    CHECK(with(R"("NotAction": "s3:Put*")") == Truth::yes);
    CHECK(with(R"("NotAction": ["s3:Put*", "s3:Get*"])") == Truth::no);
    CHECK(with(R"("Resource": "arn:aws:s3:::acme-*/x")") == Truth::yes);
    CHECK(with(R"("Resource": "arn:aws:s3:::acme-weights/X")") == Truth::no);
    CHECK(with(R"("Resource": "arn:aws:s3:::acme-weights")") == Truth::no);
    CHECK(with(R"("NotResource": "arn:aws:s3:::acme-weights/y*")") == Truth::yes);
    CHECK(with(R"("Resource": "arn:aws:s3:::acme-weights/${aws:username}")") == Truth::no); // a role has none
}

TEST_CASE("identity policies that are given decide instead of those that are assumed") {
    const Policy bucket = Policy::parse(policy_of({R"({"Effect": "Deny", "Action": "s3:PutObject"})"}));
    const std::vector<Policy> identity{Policy::parse(
        R"({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})")};
    const PolicySet set{.owner_account = owner, .resource_policy = &bucket, .identity_policies = std::span(identity)};
    CHECK(evaluate(set, asking(role(owner))).allowed == Truth::yes);
    CHECK(evaluate(set, asking(role(owner), "s3:DeleteObject")).allowed == Truth::no);
}

TEST_CASE("RestrictPublicBuckets cuts down what AWS calls public, and only that") {
    const Policy open = Policy::parse(allow(R"("*")"));
    const Policy narrow = Policy::parse(allow(R"({"AWS": "arn:aws:iam::444455556666:role/r"})"));
    PolicySet set{.owner_account = owner, .resource_policy = &open};
    CHECK(evaluate(set, asking(Caller{})).allowed == Truth::yes);
    set.restrict_public_buckets = true;
    CHECK(evaluate(set, asking(Caller{})).allowed == Truth::no);
    CHECK(evaluate(set, asking(role(other))).allowed == Truth::no);
    CHECK(evaluate(set, asking(role(owner))).allowed == Truth::yes);
    set.resource_policy = &narrow;
    CHECK(evaluate(set, asking(role(other))).allowed == Truth::yes);
}

TEST_CASE("what AWS calls public") {
    const auto with = [](std::string_view condition) {
        return is_public(
            Policy::parse(policy_of({R"({"Effect": "Allow", "Condition": )" + std::string(condition) + "}"})));
    };
    CHECK(is_public(Policy::parse(allow(R"("*")"))) == Truth::yes);
    CHECK(is_public(Policy::parse(allow(R"({"AWS": "111122223333"})"))) == Truth::no);
    CHECK(with(R"({"StringEquals": {"aws:SourceVpc": "vpc-91237329"}})") == Truth::no);
    CHECK(with(R"({"StringLike": {"aws:SourceVpc": "vpc-*"}})") == Truth::yes);
    CHECK(with(R"({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})") == Truth::no);
    CHECK(with(R"({"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}})") == Truth::yes);
    CHECK(with(R"({"StringLike": {"aws:userid": "AROAEXAMPLE000000001:*"}})") == Truth::no);
    CHECK(with(R"({"StringLike": {"aws:userid": "*"}})") == Truth::yes);
    CHECK(with(R"({"StringNotEquals": {"aws:SourceVpc": "vpc-91237329"}})") == Truth::yes);
    CHECK(with(R"({"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}})") == Truth::no);
    CHECK(with(R"({"StringEquals": {"aws:PrincipalAccount": "444455556666"}})") == Truth::unknown);
    CHECK(with(R"({"StringEquals": {"aws:SourceVpce": "${aws:username}"}})") == Truth::yes);
    CHECK(with(R"({"ForAnyValue:StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}})") == Truth::no);
    CHECK(with(R"({"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}})") == Truth::unknown);
    CHECK(with(R"({"ForAllValues:StringLike": {"aws:PrincipalOrgID": "o-*"}})") == Truth::yes);
    const auto access_point = [&](std::string_view arn) {
        return with(R"({"StringLike": {"s3:DataAccessPointArn": ")" + std::string(arn) + R"("}})");
    };
    CHECK(access_point("arn:aws:s3:us-west-2:123456789012:accesspoint/weights") == Truth::no);
    CHECK(access_point("arn:aws:s3:us-west-2:123456789012:accesspoint/*") == Truth::no);
    CHECK(access_point("arn:aws:s3:us-west-2:*:accesspoint/weights") == Truth::yes);
    CHECK(access_point("arn:aws:s3:us-west-2:123456789012:accesspoint/${aws:username}") == Truth::yes);
    CHECK(access_point("*") == Truth::yes);
    CHECK(is_public(Policy::parse(R"({"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Principal": "*",
        "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceVpce": "${aws:username}"}}}})")) ==
          Truth::no);
}

TEST_CASE("a federated user is its ARN, and of its account") {
    Caller caller;
    caller.kind = CallerKind::federated_user;
    caller.account = other;
    caller.arn = "arn:aws:sts::444455556666:federated-user/bob";
    const Request request = asking(caller);
    const auto with = [&](std::string_view condition) {
        return beside_administrators(policy_of({R"({"Effect": "Allow", "Condition": )" + std::string(condition) + "}"}),
                                     request);
    };
    CHECK(beside_administrators(allow(R"({"AWS": "arn:aws:sts::444455556666:federated-user/bob"})"), request) ==
          Truth::yes);
    CHECK(beside_administrators(allow(R"({"AWS": "arn:aws:sts::444455556666:federated-user/eve"})"), request) ==
          Truth::no);
    CHECK(beside_administrators(allow(R"({"AWS": "arn:aws:iam::444455556666:user/bob"})"), request) == Truth::no);
    CHECK(beside_administrators(allow(R"({"AWS": "444455556666"})"), request) == Truth::yes);
    CHECK(beside_administrators(allow(R"({"AWS": "111122223333"})"), request) == Truth::no);
    CHECK(with(R"({"StringEquals": {"aws:PrincipalType": "FederatedUser"}})") == Truth::yes);
    CHECK(with(R"({"StringEquals": {"aws:userid": "444455556666:bob"}})") == Truth::yes);
    CHECK(with(R"({"Null": {"aws:username": "true"}})") == Truth::yes);
    CHECK(with(R"({"ArnLike": {"aws:PrincipalArn": "arn:aws:sts::444455556666:federated-user/*"}})") == Truth::yes);
}

// ---- Properties, over policies made at random

namespace {

Json random_statement(Random& random, std::string_view effect) {
    const auto pick = [&](std::initializer_list<const char*> from) {
        return *(from.begin() + random.below(from.size()));
    };
    Json statement{{"Effect", effect}};
    statement["Principal"] =
        random.once_in(2) ? Json("*")
                          : Json{{"AWS", pick({"111122223333", "444455556666", "arn:aws:iam::111122223333:role/r",
                                               "arn:aws:iam::444455556666:role/r"})}};
    statement[pick({"Action", "Action", "NotAction"})] = pick({"s3:*", "s3:Get*", "s3:GetObject", "s3:PutObject", "*"});
    statement[pick({"Resource", "Resource", "NotResource"})] =
        pick({"*", "arn:aws:s3:::acme-weights/*", "arn:aws:s3:::acme-weights", "arn:aws:s3:::acme-weights/x"});
    if (random.once_in(2))
        statement["Condition"][pick({"StringEquals", "StringNotEquals", "StringLikeIfExists", "Null", "Bool"})]
                 [pick({"aws:PrincipalArn", "aws:SecureTransport", "aws:PrincipalTag/a", "s3:prefix"})] =
                     pick({"true", "false", "arn:aws:iam::111122223333:role/r"});
    return statement;
}

Request random_request(Random& random) {
    Request request = asking(random.once_in(3)   ? Caller{}
                             : random.once_in(2) ? role(owner)
                                                 : role(other),
                             random.once_in(2) ? "s3:GetObject" : "s3:PutObject",
                             random.once_in(2) ? "arn:aws:s3:::acme-weights/x" : "arn:aws:s3:::acme-weights/y");
    request.context.set("aws:SecureTransport", random.once_in(2) ? "true" : "false");
    return request;
}

// Every key of the condition in the statement unknown.
Request with_unknown(Request request, const Json& statement) {
    if (!statement.contains("Condition")) return request;
    for (const auto& [op, keys] : statement["Condition"].items())
        for (const auto& [key, value] : keys.items())
            request.context.set(key, KeyValue{KeyValue::State::unknown, {}});
    return request;
}

} // namespace

TEST_CASE("one more Deny never opens, one more Allow never closes, not knowing never contradicts") {
    Random random(7);
    std::size_t differing = 0;
    for (std::uint64_t i = 0; i < 400 * effort; ++i) {
        Json policy{{"Version", "2012-10-17"}, {"Statement", Json::array()}};
        for (std::uint64_t count = random.between(1, 4); count-- != 0;)
            policy["Statement"].push_back(random_statement(random, random.once_in(3) ? "Deny" : "Allow"));
        const Request request = random_request(random);
        const Truth before = alone(policy.dump(), request);
        for (const char* effect : {"Deny", "Allow"}) {
            Json more = policy;
            more["Statement"].push_back(random_statement(random, effect));
            const Truth after = alone(more.dump(), request);
            if (*effect == 'D') CHECK(after <= before);
            if (*effect == 'A') CHECK(after >= before);
            differing += after != before;
        }
        const Truth unsure = alone(policy.dump(), with_unknown(request, policy["Statement"][0]));
        CHECK((unsure == Truth::unknown || unsure == before));
        differing += unsure != before;
    }
    CHECK(differing > 40 * effort);
}

} // namespace weightseal::testing

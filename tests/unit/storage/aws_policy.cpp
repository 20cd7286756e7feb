// Reading policies: each refusal, by its own code.

#include "weightseal/storage/aws_policy.hpp"
#include "support/catch.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal::testing {
namespace {

using storage::Policy;

const std::string valid = R"({"Version": "2012-10-17", "Id": "x", "Statement": [{"Sid": "One", "Effect": "Allow",
    "Principal": {"AWS": ["arn:aws:iam::111122223333:role/r", "*"], "Service": "logging.s3.amazonaws.com"},
    "Action": ["s3:GetObject", "S3:LIST*"], "Resource": "*",
    "Condition": {"ForAnyValue:StringNotLikeIfExists": {"AWS:UserId": ["a", "b"]}, "Bool": {"aws:SecureTransport": true}}}]})";

// The code that a text is refused by; 0 if it is not.
int code_of(const std::string& text) {
    try {
        static_cast<void>(Policy::parse(text));
        return 0;
    } catch (const Error& error) {
        return static_cast<int>(error.errc());
    }
}

int code_with(std::string_view old, std::string_view replacement) {
    std::string text = valid;
    const std::size_t at = text.find(old);
    REQUIRE(at != std::string::npos);
    return code_of(text.replace(at, old.size(), replacement));
}

int number(Errc code) {
    return static_cast<int>(code);
}

} // namespace

TEST_CASE("a policy is read as it stands") {
    const Policy policy = Policy::parse(valid);
    REQUIRE(policy.statements.size() == 1);
    const storage::Statement& statement = policy.statements[0];
    CHECK(policy.has_variables());
    CHECK(statement.effect == storage::Effect::allow);
    CHECK(statement.principals.size() == 3);
    CHECK(statement.principals[1].kind == storage::PrincipalKind::everyone);
    CHECK(statement.principals[2].kind == storage::PrincipalKind::service);
    CHECK(statement.actions == std::vector<std::string>{"s3:getobject", "s3:list*"});
    REQUIRE(statement.conditions.size() == 2);
    const storage::Condition& condition = statement.conditions[0];
    CHECK(condition.op == storage::Operator::string_like);
    CHECK(condition.negated);
    CHECK(condition.if_exists);
    CHECK(condition.quantifier == storage::Quantifier::for_any_value);
    CHECK(condition.key == "aws:userid");
    CHECK(statement.conditions[1].values == std::vector<std::string>{"true"});
    CHECK(storage::statement_name(policy, 0) == "statement 1 'One'");
    CHECK_FALSE(Policy::parse(R"({"Statement": []})").has_variables()); // without a version it is that of 2008
}

TEST_CASE("a policy with an error is refused by what it breaks") {
    CHECK(code_of("") == number(Errc::policy_not_json));
    CHECK(code_of("{") == number(Errc::policy_not_json));
    CHECK(code_of(valid + "x") == number(Errc::policy_not_json));
    CHECK(code_of(valid + std::string(1, '\0')) == number(Errc::policy_not_json));
    CHECK(code_of("[]") == number(Errc::policy_field_type));
    CHECK(code_of("{}") == number(Errc::missing_policy_field));
    CHECK(code_with(R"("Sid": "One")", R"("Effect": "Deny")") == number(Errc::duplicate_policy_field));
    CHECK(code_with(R"("Sid": "One")", R"("sid": "One")") == number(Errc::unknown_policy_field));
    CHECK(code_with(R"("Id": "x")", R"("id": "x")") == number(Errc::unknown_policy_field));
    CHECK(code_with(R"("Service":)", R"("service":)") == number(Errc::unknown_policy_field));
    CHECK(code_with(R"("Effect": "Allow",)", "") == number(Errc::missing_policy_field));
    CHECK(code_with(R"("Action": ["s3:GetObject", "S3:LIST*"],)", "") == number(Errc::missing_policy_field));
    CHECK(code_with(R"("Resource": "*",)", "") == number(Errc::missing_policy_field));
    CHECK(code_with(R"("Sid": "One")", R"("Sid": 1)") == number(Errc::policy_field_type));
    CHECK(code_with(R"(["s3:GetObject", "S3:LIST*"])", "{}") == number(Errc::policy_field_type));
    CHECK(code_with(R"(["a", "b"])", "[null]") == number(Errc::policy_field_type));
    CHECK(code_with(R"({"aws:SecureTransport": true})", "true") == number(Errc::policy_field_type));
    CHECK(code_with(R"("Allow")", R"("allow")") == number(Errc::bad_policy_value));
    CHECK(code_with("2012-10-17", "2013-10-17") == number(Errc::bad_policy_value));
    CHECK(code_with(R"(["a", "b"])", "[]") == number(Errc::bad_policy_value));
    CHECK(code_with(R"("Sid": "One")", R"("NotPrincipal": "*")") == number(Errc::bad_policy_value));
    CHECK(code_with(R"("Sid": "One")", R"("NotAction": "*")") == number(Errc::bad_policy_value));
    CHECK(code_with(R"("Sid": "One")", R"("NotResource": "*")") == number(Errc::bad_policy_value));
    CHECK(code_of(R"({"Statement": {"Effect": "Deny", "Principal": "all", "Action": "*", "Resource": "*"}})") ==
          number(Errc::bad_policy_value));
}

TEST_CASE("policies that exhaust a reader are refused") {
    CHECK(code_of(std::string(10'000'000, ' ')) == number(Errc::policy_too_large));
    CHECK(code_of(std::string(1000, '[')) == number(Errc::policy_too_large));
    std::string objects;
    for (int i = 0; i < 1000; ++i)
        objects += "{\"Statement\":";
    CHECK(code_of(objects) == number(Errc::policy_too_large));
    std::string actions = R"({"Statement": {"Effect": "Deny", "Principal": "*", "Resource": "*", "Action": ["s3:Get")";
    for (int i = 0; i < 10'000; ++i)
        actions += ",\"s3:Get\"";
    CHECK(code_of(actions + "]}}") == number(Errc::policy_too_large));
    for (const char* value : {R"("s3:GetObject")", R"("arn:aws:iam::111122223333:role/r")", R"("a")"}) {
        CHECK(code_with(value, '"' + std::string(2'048, 'a') + '"') == 0);
        CHECK(code_with(value, '"' + std::string(2'049, 'a') + '"') == number(Errc::policy_too_large));
    }
}

} // namespace weightseal::testing

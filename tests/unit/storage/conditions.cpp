// Conditions: each operator, absent and unknown keys, several values, variables.

#include "storage/condition.hpp"
#include "support/catch.hpp"
#include "support/storage.hpp"

namespace weightseal::testing {
namespace {

using namespace storage;

// What a condition says of a request.
Truth says(std::string_view op, const Json& values, const Context& context, std::string_view key = "aws:k",
           std::string_view version = "2012-10-17") {
    Json statement{{"Effect", "Allow"}, {"Principal", "*"}, {"Action", "s3:*"}, {"Resource", "*"}};
    statement["Condition"][std::string(op)][std::string(key)] = values;
    const Policy policy = Policy::parse(Json{{"Version", version}, {"Statement", statement}}.dump());
    return holds(policy.statements.at(0).conditions.at(0), context, policy.has_variables());
}

Context with(std::string value) {
    Context context;
    context.set("AWS:K", std::move(value));
    return context;
}

bool is_true(std::string_view op, const Json& values, std::string value) {
    const Truth truth = says(op, values, with(std::move(value)));
    REQUIRE(truth != Truth::unknown);
    return truth == Truth::yes;
}

const Context absent;
const Context unknown(KeyValue::State::unknown);

} // namespace

TEST_CASE("texts are compared as a whole, by case, or as patterns") {
    CHECK(is_true("StringEquals", "abc", "abc"));
    CHECK_FALSE(is_true("StringEquals", "abc", "ABC"));
    CHECK_FALSE(is_true("StringEquals", "a*", "abc"));
    CHECK(is_true("StringEqualsIgnoreCase", "abc", "ABC"));
    CHECK(is_true("StringLike", "a*c?", "abbcd"));
    CHECK_FALSE(is_true("StringLike", "a*c?", "abbc"));
    CHECK(is_true("StringNotLike", "a*", "b"));
    CHECK_FALSE(is_true("StringNotEquals", "abc", "abc"));
}

TEST_CASE("several values of a policy are alternatives, and all are excluded by a negation") {
    CHECK(is_true("StringEquals", {"a", "b"}, "b"));
    CHECK_FALSE(is_true("StringNotEquals", {"a", "b"}, "b"));
    CHECK(is_true("StringNotEquals", {"a", "b"}, "c"));
}

TEST_CASE("numbers and dates are compared as such") {
    CHECK(is_true("NumericLessThan", "10", "9"));
    CHECK_FALSE(is_true("NumericLessThan", 10, "10"));
    CHECK(is_true("NumericLessThanEquals", 10, "10"));
    CHECK(is_true("NumericGreaterThan", "1.1", "1.2"));
    CHECK(is_true("NumericGreaterThanEquals", "1.2", "1.2"));
    CHECK(is_true("NumericEquals", "10", "10.0"));
    CHECK(is_true("NumericNotEquals", "10", "11"));
    CHECK_FALSE(is_true("NumericEquals", "10", "ten"));
    CHECK(says("NumericEquals", "ten", with("10")) == Truth::unknown);
    CHECK(is_true("DateLessThan", "2027-01-31T12:00:00Z", "2027-01-31T11:59:59Z"));
    CHECK(is_true("DateGreaterThan", "2027-01-31", "2027-01-31T00:00:01Z"));
    CHECK(is_true("DateEquals", "1970-01-02T00:00:00Z", "86400"));
    CHECK(is_true("DateNotEquals", "2027-01-31", "2027-02-01"));
    CHECK(is_true("DateLessThanEquals", "2027-01-31", "2027-01-31"));
    CHECK(is_true("DateGreaterThanEquals", "2027-01-31", "2027-01-31"));
    CHECK(says("DateEquals", "2027-02-30", with("0")) == Truth::unknown);
}

TEST_CASE("truths, bytes and addresses") {
    CHECK(is_true("Bool", "true", "true"));
    CHECK(is_true("Bool", true, "True"));
    CHECK_FALSE(is_true("Bool", "false", "true"));
    CHECK(is_true("BinaryEquals", "QmluYXJ5", "QmluYXJ5"));
    CHECK_FALSE(is_true("BinaryEquals", "QmluYXJ5", "AAAA"));
    CHECK(is_true("IpAddress", "203.0.113.0/24", "203.0.113.9"));
    CHECK_FALSE(is_true("IpAddress", "203.0.113.0/24", "203.0.114.9"));
    CHECK(is_true("IpAddress", "0.0.0.0/0", "203.0.114.9"));
    CHECK_FALSE(is_true("IpAddress", "0.0.0.0/0", "2001:db8::1"));
    CHECK(is_true("NotIpAddress", "2001:db8::/32", "2001:db9::1"));
    CHECK(says("IpAddress", "everywhere", with("203.0.113.9")) == Truth::unknown);
}

TEST_CASE("ARNs are compared part by part") {
    const std::string role = "arn:aws:iam::111122223333:role/a/b";
    CHECK(is_true("ArnLike", "arn:aws:iam::*:role/*", role));
    CHECK(is_true("ArnEquals", "arn:aws:iam::*:role/*", role));
    const std::string topic = "arn:aws:sns:eu:1:a:b";
    CHECK_FALSE(is_true("ArnLike", "arn:*:eu:1:a:b", topic)); // a wildcard does not reach over a colon
    CHECK(is_true("StringLike", "arn:*:eu:1:a:b", topic));
    CHECK(is_true("ArnNotEquals", "arn:aws:iam::444455556666:role/*", role));
    CHECK(is_true("ArnNotLike", "arn:aws:sts::*:*", role));
    CHECK(says("ArnLike", "*", with(role)) == Truth::unknown); // AWS documents patterns of six parts
}

TEST_CASE("an absent key fulfils negations, IfExists and ForAllValues, and nothing else") {
    for (const char* op : {"StringEquals", "StringLike", "Bool", "NumericLessThan", "DateLessThan", "IpAddress",
                           "ArnLike", "ForAnyValue:StringEquals", "ForAnyValue:StringNotEquals"})
        CHECK(says(op, "1", absent) == Truth::no);
    for (const char* op : {"StringNotEquals", "StringNotLike", "NumericNotEquals", "DateNotEquals", "NotIpAddress",
                           "ArnNotLike", "BoolIfExists", "StringEqualsIfExists", "ForAllValues:StringEquals"})
        CHECK(says(op, "1", absent) == Truth::yes);
    CHECK(says("ForAnyValue:StringEqualsIfExists", "1", absent) == Truth::unknown);
    CHECK(says("Null", "true", absent) == Truth::yes);
    CHECK(says("Null", "false", absent) == Truth::no);
    CHECK(says("Null", "false", with("x")) == Truth::yes);
    CHECK(says("Null", "true", with("x")) == Truth::no);
}

TEST_CASE("of an unknown key, or an unknown operator, nothing can be told") {
    for (const char* op : {"StringEquals", "StringNotEquals", "Null", "BoolIfExists", "ForAllValues:StringEquals"})
        CHECK(says(op, "true", unknown) == Truth::unknown);
    for (const char* op : {"StringAlmostEquals", "NullIfExists", "ForAllValues:Null", ""})
        CHECK(says(op, "true", with("true")) == Truth::unknown);
}

TEST_CASE("keys of several values") {
    Context tags;
    tags.set("aws:k", KeyValue{KeyValue::State::known, {"a", "b"}});
    CHECK(says("ForAllValues:StringEquals", {"a", "b", "c"}, tags) == Truth::yes);
    CHECK(says("ForAllValues:StringEquals", {"a"}, tags) == Truth::no);
    CHECK(says("ForAnyValue:StringEquals", {"a"}, tags) == Truth::yes);
    CHECK(says("ForAnyValue:StringEquals", {"c"}, tags) == Truth::no);
    CHECK(says("ForAllValues:StringNotEquals", {"c"}, tags) == Truth::yes);
    CHECK(says("ForAnyValue:StringNotEquals", {"a"}, tags) == Truth::yes);
    CHECK(says("StringEquals", {"a"}, tags) == Truth::unknown);
    CHECK(says("StringEquals", {"a", "b"}, tags) == Truth::unknown);
    CHECK(says("StringNotEquals", {"c"}, tags) == Truth::unknown);
}

TEST_CASE("variables stand for keys of the request, in policies of 2012") {
    Context context;
    context.set("aws:k", "home/ann");
    context.set("aws:username", "ann");
    CHECK(says("StringEquals", "home/${aws:username}", context) == Truth::yes);
    CHECK(says("StringEquals", "home/${aws:username}", context, "aws:k", "2008-10-17") == Truth::no);
    CHECK(says("StringEquals", "home/${aws:PrincipalTag/team, 'ann'}", context) == Truth::yes);
    CHECK(says("StringEquals", "home/${aws:PrincipalTag/team}", context) == Truth::no);
    CHECK(says("StringNotEquals", "home/${aws:PrincipalTag/team}", context) == Truth::yes);
    CHECK(says("StringNotEquals", {"home/${aws:PrincipalTag/team}", "home/ann"}, context) == Truth::no);
    CHECK(says("StringEquals", "${*}${$}${?}", with("*$?")) == Truth::yes);
    context.set("aws:username", "*");
    CHECK(says("StringLike", "home/${aws:username}", context) == Truth::unknown);
}

} // namespace weightseal::testing

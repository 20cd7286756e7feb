// That every caller, object, network and choice is put to a policy which it tells apart: what is left out would count
// as closed.

#include "support/catch.hpp"
#include "support/storage.hpp"
#include "weightseal/core/error.hpp"

#include <fmt/format.h>

namespace weightseal::testing {
namespace {

using storage::audit;
using storage::Report;

// A policy of these statements on a bucket of 111122223333.
Report of_owner(std::initializer_list<std::string_view> statements) {
    return audit(policy_of(statements), "policy", {.account = "111122223333"});
}

bool is_certain(const Report& report, std::string_view rule) {
    return finds(report, rule) && finding_of(report, rule).is_certain;
}

} // namespace

TEST_CASE("each canonical user is a caller of its own") {
    const Report report =
        of_owner({R"({"Effect": "Allow", "Principal": {"CanonicalUser": ["79a59df900b949e5", "8b"]}})",
                  R"({"Effect": "Deny", "Principal": {"CanonicalUser": "79a59df900b949e5"}})"});
    CHECK(is_certain(report, "cross-account-access"));
    CHECK(finding_of(report, "cross-account-access").request.starts_with("canonical user 8b: s3:GetObject"));
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

// Policies and bundles with bytes changed, cut, doubled and nested: refused by name, or judged.

#include "support/guard.hpp" // Random, effort
#include "support/storage.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal::testing {
namespace {

// Whether the text is judged. Everything but an error of storage fails the test.
bool accepted(const std::string& text) {
    try {
        const storage::Report report = storage::audit(text);
        for (const storage::Finding& finding : report.findings)
            if (finding.request.size() > text.size() + 1000) FAIL("a message longer than the text");
        return true;
    } catch (const Error& error) {
        if (error.errc() < Errc::policy_not_json || error.errc() > Errc::unknown_finding) FAIL(error.what());
        return false;
    }
}

std::string changed(Random& random, std::string text) {
    for (std::uint64_t changes = random.between(1, 4); changes-- != 0;) {
        const std::size_t at = random.below(text.size());
        switch (random.below(4)) {
        case 0: text[at] = static_cast<char>(random.next()); break;
        case 1: text[at] = "0123456789{}[]\",:*?$-.eE tfn"[random.below(28)]; break;
        case 2: text.erase(at, random.below(20)); break;
        default: text.insert(at, text.substr(random.below(text.size()), random.below(60))); break;
        }
        if (text.empty()) text = "0";
    }
    return text;
}

} // namespace

TEST_CASE("bundles cut off anywhere are refused") {
    const std::string valid = bundle_of(full_intent()).dump();
    REQUIRE(accepted(valid));
    for (std::size_t size = 0; size < valid.size(); size += 7)
        CHECK_FALSE(accepted(valid.substr(0, size)));
}

TEST_CASE("bundles and policies with any byte changed are refused, or judged") {
    Random random(17);
    const Json bundle = bundle_of(full_intent());
    std::uint64_t good = 0;
    for (std::uint64_t i = 0; i < 15 * effort; ++i) {
        good += accepted(changed(random, bundle.dump()));
        good += accepted(changed(random, bundle["documents"]["bucket_policy"].dump()));
        good += accepted(changed(random, bundle["documents"]["key_policy"].dump()));
    }
    CHECK(good > effort);
}

TEST_CASE("documents of a bundle may hold anything") {
    const Json bundle = bundle_of(full_intent());
    for (const auto& [name, document] : bundle["documents"].items())
        for (const char* value :
             {"null", "[]", "{}", "1", "\"x\"", "[{}]", R"({"Rules": [[]]})", R"([{"FieldSelectors": [1]}])"}) {
            Json other = bundle;
            other["documents"][name] = Json::parse(value);
            accepted(other.dump());
        }
}

TEST_CASE("policies that tell very many requests apart are refused or judged in bounded memory") {
    Json policy{{"Version", "2012-10-17"}, {"Statement", Json::array()}};
    for (int i = 0; i < 300; ++i)
        policy["Statement"].push_back(
            {{"Effect", "Allow"},
             {"Principal", {{"AWS", "arn:aws:iam::111122223333:role/r" + std::to_string(i)}}},
             {"Action", "s3:GetObject"},
             {"Resource", "arn:aws:s3:::acme-weights/" + std::to_string(i) + "/*"},
             {"Condition", {{"IpAddress", {{"aws:SourceIp", "10.0." + std::to_string(i % 250) + ".0/24"}}}}}});
    accepted(policy.dump());

    Json choices{{"Effect", "Allow"}, {"Principal", "*"}, {"Action", "s3:*"}, {"Resource", "*"}};
    for (int i = 0; i < 40; ++i)
        choices["Condition"]["StringEquals"]["s3:x-amz-" + std::to_string(i)] = {"a", "b", "c"};
    CHECK(accepted(Json{{"Version", "2012-10-17"}, {"Statement", choices}}.dump()));
    const std::string stars(2000, '*');
    Json pattern{{"Effect", "Allow"}, {"Principal", "*"}, {"Action", "s3:" + stars + "x"}, {"Resource", stars + "y"}};
    CHECK(accepted(Json{{"Version", "2012-10-17"}, {"Statement", pattern}}.dump()));
}

} // namespace weightseal::testing

// Signature Version 4 against AWS's own examples: the test suite that AWS published, and the examples of S3's manual.

#include "remote/sigv4.hpp"
#include "support/catch.hpp"

using namespace weightseal;
using namespace weightseal::remote;

namespace {

std::string signature_of(const Signable& request, const SigningScope& scope, const Credentials& credentials) {
    const std::string value = authorization(request, scope, credentials);
    return value.substr(value.find("Signature=") + 10);
}

Credentials suite_credentials() {
    return {"AKIDEXAMPLE", SecretText("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), {}, {}};
}

const SigningScope suite_scope{"20150830T123600Z", "us-east-1", "service"};

Signable suite_request(std::vector<HttpHeader> headers = {}) {
    headers.push_back({"host", "example.amazonaws.com"});
    headers.push_back({"x-amz-date", "20150830T123600Z"});
    return {.headers = std::move(headers), .payload_hash = std::string(empty_payload_hash)};
}

Signable s3_request(std::vector<HttpHeader> headers = {}) {
    headers.push_back({"host", "examplebucket.s3.amazonaws.com"});
    headers.push_back({"x-amz-content-sha256", std::string(empty_payload_hash)});
    headers.push_back({"x-amz-date", "20130524T000000Z"});
    return {.headers = std::move(headers), .payload_hash = std::string(empty_payload_hash)};
}

Credentials s3_credentials() {
    return {"AKIAIOSFODNN7EXAMPLE", SecretText("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), {}, {}};
}

const SigningScope s3_scope{"20130524T000000Z", "us-east-1", "s3"};

} // namespace

TEST_CASE("sigv4: the test suite of AWS") {
    const auto sign = [](const Signable& request) { return signature_of(request, suite_scope, suite_credentials()); };
    Signable request = suite_request();
    CHECK(authorization(request, suite_scope, suite_credentials()) ==
          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
          "SignedHeaders=host;x-amz-date, "
          "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"); // get-vanilla
    request.query = {{"Param2", "value2"}, {"Param1", "value1"}}; // get-vanilla-query-order-key-case
    CHECK(sign(request) == "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    const std::string unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    request.query = {{unreserved, unreserved}}; // get-vanilla-query-unreserved
    CHECK(sign(request) == "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197");
    request.query.clear();
    request.path = "/%E1%88%B4"; // get-utf8
    CHECK(sign(request) == "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
    request = suite_request();
    request.method = "POST"; // post-vanilla
    CHECK(sign(request) == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    request = suite_request({{"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}}); // get-header-value-trim
    CHECK(sign(request) == "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
    request = suite_request({{"x-amz-security-token",
                              "AQoDYXdzEPT//////////"
                              "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YU"
                              "uwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp"
                              "75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC"
                              "9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="}}); // post-sts-header-before
    request.method = "POST";
    CHECK(sign(request) == "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead");
}

TEST_CASE("sigv4: the examples of S3's manual") {
    const auto sign = [](const Signable& request) { return signature_of(request, s3_scope, s3_credentials()); };
    Signable request = s3_request({{"range", "bytes=0-9"}}); // GET Object
    request.path = "/test.txt";
    CHECK(sign(request) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    request = s3_request(); // GET Bucket lifecycle
    request.query = {{"lifecycle", ""}};
    CHECK(sign(request) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    request.query = {{"prefix", "J"}, {"max-keys", "2"}}; // GET Bucket, list objects
    CHECK(sign(request) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("sigv4: the presigned URL of S3's manual") {
    const Signable request{
        .path = "/test.txt", .headers = {{"host", "examplebucket.s3.amazonaws.com"}}, .payload_hash = ""};
    const Query query = presigned_query(request, s3_scope, s3_credentials(), std::chrono::hours(24));
    CHECK(canonical_query(query) == "X-Amz-Algorithm=AWS4-HMAC-SHA256"
                                    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                                    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
                                    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
                                    "&X-Amz-SignedHeaders=host");
    Credentials session = s3_credentials();
    session.token = SecretText("token");
    CHECK(canonical_query(presigned_query(request, s3_scope, session, std::chrono::hours(24)))
              .find("&X-Amz-Security-Token=token&") != std::string::npos);
}

TEST_CASE("sigv4: times, also those before and after a leap day") {
    using namespace std::chrono;
    CHECK(signing_time(sys_days(2013y / 5 / 24)) == "20130524T000000Z");
    CHECK(signing_time(sys_days(2028y / 2 / 29) + 23h + 59min + 59s + 999ms) == "20280229T235959Z");
}

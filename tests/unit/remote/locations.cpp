// Locations: URLs and buckets, and what is refused of them.

#include "remote/s3_location.hpp"
#include "remote/url.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "weightseal/io/remote_source.hpp"

using namespace weightseal;
using namespace weightseal::remote;
using namespace weightseal::testing;

TEST_CASE("locations: URLs are read as they are written") {
    const HttpUrl url = parse_http_url("https://Models.Example.com:8443/a%20b/../c?x=1&y=%2F#part");
    CHECK(url.is_tls);
    CHECK(url.authority() == "models.example.com:8443");
    CHECK(url.path == "/a%20b/../c");
    CHECK(url.query == "x=1&y=%2F");
    CHECK(url.text() == "https://models.example.com:8443/a%20b/../c?x=1&y=%2F");
    CHECK(parse_http_url("https://h:443").text() == "https://h/");
    CHECK(parse_http_url("http://[::1]:9000?a").text() == "http://[::1]:9000/?a");
    for (const char* bad : {"", "https://", "https:///path", "https://h:0/", "https://h:70000/", "https://h:8x/",
                            "https://[::1/", "https://[::1]x/", "https://user:secret@h/", "https://h/a b", "ftp://h/",
                            "https://h/\r\nx-amz-acl: public", "https://h/\xC3\xA9", "https://a,b/", "https://h:/"})
        CHECK(refusal([&] { (void)parse_http_url(bad); }) == "bad_server_url");
    CHECK(refusal([] { (void)parse_http_url("https://h/" + std::string(9000, 'a')); }) == "bad_server_url");
    try {
        (void)parse_http_url("https://user:secret@h/");
    } catch (const Error& error) {
        CHECK(std::string(error.what()).find("secret") == std::string::npos);
    }
}

TEST_CASE("locations: buckets are in the host's name, or in the path where they must be") {
    const auto url = [](const char* location, const std::string& region, const std::string& endpoint = "") {
        return s3_url(parse_s3_location(location), region, endpoint).text();
    };
    CHECK(url("s3://acme/m/a.wseal", "eu-central-1") == "https://acme.s3.eu-central-1.amazonaws.com/m/a.wseal");
    CHECK(url("s3://acme.models/a", "us-east-1") == "https://s3.us-east-1.amazonaws.com/acme.models/a");
    CHECK(url("s3://acme/a", "cn-north-1") == "https://acme.s3.cn-north-1.amazonaws.com.cn/a");
    CHECK(url("s3://acme/a", "us-east-1", "http://127.0.0.1:9000/") == "http://127.0.0.1:9000/acme/a");
    CHECK(url("s3://acme/a", "us-east-1", "https://gateway/s3") == "https://gateway/s3/acme/a");
    // A key is bytes, and all of them arrive.
    CHECK(url("s3://acme//a/../b c+d?e#\xC3\xA9%", "us-east-1") ==
          "https://acme.s3.us-east-1.amazonaws.com//a/../b%20c%2Bd%3Fe%23%C3%A9%25");
    const std::string too_long = "s3://acme/" + std::string(1025, 'k');
    for (const char* bad : {"s3://", "s3://acme", "s3://acme/", "s3://ac/k", "s3://Acme/k", "s3://-acme/k",
                            "s3://acme-/k", "s3://ac%6De/k", "s3://acme@evil/k", "s3:/acme/k", too_long.c_str()})
        CHECK(refusal([&] { (void)parse_s3_location(bad); }) == "bad_server_url");
    CHECK(refusal([&] { (void)url("s3://acme/k", ""); }) == "bad_region");
    CHECK(refusal([&] { (void)url("s3://acme/k", "evil.example/"); }) == "bad_region");
    CHECK(refusal([&] { (void)url("s3://acme/k", "us-east-1", "gateway"); }) == "bad_server_url");
    CHECK(refusal([&] { (void)url("s3://acme/k", "us-east-1", "https://gateway/?a"); }) == "bad_server_url");
}

TEST_CASE("locations: what is no URL is a path") {
    CHECK(is_remote("s3://a/b"));
    CHECK_FALSE(is_remote("s3:/a/b"));
    CHECK_FALSE(is_remote("models/https://x"));
    CHECK(refusal([] { (void)open_source("/no/such/file"); }) == "file_not_found");
    CHECK(refusal([] { (void)open_source("s3://acme"); }) == "bad_server_url");
}

// Objects of S3: what is signed is what arrives, and where it goes.

#include "remote/sigv4.hpp"
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/files.hpp"
#include "support/refusal.hpp"
#include "support/web_server.hpp"
#include "weightseal/io/remote_source.hpp"

#include <algorithm>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

const remote::Credentials credentials{"AKIAEXAMPLE", remote::SecretText("secret-key-of-tests"), {}, {}};

/// The signature of a request as it arrived, computed from the wire.
std::string signature_of(const WebRequest& request, const std::vector<std::pair<std::string, std::string>>& query) {
    const std::string& sent = request.headers.at("authorization");
    const auto part = [&](const std::string& name) {
        const std::size_t begin = sent.find(name + "=") + name.size() + 1;
        return sent.substr(begin, sent.find(',', begin) - begin);
    };
    remote::Signable signable{request.method, request.target.substr(0, request.target.find('?')), query, {}, ""};
    signable.payload_hash = request.headers.at("x-amz-content-sha256");
    std::string names = part("SignedHeaders") + ";";
    while (!names.empty()) {
        const std::string name = names.substr(0, names.find(';'));
        names.erase(0, name.size() + 1);
        signable.headers.push_back({name, request.headers.at(name)});
    }
    return remote::authorization(signable, {request.headers.at("x-amz-date"), "eu-central-1", "s3"}, credentials);
}

/// The environment of somebody who set up nothing but these keys.
struct KeysInEnvironment : Environment {
    KeysInEnvironment() {
        set("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
        set("AWS_SECRET_ACCESS_KEY", "secret-key-of-tests");
    }
};

} // namespace

TEST_CASE("s3: what is signed is what arrives") {
    KeysInEnvironment environment;
    environment.set("AWS_SESSION_TOKEN", "token/of+tests==");
    environment.set("AWS_REGION", "eu-central-1");
    const Data object = patterned(3'000'000, 1);
    const WebServer server([&](const WebRequest& request, WebConnection& to) { to.answer_range(request, object); });
    S3Options options;
    options.endpoint = server.url("/base");
    options.expected_owner = "111122223333";
    options.version_id = "v+1/x=";
    const auto source = s3_source("acme.models", "a b/\xC3\xA9+c", options);
    CHECK(source->size() == object.size());
    CHECK(source->name() == "s3://acme.models/a b/\xC3\xA9+c");
    Data read(object.size());
    source->read_at(0, read);
    CHECK(read == object);
    const auto requests = server.requests();
    CHECK(requests.size() > 1);
    for (const WebRequest& request : requests) {
        CHECK(request.method == "GET");
        CHECK(request.target == "/base/acme.models/a%20b/%C3%A9%2Bc?versionId=v%2B1%2Fx%3D");
        CHECK(request.headers.at("x-amz-expected-bucket-owner") == "111122223333");
        CHECK(request.headers.at("x-amz-security-token") == "token/of+tests==");
        CHECK(request.headers.at("authorization") == signature_of(request, {{"versionId", "v+1/x="}}));
        for (const char* name : {"host", "range", "x-amz-content-sha256", "x-amz-date", "x-amz-expected-bucket-owner",
                                 "x-amz-security-token"})
            CHECK_THAT(request.headers.at("authorization"), ContainsSubstring(name));
        // All but the first are pinned to what the first was of.
        CHECK(request.headers.contains("if-match") == (&request != &requests.front()));
    }
}

TEST_CASE("s3: endpoint, region and keys come from the environment") {
    KeysInEnvironment environment;
    const Data object = patterned(100, 1);
    const WebServer server([&](const WebRequest& request, WebConnection& to) { to.answer_range(request, object); });
    environment.set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    environment.set("AWS_ENDPOINT_URL_S3", server.url());
    environment.set("AWS_DEFAULT_REGION", "eu-central-1");
    CHECK(open_source("s3://acme/key")->size() == 100);
    CHECK(server.requests().back().target == "/acme/key");
    CHECK(server.requests().back().headers.at("authorization") == signature_of(server.requests().back(), {}));
    environment.set("AWS_REGION", "us-west-2");
    CHECK(open_source("s3://acme/key")->size() == 100);
    CHECK_THAT(server.requests().back().headers.at("authorization"), ContainsSubstring("/us-west-2/s3/"));
}

TEST_CASE("s3: a refusal names the server's reason, and never a secret") {
    KeysInEnvironment environment;
    const WebServer server([](const WebRequest& request, WebConnection& to) {
        if (request.target == "/acme/denied")
            to.answer("403 Forbidden", "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>");
        if (request.target == "/acme/moved")
            to.answer("301 Moved Permanently", "", "x-amz-bucket-region: eu-west-1\r\n");
        if (request.target == "/acme/hostile")
            to.answer("403 Forbidden", "<Code>\x1b[2J</Code>" + request.headers.at("authorization"));
        if (request.target == "/acme/long") to.answer("401 Unauthorized", std::string(1 << 20, 'x'));
    });
    const auto message = [&](const std::string& key) -> std::string {
        S3Options options;
        options.endpoint = server.url();
        try {
            (void)s3_source("acme", key, options);
        } catch (const Error& error) {
            return std::string(errc_name(error.errc())) + ": " + error.what();
        }
        return "nothing refused";
    };
    CHECK(message("denied") == "server_refused: s3://acme/denied: the server answers 403 (AccessDenied)");
    CHECK_THAT(message("moved"), ContainsSubstring("the bucket is in the region eu-west-1"));
    CHECK(message("hostile") == "server_refused: s3://acme/hostile: the server answers 403");
    CHECK(message("long") == "server_refused: s3://acme/long: the server answers 401");
}

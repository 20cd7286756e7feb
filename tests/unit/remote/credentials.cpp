// Credentials from each of their sources, and what is refused of them.

#include "remote/credential_cache.hpp"
#include "remote/credential_chain.hpp"
#include "remote/credentials_json.hpp"
#include "remote/credentials_web_identity.hpp"
#include "remote/profile.hpp"
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/files.hpp"
#include "support/refusal.hpp"
#include "support/web_server.hpp"

#include <atomic>
#include <deque>

using namespace weightseal;
using namespace weightseal::remote;
using namespace weightseal::testing;

namespace {

constexpr const char* json = R"({"Code": "Success", "AccessKeyId": "AKIA1", "SecretAccessKey": "hidden1",
    "Token": "token1", "Expiration": "2035-01-31T23:59:59Z"})";

/// "key id/secret/token" of the chain, or how it fails.
std::string load(const S3Options& options = {}) {
    std::string found;
    const std::string result = refusal([&] {
        const auto credentials = credential_chain(options)->load();
        found = !credentials ? "none"
                             : credentials->key_id + "/" + std::string(credentials->secret.view()) + "/" +
                                   std::string(credentials->token.view());
    });
    return found.empty() ? result : found;
}

/// What the refusal of the chain says.
std::string message(const std::string& profile = "") {
    S3Options options;
    options.profile = profile;
    try {
        (void)credential_chain(options)->load();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing refused";
}

} // namespace

TEST_CASE("credentials: none, and of the environment") {
    Environment environment;
    CHECK(load() == "none");
    environment.set("AWS_ACCESS_KEY_ID", "AKIA1");
    CHECK(load() == "key_source_failed");
    environment.set("AWS_SECRET_ACCESS_KEY", "hidden1");
    CHECK(load() == "AKIA1/hidden1/");
    environment.set("AWS_SESSION_TOKEN", "token1");
    CHECK(load() == "AKIA1/hidden1/token1");
}

TEST_CASE("credentials: of profiles") {
    Environment environment;
    const TemporaryFolder folder;
    write_file(folder / "credentials", "# comment\n[default]\naws_access_key_id = AKIA1\n"
                                       "aws_secret_access_key=hid=den1\r\n\n[ci]\nAWS_Access_Key_ID=AKIA2\n"
                                       "aws_secret_access_key = hidden2\naws_session_token = token2\n"
                                       "[half]\naws_access_key_id = AKIA3\n");
    write_file(folder / "config",
               "[default]\nregion = eu-west-1\n[profile ci]\nregion = eu-west-2\n"
               "aws_access_key_id = not-this\ns3 =\n  aws_session_token = nor-this\n"
               "[profile process]\ncredential_process = cat " +
                   (folder / "answer").string() +
                   "\n[profile failing]\ncredential_process = echo hidden; exit 3\n"
                   "[profile bare]\nregion = eu-west-3\n[profile talking]\ncredential_process = yes hidden\n");
    write_file(folder / "answer", std::string_view(json));
    environment.set("AWS_SHARED_CREDENTIALS_FILE", (folder / "credentials").string());
    environment.set("AWS_CONFIG_FILE", (folder / "config").string());
    const auto of_profile = [](const std::string& name) {
        S3Options options;
        options.profile = name;
        return load(options);
    };
    CHECK(load() == "AKIA1/hid=den1/");
    CHECK(of_profile("ci") == "AKIA2/hidden2/token2");
    CHECK(of_profile("half") == "key_source_failed");
    CHECK(of_profile("missing") == "key_source_failed");
    CHECK(of_profile("bare") == "key_source_failed");
    CHECK(of_profile("process") == "AKIA1/hidden1/token1");
    CHECK(of_profile("failing") == "key_source_failed");
    CHECK(message("failing") == "credential_process: exited with status 3");
    CHECK(of_profile("talking") == "key_source_failed");
    CHECK(setting(read_profile("ci"), "region") == "eu-west-2");
    environment.set("AWS_PROFILE", "ci");
    CHECK(load() == "AKIA2/hidden2/token2");
    environment.set("AWS_PROFILE", "missing");
    CHECK(load() == "key_source_failed");
    // The environment's keys go before its profile, and after one that the caller names.
    environment.set("AWS_ACCESS_KEY_ID", "AKIA9");
    environment.set("AWS_SECRET_ACCESS_KEY", "hidden9");
    CHECK(load() == "AKIA9/hidden9/");
    CHECK(of_profile("process") == "AKIA1/hidden1/token1");
    CHECK(of_profile("missing") == "key_source_failed");
    write_file(folder / "credentials", std::string((1 << 20) + 1, '#'));
    CHECK(of_profile("ci") == "key_source_failed");
}

TEST_CASE("credentials: of a container") {
    Environment environment;
    std::atomic<bool> is_well = true;
    const WebServer server([&](const WebRequest& request, WebConnection& to) {
        if (!is_well) return to.answer("500 Internal Server Error", json);
        const bool knows = request.headers.contains("authorization") && request.headers.at("authorization") == "pod";
        to.answer(knows ? "200 OK" : "403 Forbidden", json);
    });
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("/role?a=b"));
    CHECK(load() == "key_source_failed");
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod");
    CHECK(load() == "AKIA1/hidden1/token1");
    CHECK(server.requests().back().target == "/role?a=b");
    const TemporaryFolder folder;
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "other");
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", (folder / "token").string());
    CHECK(load() == "key_source_failed");
    write_file(folder / "token", std::string_view("pod\n"));
    CHECK(load() == "AKIA1/hidden1/token1");
    is_well = false;
    CHECK(load() == "key_source_failed");
    CHECK(message() == "container credentials: the service answers 500");
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:" + std::to_string(free_web_port()));
    CHECK_THAT(message(), ContainsSubstring("the service gives no answer: Failed to connect"));
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/role");
    CHECK(load() == "key_source_failed");
    CHECK(message() == "container credentials: the URI is neither https nor of this machine"); // nothing is sent there
}

TEST_CASE("credentials: of an instance, by the second version of its service only") {
    Environment environment;
    std::atomic<int> behaviour = 0;
    const WebServer server([&](const WebRequest& request, WebConnection& to) {
        if (behaviour == 1) return to.answer("404 Not Found", "");
        if (behaviour == 2) return to.answer("302 Found", "", "Location: http://192.0.2.1/\r\n");
        if (behaviour == 3) return to.answer("200 OK", std::string(100'000, 'x'));
        if (request.method == "PUT" && request.target == "/latest/api/token" &&
            request.headers.at("x-aws-ec2-metadata-token-ttl-seconds") == "300")
            return to.answer("200 OK", "session");
        const auto session = request.headers.find("x-aws-ec2-metadata-token");
        if (session == request.headers.end() || session->second != "session") return to.answer("401 Unauthorized", "");
        if (request.target == "/latest/meta-data/iam/security-credentials/")
            return to.answer("200 OK", "reader\nother");
        if (request.target == "/latest/meta-data/iam/security-credentials/reader") return to.answer("200 OK", json);
        to.answer("404 Not Found", "");
    });
    environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url());
    CHECK(load() == "none"); // disabled
    environment.set("AWS_EC2_METADATA_DISABLED", "false");
    CHECK(load() == "AKIA1/hidden1/token1");
    behaviour = 1;
    CHECK(load() == "none");
    behaviour = 2;
    CHECK(load() == "key_source_failed");
    behaviour = 3;
    CHECK(load() == "none");
    environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:" + std::to_string(free_web_port()));
    CHECK(load() == "none");
}

TEST_CASE("credentials: of a web identity") {
    Environment environment;
    const std::string good = "<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>AKIA1</AccessKeyId>"
                             "<SecretAccessKey>hid/den+1</SecretAccessKey><SessionToken>token1==</SessionToken>"
                             "<Expiration>2035-01-31T23:59:59Z</Expiration></Credentials></X>";
    const WebServer server([&](const WebRequest& request, WebConnection& to) {
        const bool knows = request.body.ends_with("&WebIdentityToken=eyJ.a%2Bb") && request.method == "POST";
        to.answer(knows ? "200 OK" : "400 Bad Request", knows ? good : "<Code>InvalidIdentityToken</Code>");
    });
    const TemporaryFolder folder;
    write_file(folder / "token", std::string_view("eyJ.a+b"));
    environment.set("AWS_ENDPOINT_URL_STS", server.url());
    environment.set("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/reader");
    environment.set("AWS_WEB_IDENTITY_TOKEN_FILE", (folder / "token").string());
    CHECK(load() == "AKIA1/hid/den+1/token1==");
    CHECK_THAT(
        server.requests().back().body,
        ContainsSubstring("RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Freader&RoleSessionName=weightseal"));
    write_file(folder / "token", std::string_view("other"));
    CHECK(load() == "key_source_failed");
    CHECK(message() == "web identity: the service answers 400 (InvalidIdentityToken)");
    write_file(folder / "token", std::string_view(""));
    CHECK(load() == "key_source_failed");
    for (const char* missing : {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}) {
        std::string bad = good;
        bad.replace(bad.find(missing), 1, "x");
        CHECK(refusal([&] { (void)credentials_of_sts(bad); }) == "key_source_failed");
    }
}

TEST_CASE("credentials: JSON that is none of them") {
    const auto read = [](std::string_view text) { return refusal([&] { (void)credentials_of_json(text, "test"); }); };
    CHECK(read(json) == "nothing refused");
    for (const char* bad :
         {"", "x", "[]", "{}", R"({"AccessKeyId": "a"})", R"({"AccessKeyId": 1, "SecretAccessKey": "b"})",
          R"({"a": {"AccessKeyId": "a", "SecretAccessKey": "b"}})",
          R"({"AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "soon"})",
          R"({"AccessKeyId": "a", "SecretAccessKey": "b"} more)"})
        CHECK(read(bad) == "key_source_failed");
    CHECK(read(std::string(100'000, '[')) == "key_source_failed");
    using namespace std::chrono;
    CHECK(parse_expiration("2026-02-03T04:05:06Z") == sys_days(2026y / 2 / 3) + 4h + 5min + 6s);
    CHECK(parse_expiration("2026-02-03T04:05:06.789Z") == parse_expiration("2026-02-03T04:05:06+00:00"));
    CHECK(parse_expiration("2026-02-03T04:05:06.5+02:00") == sys_days(2026y / 2 / 3) + 2h + 5min + 6s);
    for (const char* bad :
         {"", "2026", "2026-02-30T04:05:06Z", "2026-02-03T24:05:06Z", "2026-02-03T04:05:6Z", "2026-02-03T04:05:06",
          "-026-02-03T04:05:06Z", "1013-02-03T04:05:06Z", "9999-02-03T04:05:06Z"})
        CHECK_FALSE(parse_expiration(bad));
}

TEST_CASE("credentials: renewed before they expire, and kept while they hold") {
    using namespace std::chrono_literals;
    struct Script final : CredentialSource {
        std::deque<std::optional<Time>> expirations; // empty: the source fails
        int* asked;
        std::optional<Credentials> load() override {
            ++*asked;
            const auto expires = expirations.front();
            expirations.pop_front();
            if (!expires) throw Error(Errc::key_source_failed, "script", "fails");
            return Credentials{"AKIA" + std::to_string(*asked), SecretText("hidden"), {}, expires};
        }
    };
    int asked = 0;
    Time now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
    auto script = std::make_unique<Script>();
    script->asked = &asked;
    script->expirations = {now + 1h, std::nullopt, std::nullopt, now + 3h, std::nullopt, now + 1h};
    CredentialCache cache(std::move(script), [&] { return now; });
    const auto current = [&] {
        const std::string failure = refusal([&] { cache.refresh(); });
        return failure == "nothing refused" ? cache.current()->key_id : failure;
    };
    CHECK(current() == "AKIA1");
    now += 54min;
    CHECK(current() == "AKIA1");
    CHECK(asked == 1);
    now += 2min; // four minutes left, and the source fails
    CHECK(current() == "AKIA1");
    CHECK(current() == "AKIA1");
    CHECK(asked == 2); // it is not asked again at once
    now += 1min;
    CHECK(current() == "AKIA1");
    CHECK(asked == 3);
    now += 1min;
    CHECK(current() == "AKIA4");
    now += 3h; // nothing holds any more
    CHECK(current() == "key_source_failed");
    CHECK(current() == "key_source_failed"); // those that came had expired
    CHECK(asked == 6);
}

// The canary: requests that ought to be refused, and what is said of those that are not.

#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/files.hpp"
#include "support/refusal.hpp"
#include "support/storage.hpp"
#include "support/web_server.hpp"
#include "weightseal/storage/live.hpp"

#include <algorithm>
#include <set>

namespace weightseal::testing {
namespace {

using storage::Attempt;
using storage::Report;

enum class Who { nobody, signer, link, other };

Who sender_of(const WebRequest& request) {
    const auto authorization = request.headers.find("authorization");
    if (authorization != request.headers.end())
        return authorization->second.find("AKIAOTHER") == std::string::npos ? Who::signer : Who::other;
    return request.target.find("X-Amz-Signature=") == std::string::npos ? Who::nobody : Who::link;
}

/// A bucket that asks a test for its answers, and keeps the names of its objects.
class Bucket {
  public:
    /// The status of an answer.
    using Answer = std::function<std::string(Who who, const WebRequest& request, bool is_there)>;

    explicit Bucket(Answer answer, std::string version = {})
        : answer_(std::move(answer)), version_(std::move(version)),
          server_([this](const WebRequest& request, WebConnection& to) {
              const std::string name = request.target.substr(0, request.target.find('?'));
              const std::lock_guard lock(mutex_);
              const std::string status = answer_(sender_of(request), request, objects_.contains(name));
              if (request.method == "PUT" && status == "200 OK") objects_.insert(name);
              if (request.method == "DELETE" && status == "204 No Content") objects_.erase(name);
              const std::string body = status.starts_with("403")   ? "<Error><Code>AccessDenied</Code></Error>"
                                       : status.starts_with("404") ? "<Error><Code>NoSuchKey</Code></Error>"
                                                                   : "";
              to.answer(status, body, version_.empty() ? "" : "x-amz-version-id: " + version_ + "\r\n");
          }) {
        keys_.set("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
        keys_.set("AWS_SECRET_ACCESS_KEY", "secret-key-of-tests");
        keys_.set("AWS_SHARED_CREDENTIALS_FILE", (folder_ / "credentials").string());
        write_file(folder_ / "credentials",
                   "[other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = another-key-of-tests\n");
    }

    [[nodiscard]] Report probe(const std::vector<std::string>& strangers = {}, const Hooks& hooks = {}) const {
        Report report;
        storage::probe_bucket(
            report, "acme-weights",
            {.s3 = {.endpoint = server_.url()}, .prefix = "models/", .strangers = strangers, .hooks = hooks});
        return report;
    }
    [[nodiscard]] std::vector<WebRequest> requests() const { return server_.requests(); }
    [[nodiscard]] std::set<std::string> objects() const {
        const std::lock_guard lock(mutex_);
        return objects_;
    }

  private:
    Answer answer_;
    std::string version_;
    TemporaryFolder folder_;
    Environment keys_;
    mutable std::mutex mutex_;
    std::set<std::string> objects_;
    WebServer server_;
};

std::string served(const WebRequest& request) {
    return request.method == "DELETE" ? "204 No Content" : "200 OK";
}

std::vector<std::string> attempts_of(const Report& report) {
    std::vector<std::string> list;
    for (const Attempt& attempt : report.attempts)
        list.push_back(attempt.request + ": " + attempt.answer + (attempt.rule.empty() ? "" : " " + attempt.rule));
    return list;
}

bool is_unchecked(const Report& report, const std::string& text) {
    return std::any_of(report.not_checked.begin(), report.not_checked.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

} // namespace

TEST_CASE("probe: a bucket that is shut but for its endpoint without TLS") {
    const Bucket bucket([](Who who, const WebRequest& request, bool) -> std::string {
        return who == Who::signer ? served(request) : "403 Forbidden";
    });
    const Report report = bucket.probe({"other"});
    CHECK(attempts_of(report) ==
          std::vector<std::string>{
              "the writer: s3:PutObject of the canary: 200",
              "the writer: s3:GetObject of the canary: 200",
              "nobody, over plain HTTP: s3:GetObject of the canary: 403 AccessDenied",
              "nobody, over plain HTTP: s3:PutObject of another: 403 AccessDenied",
              "nobody, over plain HTTP: s3:GetObject of an object that is not there: 403 AccessDenied",
              "nobody, over plain HTTP: s3:ListBucket: 403 AccessDenied",
              "the writer, over plain HTTP: s3:GetObject of the canary: 200 tls-not-enforced",
              "the writer, over plain HTTP: s3:PutObject of another: 200 tls-not-enforced",
              "a presigned URL of the writer: s3:GetObject of the canary: 403 AccessDenied",
              "a presigned URL of the writer: s3:PutObject of another: 403 AccessDenied",
              "profile other: s3:GetObject of the canary: 403 AccessDenied",
              "profile other: s3:PutObject of another: 403 AccessDenied",
              "profile other: s3:GetObject of an object that is not there: 403 AccessDenied",
              "profile other: s3:ListBucket: 403 AccessDenied",
              "the writer: s3:DeleteObject of a canary: 204",
              "the writer: s3:DeleteObject of a canary: 204",
          });
    CHECK(rules_of(report) == std::vector<std::string>{"tls-not-enforced"});
    CHECK(finding_of(report, "tls-not-enforced").document == "probe");
    CHECK(report.not_checked == std::vector<std::string>{"HTTPS: the endpoint is one of plain HTTP"});
    CHECK(bucket.objects().empty());
    for (const WebRequest& request : bucket.requests()) {
        if (request.method == "PUT") {
            CHECK(request.target.starts_with("/acme-weights/models/weightseal-canary-"));
            CHECK(request.body == "canary");
            CHECK(request.headers.at("content-md5") == "GpO1nJpMnam4UllEfmeMdg=="); // of md5sum
        }
        if (request.target.find("list-type") != std::string::npos)
            CHECK(request.target == "/acme-weights/?list-type=2&max-keys=1&prefix=models%2F");
    }
}

TEST_CASE("probe: whoever gets in is a finding") {
    const Bucket open([](Who, const WebRequest& request, bool) { return served(request); });
    const Report report = open.probe({"other"});
    CHECK(rules_of(report) == std::vector<std::string>{"public-access", "tls-not-enforced", "unlisted-reader",
                                                       "unlisted-writer", "presigned-allowed"});
    CHECK(finding_of(report, "public-access").request == "nobody, over plain HTTP: s3:GetObject of the canary: 200");
    CHECK(open.objects().empty()); // also those that strangers wrote
}

TEST_CASE("probe: a refusal that tells what is there is a finding") {
    const Bucket telling([](Who who, const WebRequest& request, bool is_there) -> std::string {
        if (who == Who::signer) return served(request);
        const bool is_listing = request.target.find("list-type") != std::string::npos;
        return request.method == "GET" && !is_there && !is_listing ? "404 Not Found" : "403 Forbidden";
    });
    CHECK(rules_of(telling.probe()) == std::vector<std::string>{"tls-not-enforced", "existence-revealed"});
}

TEST_CASE("probe: only S3's own refusal is one") {
    for (const std::string status : {"503 Slow Down", "400 Bad Request", "401 Unauthorized", "301 Moved Permanently"}) {
        INFO(status);
        const Bucket unclear([&](Who who, const WebRequest& request, bool) -> std::string {
            return who == Who::nobody ? status : who == Who::signer ? served(request) : "403 Forbidden";
        });
        const Report report = unclear.probe();
        CHECK(is_unchecked(report, "nobody, over plain HTTP: s3:GetObject of the canary: " + status.substr(0, 3)));
        CHECK(is_unchecked(report, "nobody, over plain HTTP: s3:ListBucket: " + status.substr(0, 3)));
        CHECK(rules_of(report) == std::vector<std::string>{"tls-not-enforced"});
    }
}

TEST_CASE("probe: a writer who may not read shows nothing of how reading comes") {
    const Bucket bucket([](Who who, const WebRequest& request, bool) -> std::string {
        return who == Who::signer && request.method != "GET" ? served(request) : "403 Forbidden";
    });
    const Report report = bucket.probe();
    for (const char* way : {"the writer, over plain HTTP", "a presigned URL of the writer"})
        CHECK(is_unchecked(report, std::string(way) + ": s3:GetObject of the canary, which the writer may not do"));
}

TEST_CASE("probe: without a canary nothing is tried") {
    const Bucket shut([](Who, const WebRequest&, bool) { return "403 Forbidden"; });
    const Report report = shut.probe({"other"});
    CHECK(attempts_of(report) == std::vector<std::string>{"the writer: s3:PutObject of the canary: 403 AccessDenied"});
    CHECK(is_unchecked(report, "nothing is tried: the canary is not written, 403 AccessDenied"));
    CHECK(shut.requests().size() == 1);
}

TEST_CASE("probe: plain HTTP is not looked for beside a port of TLS") {
    Environment keys;
    keys.set("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
    keys.set("AWS_SECRET_ACCESS_KEY", "secret-key-of-tests");
    Report report;
    const std::string endpoint = "https://127.0.0.1:" + std::to_string(free_web_port());
    storage::probe_bucket(report, "acme-weights", {.s3 = {.endpoint = endpoint}});
    CHECK(attempts_of(report).size() == 2); // nobody answers, so that the canary may be there
    CHECK(is_unchecked(report, "s3://acme-weights/weightseal-canary-"));
}

TEST_CASE("probe: versions of canaries are removed") {
    const Bucket versioned([](Who who, const WebRequest& request,
                              bool) -> std::string { return who == Who::signer ? served(request) : "403 Forbidden"; },
                           "v1");
    const Report report = versioned.probe();
    CHECK_FALSE(is_unchecked(report, "stays"));
    CHECK(versioned.objects().empty());
    for (const WebRequest& request : versioned.requests())
        if (request.method == "DELETE") CHECK(request.target.ends_with("?versionId=v1"));
}

TEST_CASE("probe: canaries that cannot be removed are named") {
    const auto but = [](const std::string& kept) {
        return [kept](Who who, const WebRequest& request, bool) -> std::string {
            if (who != Who::signer) return "403 Forbidden";
            const bool is_of_version = request.target.find("versionId") != std::string::npos;
            const bool is_kept = request.method == "DELETE" && (kept == "all" || is_of_version);
            return is_kept ? "403 Forbidden" : served(request);
        };
    };
    const Bucket all(but("all"));
    CHECK(is_unchecked(all.probe(), "stays, and is to be removed by hand: 403 AccessDenied"));
    CHECK(all.objects().size() == 2);
    const Bucket locked(but("versions"), "v1");
    CHECK(is_unchecked(locked.probe(), "version v1 of s3://acme-weights/models/weightseal-canary-"));
    CHECK(locked.objects().empty()); // but hidden
}

TEST_CASE("probe: who cancels has the canaries taken away") {
    const Bucket bucket([](Who who, const WebRequest& request, bool) -> std::string {
        return who == Who::signer ? served(request) : "403 Forbidden";
    });
    int polls = 0;
    const Hooks hooks{.progress = {}, .cancelled = [&] { return ++polls == 9; }, .log = {}};
    CHECK(refusal([&] { (void)bucket.probe({}, hooks); }) == "cancelled");
    CHECK(bucket.objects().empty());
    CHECK(bucket.requests().size() == 8 + 2); // two canaries
}

TEST_CASE("probe: refusals come before anything is written") {
    const Bucket bucket([](Who, const WebRequest& request, bool) { return served(request); });
    CHECK(refusal([&] { (void)bucket.probe({"missing"}); }) == "key_source_failed");
    Report report;
    CHECK(refusal([&] { storage::probe_bucket(report, "acme-weights", {.prefix = "models"}); }) == "bad_prefix");
    CHECK(bucket.requests().empty());
}

} // namespace weightseal::testing

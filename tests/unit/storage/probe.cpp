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

    explicit Bucket(Answer answer)
        : answer_(std::move(answer)), server_([this](const WebRequest& request, WebConnection& to) {
              const std::string name = request.target.substr(0, request.target.find('?'));
              const std::lock_guard lock(mutex_);
              const std::string status = answer_(sender_of(request), request, objects_.contains(name));
              if (request.method == "PUT" && status == "200 OK") objects_.insert(name);
              if (request.method == "DELETE" && status == "204 No Content") objects_.erase(name);
              to.answer(status, status.starts_with("403") ? "<Error><Code>AccessDenied</Code></Error>" : "");
          }) {
        keys_.set("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
        keys_.set("AWS_SECRET_ACCESS_KEY", "secret-key-of-tests");
        keys_.set("AWS_SHARED_CREDENTIALS_FILE", (folder_ / "credentials").string());
        write_file(folder_ / "credentials",
                   "[other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = another-key-of-tests\n");
    }

    [[nodiscard]] Report probe(const std::vector<std::string>& profiles = {}) const {
        Report report;
        storage::probe_bucket(report, "acme-weights",
                              {.s3 = {.endpoint = server_.url()}, .prefix = "models/", .profiles = profiles});
        return report;
    }
    [[nodiscard]] std::vector<WebRequest> requests() const { return server_.requests(); }
    [[nodiscard]] std::set<std::string> objects() const {
        const std::lock_guard lock(mutex_);
        return objects_;
    }

  private:
    Answer answer_;
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

} // namespace

TEST_CASE("probe: a bucket that is shut but for its endpoint without TLS") {
    const Bucket bucket([](Who who, const WebRequest& request, bool) -> std::string {
        return who == Who::signer && request.method != "GET" ? served(request) : "403 Forbidden";
    });
    const Report report = bucket.probe({"other"});
    CHECK(attempts_of(report) ==
          std::vector<std::string>{
              "the writer: s3:PutObject of the canary: 200",
              "nobody, over plain HTTP: s3:GetObject of the canary: 403 AccessDenied",
              "nobody, over plain HTTP: s3:PutObject of another: 403 AccessDenied",
              "nobody, over plain HTTP: s3:GetObject of an object that is not there: 403 AccessDenied",
              "nobody, over plain HTTP: s3:ListBucket: 403 AccessDenied",
              "the writer of the canary, over plain HTTP: s3:GetObject of the canary: 403 AccessDenied",
              "the writer of the canary, over plain HTTP: s3:PutObject of another: 200 tls-not-enforced",
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
    CHECK(report.not_checked == std::vector<std::string>{"HTTPS: the endpoint is plain HTTP"});
    CHECK(bucket.objects().empty());
    for (const WebRequest& request : bucket.requests())
        if (request.method == "PUT") CHECK(request.target.starts_with("/acme-weights/models/weightseal-canary-"));
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
        if (who == Who::signer && request.method != "GET") return served(request);
        return request.method == "GET" && !is_there ? "404 Not Found" : "403 Forbidden";
    });
    const Report report = telling.probe();
    CHECK(rules_of(report) == std::vector<std::string>{"tls-not-enforced", "existence-revealed"});
}

TEST_CASE("probe: what stays unclear is not checked") {
    const Bucket unclear([](Who who, const WebRequest& request, bool) -> std::string {
        if (who == Who::signer) return request.method == "PUT" ? "403 Forbidden" : "204 No Content";
        return who == Who::nobody ? "503 Slow Down" : "403 Forbidden";
    });
    const Report report = unclear.probe();
    const auto said = [&](const std::string& text) {
        return std::any_of(report.not_checked.begin(), report.not_checked.end(),
                           [&](const std::string& line) { return line.find(text) != std::string::npos; });
    };
    CHECK(said("whether strangers can read: the canary is not written, 403 AccessDenied"));
    CHECK(said("nobody, over plain HTTP: s3:ListBucket: 503"));
    CHECK(report.findings.empty());
    for (const WebRequest& request : unclear.requests())
        CHECK(request.method != "DELETE"); // nothing was written
}

TEST_CASE("probe: a canary that cannot be removed is named") {
    const Bucket bucket([](Who who, const WebRequest& request, bool) -> std::string {
        return who == Who::signer && request.method == "PUT" ? "200 OK" : "403 Forbidden";
    });
    const Report report = bucket.probe();
    const std::string name = bucket.objects().begin()->substr(1);
    CHECK(std::any_of(report.not_checked.begin(), report.not_checked.end(), [&](const std::string& line) {
        return line == "s3://" + name + " stays: it is to be removed by hand, 403 AccessDenied";
    }));
}

TEST_CASE("probe: refusals come before anything is written") {
    const Bucket bucket([](Who, const WebRequest& request, bool) { return served(request); });
    CHECK(refusal([&] { (void)bucket.probe({"missing"}); }) == "key_source_failed");
    Report report;
    CHECK(refusal([&] { storage::probe_bucket(report, "acme-weights", {.prefix = "models"}); }) == "bad_prefix");
    CHECK(bucket.requests().empty());
}

} // namespace weightseal::testing

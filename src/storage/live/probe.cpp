#include "crypto/codec.hpp"
#include "crypto/random.hpp"
#include "remote/s3_options.hpp"
#include "storage/audit_input.hpp"
#include "storage/live/bucket_client.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/storage/live.hpp"

#include <array>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

constexpr std::string_view content = "canary";
// Buckets with Object Lock demand it, of whoever writes.
constexpr std::string_view content_md5 = "GpO1nJpMnam4UllEfmeMdg==";

using Profile = std::pair<std::string, remote::Credentials>;

/// Who is to be refused, and the findings that it is when he is not.
struct Stranger {
    std::string words; ///< "nobody, over HTTPS"
    Visitor how;
    std::string_view reads, writes;
};

std::string new_key(const std::string& prefix) {
    std::array<std::byte, 8> random{};
    crypto::fill_random(random);
    return prefix + "weightseal-canary-" + crypto::to_hex(random);
}

class Probe {
  public:
    Probe(Report& report, std::string_view bucket, const S3Options& s3, const ProbeOptions& options)
        : findings_(report), report_(report), bucket_(bucket), client_(bucket, s3), options_(options),
          own_(load_credentials(s3)), canary_(new_key(options.prefix)) {}

    void run(const std::vector<Profile>& strangers) {
        try {
            write_canary();
            if (has_canary_) visit_all(strangers);
        } catch (...) {
            is_ending_ = true;
            remove_all();
            throw;
        }
        remove_all();
    }

  private:
    struct Written {
        std::string key, version;
    };

    BucketAnswer ask(const BucketRequest& request, const Visitor& visitor) const {
        if (options_.hooks.cancelled && options_.hooks.cancelled())
            throw Error(Errc::cancelled, "probe", "was cancelled by the caller");
        return client_.ask(request, visitor);
    }

    BucketAnswer write(const std::string& key, const Visitor& visitor) {
        written_.push_back({key, {}}); // first: of what an exception ends nobody knows
        const BucketAnswer answer =
            ask({.method = "PUT",
                 .key = key,
                 .headers = {{"content-md5", std::string(content_md5)}, {"content-type", "text/plain"}},
                 .body = std::string(content)},
                visitor);
        // Nor of a failure of the server.
        if (answer.status >= 300 && answer.status < 500)
            written_.pop_back();
        else
            written_.back().version = answer.version_id;
        return answer;
    }

    void write_canary() {
        BucketAnswer answer = write(canary_, own());
        note("the writer: s3:PutObject of the canary", answer, {});
        has_canary_ = answer.is_success();
        if (!has_canary_) {
            findings_.not_checked("nothing is tried: the canary is not written, " + answer.words());
            return;
        }
        answer = ask({.key = canary_}, own());
        note("the writer: s3:GetObject of the canary", answer, {});
        can_read_ = answer.is_success();
    }

    void visit_all(const std::vector<Profile>& strangers) {
        if (client_.has_tls())
            visit({"nobody, over HTTPS", {Signing::none, nullptr, true}, "public-access", "public-access"});
        else
            findings_.not_checked("HTTPS: the endpoint is one of plain HTTP");
        if (client_.has_plain()) {
            visit({"nobody, over plain HTTP", {Signing::none, nullptr, false}, "public-access", "public-access"});
            visit_as_writer({"the writer, over plain HTTP",
                             {Signing::header, &own_, false},
                             "tls-not-enforced",
                             "tls-not-enforced"});
        } else {
            findings_.not_checked("plain HTTP: the endpoint has a port of its own, and where it would answer over "
                                  "plain HTTP is not known");
        }
        visit_as_writer({"a presigned URL of the writer",
                         {Signing::query, &own_, client_.has_tls()},
                         "presigned-allowed",
                         "presigned-allowed"});
        for (const auto& [name, credentials] : strangers)
            visit({"profile " + name,
                   {Signing::header, &credentials, client_.has_tls()},
                   "unlisted-reader",
                   "unlisted-writer"});
    }

    void visit(const Stranger& who) {
        judge(who, "s3:GetObject of the canary", ask({.key = canary_}, who.how), who.reads);
        judge(who, "s3:PutObject of another", write(new_key(options_.prefix), who.how), who.writes);
        judge(who, "s3:GetObject of an object that is not there", ask({.key = new_key(options_.prefix)}, who.how),
              who.reads);
        judge(who, "s3:ListBucket",
              ask({.query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", options_.prefix}}}, who.how), who.reads);
    }

    // What he may not do in any way says nothing of this one.
    void visit_as_writer(const Stranger& way) {
        if (can_read_)
            judge(way, "s3:GetObject of the canary", ask({.key = canary_}, way.how), way.reads);
        else
            findings_.not_checked(way.words + ": s3:GetObject of the canary, which the writer may not do in any way");
        judge(way, "s3:PutObject of another", write(new_key(options_.prefix), way.how), way.writes);
    }

    void note(std::string request, const BucketAnswer& answer, std::string_view rule) {
        report_.attempts.push_back({std::move(request), answer.words(), std::string(rule)});
    }

    void judge(const Stranger& who, std::string_view what, const BucketAnswer& answer, std::string_view served) {
        const std::string request = fmt::format("{}: {}", who.words, what);
        const bool is_revealing = answer.status == 404 && answer.code == "NoSuchKey";
        const std::string_view rule = answer.is_success() ? served : is_revealing ? "existence-revealed" : "";
        note(request, answer, rule);
        if (!rule.empty())
            findings_.add(rule, "probe", {}, fmt::format("{}: {}", request, answer.words()));
        else if (!answer.is_denied())
            findings_.not_checked(fmt::format("{}: {}", request, answer.words()));
    }

    [[nodiscard]] Visitor own() const { return {Signing::header, &own_, client_.has_tls()}; }

    void remove_all() noexcept {
        for (const Written& written : written_)
            try {
                remove(written);
            } catch (...) {
                continue; // the name of what stays says what it is
            }
    }

    // The version, so that nothing is left; where that may not be deleted, it is at least hidden.
    void remove(const Written& written) {
        const std::string name = fmt::format("s3://{}/{}", bucket_, written.key);
        if (!written.version.empty()) {
            const BucketAnswer answer =
                client_.ask({.method = "DELETE", .key = written.key, .query = {{"versionId", written.version}}}, own());
            note("the writer: s3:DeleteObjectVersion of a canary", answer, {});
            if (answer.is_success()) return;
            stays(fmt::format("version {} of {}", written.version, name), answer);
        }
        const BucketAnswer answer = client_.ask({.method = "DELETE", .key = written.key}, own());
        note("the writer: s3:DeleteObject of a canary", answer, {});
        if (!answer.is_success()) stays(name, answer);
    }

    void stays(const std::string& what, const BucketAnswer& answer) {
        const std::string text = fmt::format("{} stays, and is to be removed by hand: {}", what, answer.words());
        findings_.not_checked(text);
        if (is_ending_ && options_.hooks.log) options_.hooks.log(text);
    }

    Findings findings_;
    Report& report_;
    std::string bucket_;
    BucketClient client_;
    const ProbeOptions& options_;
    remote::Credentials own_;
    std::string canary_;
    bool has_canary_ = false, can_read_ = false;
    bool is_ending_ = false; // by an exception: nobody sees the report
    std::vector<Written> written_;
};

} // namespace

void probe_bucket(Report& report, std::string_view bucket, const ProbeOptions& options) {
    if (!options.prefix.empty() && !options.prefix.ends_with('/'))
        throw Error(Errc::bad_prefix, "prefix", "does not end with a slash");
    const S3Options complete = remote::completed(options.s3);
    std::vector<Profile> strangers; // all of them before anything is written
    for (const std::string& name : options.strangers) {
        S3Options of_profile = complete;
        of_profile.profile = name;
        strangers.emplace_back(name, load_credentials(of_profile));
    }
    Probe(report, bucket, complete, options).run(strangers);
    sort_findings(report);
}

} // namespace weightseal::storage

#include "crypto/codec.hpp"
#include "crypto/random.hpp"
#include "remote/s3_options.hpp"
#include "storage/live/bucket_client.hpp"
#include "storage/rules.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/storage/live.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <memory>

namespace weightseal::storage {
namespace {

constexpr std::string_view document = "probe";

/// Somebody who should be refused, and the findings that it is when he is not.
struct Stranger {
    std::string words; ///< "nobody, over HTTPS"
    Visitor how;
    std::string_view reads, writes;
    bool is_member = false; ///< he may: only this way is in question
};

std::string new_name(const std::string& prefix) {
    std::array<std::byte, 8> random{};
    crypto::fill_random(random);
    return prefix + "weightseal-canary-" + crypto::to_hex(random);
}

class Probe {
  public:
    Probe(Report& report, std::string_view bucket, const S3Options& s3, std::string prefix)
        : report_(report), bucket_(bucket), client_(bucket, s3), prefix_(std::move(prefix)), own_(load_credentials(s3)),
          canary_(new_name(prefix_)) {}
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;
    ~Probe() { remove_canaries(); }

    void run(const std::vector<std::pair<std::string, remote::Credentials>>& profiles) {
        write_canary();
        if (!client_.has_tls()) report_.not_checked.emplace_back("HTTPS: the endpoint is plain HTTP");
        if (client_.has_tls())
            visit({"nobody, over HTTPS", {Signing::none, nullptr, true}, "public-access", "public-access"});
        visit({"nobody, over plain HTTP", {Signing::none, nullptr, false}, "public-access", "public-access"});
        visit({"the writer of the canary, over plain HTTP",
               {Signing::header, &own_, false},
               "tls-not-enforced",
               "tls-not-enforced",
               true});
        visit({"a presigned URL of the writer",
               {Signing::query, &own_, client_.has_tls()},
               "presigned-allowed",
               "presigned-allowed",
               true});
        for (const auto& [name, credentials] : profiles)
            visit({"profile " + name,
                   {Signing::header, &credentials, client_.has_tls()},
                   "unlisted-reader",
                   "unlisted-writer"});
    }

  private:
    BucketAnswer write(const std::string& key, const Visitor& visitor) {
        BucketAnswer answer = client_.ask({.method = "PUT", .key = key, .body = "canary"}, visitor);
        // Of a request without an answer nobody knows.
        if (answer.status == 0 || answer.status == 200) written_.push_back(key);
        return answer;
    }

    void write_canary() {
        const BucketAnswer answer = write(canary_, own());
        note("the writer: s3:PutObject of the canary", answer, {});
        has_canary_ = answer.status == 200;
        if (!has_canary_)
            report_.not_checked.push_back("whether strangers can read: the canary is not written, " + answer.words());
    }

    void visit(const Stranger& who) {
        if (has_canary_)
            judge(who, "s3:GetObject of the canary", client_.ask({.key = canary_}, who.how), who.reads, {});
        judge(who, "s3:PutObject of another", write(new_name(prefix_), who.how), who.writes, {});
        if (who.is_member) return;
        judge(who, "s3:GetObject of an object that is not there", client_.ask({.key = new_name(prefix_)}, who.how),
              who.reads, "existence-revealed");
        judge(who, "s3:ListBucket", client_.ask({.query = {{"list-type", "2"}, {"max-keys", "1"}}}, who.how), who.reads,
              {});
    }

    void note(std::string request, const BucketAnswer& answer, std::string_view rule) {
        report_.attempts.push_back({std::move(request), answer.words(), std::string(rule)});
    }

    /// @param not_found  the finding that 404 is; empty: none
    void judge(const Stranger& who, std::string_view what, const BucketAnswer& answer, std::string_view success,
               std::string_view not_found) {
        const std::string request = fmt::format("{}: {}", who.words, what);
        const bool is_success = answer.status >= 200 && answer.status < 300;
        const bool is_refused = answer.status >= 400 && answer.status < 500 && answer.status != 429;
        const std::string_view rule = is_success ? success : answer.status == 404 ? not_found : std::string_view();
        note(request, answer, rule);
        if (!rule.empty())
            add(rule, fmt::format("{}: {}", request, answer.words()));
        else if (!is_refused)
            report_.not_checked.push_back(fmt::format("{}: {}", request, answer.words()));
    }

    void add(std::string_view rule, std::string request) {
        report_.findings.push_back(
            {std::string(rule), rule_of(rule).severity, true, std::string(document), {}, std::move(request), 0});
    }

    [[nodiscard]] Visitor own() const { return {Signing::header, &own_, client_.has_tls()}; }

    // Also on the way out of a failure.
    void remove_canaries() noexcept try {
        for (const std::string& key : written_) {
            const BucketAnswer answer = client_.ask({.method = "DELETE", .key = key}, own());
            note("the writer: s3:DeleteObject of a canary", answer, {});
            if (answer.status != 204 && answer.status != 200)
                report_.not_checked.push_back(
                    fmt::format("s3://{}/{} stays: it is to be removed by hand, {}", bucket_, key, answer.words()));
        }
    } catch (...) {
        return; // what stays has a name that says what it is
    }

    Report& report_;
    std::string bucket_;
    BucketClient client_;
    std::string prefix_;
    remote::Credentials own_;
    std::string canary_;
    bool has_canary_ = false;
    std::vector<std::string> written_;
};

} // namespace

void probe_bucket(Report& report, std::string_view bucket, const ProbeOptions& options) {
    if (!options.prefix.empty() && !options.prefix.ends_with('/'))
        throw Error(Errc::bad_prefix, "prefix", "does not end with a slash");
    const S3Options complete = remote::completed(options.s3);
    std::vector<std::pair<std::string, remote::Credentials>> profiles; // all of them before anything is written
    for (const std::string& name : options.profiles) {
        S3Options of_profile = complete;
        of_profile.profile = name;
        profiles.emplace_back(name, load_credentials(of_profile));
    }
    Probe(report, bucket, complete, options.prefix).run(profiles);
    std::ranges::stable_sort(report.findings,
                             [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
}

} // namespace weightseal::storage

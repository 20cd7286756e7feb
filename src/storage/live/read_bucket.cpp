#include "remote/s3_options.hpp"
#include "storage/intent_json.hpp"
#include "storage/live/bucket_client.hpp"
#include "storage/live/settings.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/storage/live.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>

namespace weightseal::storage {
namespace {

// What keeps all settings from being read, not only this one.
void require_bucket(const BucketAnswer& answer, const std::string& name) {
    constexpr std::array of_session{"InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"};
    if (answer.status == 0) throw Error(Errc::server_unreachable, name, answer.failure);
    if (answer.code == "NoSuchBucket") throw Error(Errc::file_not_found, name, "there is no such bucket");
    if (answer.status >= 300 && answer.status < 400)
        throw Error(Errc::server_refused, name,
                    fmt::format("the server answers {}: the bucket is in another region", answer.words()));
    if (answer.status == 400 || std::ranges::find(of_session, answer.code) != of_session.end())
        throw Error(Errc::server_refused, name, "the server answers " + answer.words());
}

Json intent_for(std::string_view bucket, const ReadOptions& options) {
    const std::string subject(options.intent_subject);
    Json json = parse_json(options.intent, subject);
    if (json.is_object() && json.contains("intent")) json = Json(json["intent"]);
    const Intent intent = read_intent(json, subject);
    if (intent.provider != Provider::aws || intent.bucket != bucket)
        throw Error(Errc::bad_bucket, subject,
                    fmt::format("is for {} of {}", intent.bucket, provider_name(intent.provider)));
    return json;
}

/// The documents that the server tells, and why it does not tell the others.
class Reading {
  public:
    Reading(const BucketClient& client, const remote::Credentials& credentials, std::string name)
        : client_(client), credentials_(credentials), name_(std::move(name)) {}

    void run() {
        for (const BucketSetting& setting : bucket_settings())
            read(setting);
        if (documents_.empty())
            throw Error(Errc::server_refused, name_,
                        fmt::format("nothing is told: {}", unread_.front().get<std::string>()));
    }

    [[nodiscard]] const Json& documents() const noexcept { return documents_; }
    [[nodiscard]] const Json& unread() const noexcept { return unread_; }

  private:
    void read(const BucketSetting& setting) {
        const std::string document(setting.document);
        const BucketAnswer answer = client_.ask({.query = {{std::string(setting.query), {}}}},
                                                {.credentials = &credentials_, .is_tls = client_.has_tls()});
        if (documents_.empty() && unread_.empty()) require_bucket(answer, name_);
        const bool is_absent = !setting.absence.empty() && answer.code == setting.absence;
        if (!is_absent && answer.status != 200) {
            unread_[document] = fmt::format("{} is answered by {}", setting.action, answer.words());
            return;
        }
        try {
            documents_[document] =
                read_setting(setting, is_absent ? std::nullopt : std::optional<std::string_view>(answer.body));
        } catch (const Error& error) {
            if (error.errc() != Errc::server_answer) throw;
            unread_[document] = error.what();
        }
    }

    const BucketClient& client_;
    const remote::Credentials& credentials_;
    std::string name_;
    Json documents_ = Json::object(), unread_ = Json::object();
};

} // namespace

std::string read_bucket(std::string_view bucket, const ReadOptions& options) {
    Json answer{{"version", 1}};
    if (options.intent.empty())
        answer["bucket"] = bucket;
    else
        answer["intent"] = intent_for(bucket, options);
    const S3Options complete = remote::completed(options.s3);
    const BucketClient client(bucket, complete);
    const remote::Credentials credentials = load_credentials(complete);
    Reading reading(client, credentials, fmt::format("s3://{}", bucket));
    reading.run();
    answer["documents"] = reading.documents();
    answer["unread"] = reading.unread();
    return answer.dump(-1, ' ', true, Json::error_handler_t::replace);
}

} // namespace weightseal::storage

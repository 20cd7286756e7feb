#include "remote/s3_options.hpp"
#include "storage/intent_json.hpp"
#include "storage/live/bucket_client.hpp"
#include "storage/live/settings.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/storage/live.hpp"

#include <fmt/format.h>

namespace weightseal::storage {
namespace {

// What keeps all settings from being read, not only this one.
void require_bucket(const BucketAnswer& answer, const std::string& name) {
    if (answer.status == 0) throw Error(Errc::server_unreachable, name, answer.failure);
    if (answer.code == "NoSuchBucket") throw Error(Errc::file_not_found, name, "there is no such bucket");
    if (answer.status >= 300 && answer.status < 400)
        throw Error(Errc::server_refused, name,
                    fmt::format("the server answers {}: the bucket is in another region", answer.words()));
}

Json intent_for(std::string_view bucket, std::string_view text, std::string_view subject) {
    Json json = parse_json(text, subject);
    if (json.is_object() && json.contains("intent")) json = Json(json["intent"]);
    if (const Intent intent = read_intent(json, subject); intent.bucket != bucket)
        throw Error(Errc::bad_bucket, std::string(subject), "is for the bucket " + intent.bucket);
    return json;
}

} // namespace

std::string read_bucket(std::string_view bucket, const S3Options& options, std::string_view intent,
                        std::string_view subject) {
    const S3Options complete = remote::completed(options);
    const BucketClient client(bucket, complete);
    const std::string name = fmt::format("s3://{}", bucket);
    Json document{{"version", 1}};
    if (intent.empty())
        document["bucket"] = bucket;
    else
        document["intent"] = intent_for(bucket, intent, subject);
    document["documents"] = Json::object();
    const remote::Credentials credentials = load_credentials(complete);
    for (const BucketSetting& setting : bucket_settings()) {
        const BucketAnswer answer = client.ask({.query = {{std::string(setting.query), {}}}},
                                               {.credentials = &credentials, .is_tls = client.has_tls()});
        require_bucket(answer, name);
        const bool is_absent = !setting.absence.empty() && answer.code == setting.absence;
        if (answer.status == 200 && is_list_of_objects(answer.body))
            document["unread"][std::string(setting.document)] =
                fmt::format("{} is answered by a list of objects", setting.action);
        else if (answer.status == 200 || is_absent)
            document["documents"][std::string(setting.document)] = setting.read(is_absent ? "" : answer.body);
        else
            document["unread"][std::string(setting.document)] =
                fmt::format("{} is answered by {}", setting.action, answer.words());
    }
    return document.dump(-1, ' ', true, Json::error_handler_t::replace);
}

} // namespace weightseal::storage

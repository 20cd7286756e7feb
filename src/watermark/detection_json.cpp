#include "weightseal/watermark/report.hpp"

#include "crypto/codec.hpp" // to_hex

#include <nlohmann/json.hpp>

namespace weightseal {
namespace {

using Json = nlohmann::ordered_json;

Json correlations_json(const Correlations& correlations) {
    Json json = Json::object();
    for (std::size_t i = 0; i < statistic_count; ++i)
        if (const auto& run = correlations[i])
            json[std::string(statistic_name(static_cast<Statistic>(i)))] = {
                {"s", run->s}, {"q", run->q}, {"t", run->t()}};
    return json;
}

Json tensor_json(const TensorDetection& tensor) {
    Json json{{"name", tensor.name}, {"matched_by", matched_by_name(tensor.matched_by)}};
    if (tensor.matched_by == MatchedBy::nothing) return json;
    json["suspect_name"] = tensor.suspect_name;
    json["elements"] = tensor.elements;
    json["nonfinite"] = tensor.nonfinite;
    json["statistics"] = correlations_json(tensor.correlations);
    return json;
}

Json record_json(const WatermarkRecord& record, const ReportContext& context) {
    Json json{{"owner", record.owner}, {"model_id", record.model_id}, {"strength", record.strength}};
    if (record.signer) json["signer"] = format_public_key(*record.signer);
    if (context.timestamp)
        json["timestamp"] = {{"time", utc_text(context.timestamp->seconds)},
                             {"authority", context.timestamp->authority}};
    return json;
}

} // namespace

std::string detection_json(const Detection& detection, const WatermarkRecord& record, const ReportContext& context) {
    Json json{{"version", 1}, {"verdict", verdict_name(detection.verdict)}};
    json["z"] = detection.significance.z;
    json["log10_p"] = detection.significance.log10_p;
    json["log10_p_2_64_keys"] = detection.significance.log10_p_2_64_keys;
    json["stamped_before_suspect"] = is_stamped_before_suspect(context);
    json["expected_z"] = detection.expected_z;
    json["family"] = model_family_name(detection.family);
    json["statistics"] = correlations_json(detection.correlations);
    json["matched_elements"] = detection.matched_elements;
    json["nonfinite"] = detection.nonfinite;
    json["extra_tensors"] = detection.extra_tensors;
    json["tensors"] = Json::array();
    for (const TensorDetection& tensor : detection.tensors)
        json["tensors"].push_back(tensor_json(tensor));
    json["record"] = record_json(record, context);
    json["suspect"] = context.suspect;
    if (detection.suspect_root) json["suspect_root"] = crypto::to_hex(*detection.suspect_root);
    if (context.suspect_seen) json["suspect_seen"] = utc_text(*context.suspect_seen);
    if (!context.command.empty()) json["command"] = context.command;
    // Names are anybody's: a terminal must obey nothing of them, and they need not be UTF-8.
    return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

} // namespace weightseal

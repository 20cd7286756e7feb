#include "cli/detection_text.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>
#include <map>

namespace weightseal::cli {

namespace {

std::string describe_statistics(const Correlations& correlations) {
    std::string text;
    for (std::size_t i = 0; i < statistic_count; ++i)
        if (correlations[i])
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", statistic_name(static_cast<Statistic>(i)),
                                deviations(correlations[i]->t()));
    return text;
}

std::string describe_tensors(const Detection& detection) {
    std::map<MatchedBy, std::uint64_t> counts;
    for (const TensorDetection& tensor : detection.tensors)
        ++counts[tensor.matched_by];
    const std::uint64_t missing = counts[MatchedBy::nothing];
    std::string text = fmt::format("{} of {} found", grouped(detection.tensors.size() - missing),
                                   counted(detection.tensors.size(), "marked tensor"));
    for (const auto& [matched_by, count] : counts)
        if (matched_by != MatchedBy::nothing && count != 0)
            text += fmt::format(", {} by {}", grouped(count), matched_by_name(matched_by));
    return text + fmt::format("; {} missing, {} extra", grouped(missing), grouped(detection.extra_tensors));
}

std::string describe_record(const WatermarkRecord& record, const ReportContext& context) {
    std::string text = fmt::format("owner {}, model {}", printable(record.owner), printable(record.model_id));
    text += record.signer ? ", signed by " + format_public_key(*record.signer) : ", not signed";
    if (context.timestamp)
        text += fmt::format(", time-stamped {} by {}", utc_text(context.timestamp->seconds),
                            printable(context.timestamp->authority));
    else
        text += record.timestamp.empty() ? ", no time-stamp" : ", a time-stamp that was not verified";
    return text;
}

/// What the verdict does not mean.
std::string_view caveat(Verdict verdict) noexcept {
    switch (verdict) {
    case Verdict::detected:
        return "This shows that the weights carry the signal of this key. It does not show who copied them, how, or who"
               " owns the base model.";
    case Verdict::not_detected:
        return "This does not prove independence: retraining from scratch and distillation remove every mark of "
               "weights.";
    case Verdict::not_enough_evidence: break;
    }
    return "Too few weights match for a mark of this strength: neither answer would mean anything.";
}

} // namespace

std::string describe_detection(const Detection& detection, const WatermarkRecord& record,
                               const ReportContext& context) {
    const auto line = [](std::string_view name, const std::string& value) {
        return fmt::format("  {:<17}{}\n", name, value);
    };
    const Significance& found = detection.significance;
    const std::string p = line("p", probability(found.log10_p));
    const std::string p_2_64_keys = line("p for 2^64 keys", probability(found.log10_p_2_64_keys));
    std::string text = fmt::format("{}: {}\n", printable(context.suspect), verdict_name(detection.verdict));
    text += line("z", fmt::format("{}, of an unchanged copy at least {}", deviations(found.z),
                                  deviations(detection.expected_z)));
    text += is_stamped_before_suspect(context) ? p + p_2_64_keys : p_2_64_keys + p;
    text += line("statistics", describe_statistics(detection.correlations));
    text += line("tensors", describe_tensors(detection));
    text += line("weights", fmt::format("{} compared, {} not finite", grouped(detection.matched_elements),
                                        grouped(detection.nonfinite)));
    if (detection.family != ModelFamily::none)
        text += line("aligned", fmt::format("as {}", model_family_name(detection.family)));
    text += line("record", describe_record(record, context));
    return text + fmt::format("  {}\n", caveat(detection.verdict));
}

} // namespace weightseal::cli

// The watermark of whole models: records, marking, detecting.

#include "watermark.hpp"

#include "weightseal/watermark/mark.hpp"
#include "weightseal/watermark/report.hpp"

#include <algorithm>
#include <array>

SAME(WSEAL_INFORMED_SIGN, weightseal::Statistic::informed_sign);
SAME(WSEAL_STATISTIC_COUNT, weightseal::statistic_count);
SAME(WSEAL_NOT_ENOUGH_EVIDENCE, weightseal::Verdict::not_enough_evidence);
SAME(WSEAL_MATCHED_BY_SKETCH, weightseal::MatchedBy::sketch);
SAME(WSEAL_FAMILY_POST_LAYERNORM, weightseal::ModelFamily::post_layernorm);
#undef SAME

struct wseal_detection {
    weightseal::Detection detection;
    std::shared_ptr<const weightseal::WatermarkRecord> record;
    std::string suspect;
};

using namespace weightseal;
using namespace weightseal::capi;

namespace {

// As many as there are; their bits are returned.
std::uint32_t copy_correlations(const Correlations& correlations, wseal_correlation (&c)[WSEAL_STATISTIC_COUNT]) {
    std::uint32_t run = 0;
    for (std::size_t i = 0; i < statistic_count; ++i)
        if (correlations[i]) {
            c[i] = to_c(*correlations[i]);
            run |= 1U << i;
        }
    return run;
}

// A number beyond the C++ type must not be cut down to one that exists.
ModelFamily to_family(std::uint32_t family) {
    if (family > WSEAL_FAMILY_POST_LAYERNORM)
        throw Error(Errc::invalid_argument, "family", "is a number that does not exist");
    return static_cast<ModelFamily>(family);
}

MarkOptions to_mark_options(const wseal_mark_options& c) {
    const wseal_hooks hooks = hooks_of(c.hooks);
    MarkOptions options;
    if (c.model_id != nullptr) options.model_id = c.model_id;
    if (c.strength != 0) options.strength = c.strength;
    if (c.tensors_count != 0) require(c.tensors);
    for (std::size_t i = 0; i < c.tensors_count; ++i) {
        require(c.tensors[i]);
        options.tensors.emplace_back(c.tensors[i]);
    }
    if (c.signing_key != nullptr) options.signing_key = c.signing_key->key;
    options.overwrite = c.overwrite != 0;
    options.parallel = to_parallel(hooks, c.threads);
    options.hooks = to_hooks(hooks);
    return options;
}

wseal_record* new_record(WatermarkRecord record) {
    std::string signer = record.signer ? format_public_key(*record.signer) : std::string();
    return new wseal_record{std::make_shared<const WatermarkRecord>(std::move(record)), std::move(signer)};
}

wseal_mark_report to_report(const MarkReport& report) {
    wseal_mark_report c = WSEAL_MARK_REPORT_INIT;
    c.marked_tensors = report.marked_tensors;
    c.tied_tensors = report.tied_tensors;
    c.copied_tensors = report.copied_tensors;
    c.marked_elements = report.record.marked_elements();
    c.zeros = report.zeros;
    c.nonfinite = report.nonfinite;
    c.strength = report.record.strength;
    c.relative_change = report.relative_change;
    c.expected_z = report.expected_z;
    c.found = to_c(report.found);
    return c;
}

ReportContext to_context(const wseal_detection& detection, const wseal_report_options* options) {
    static constexpr wseal_report_options defaults = WSEAL_REPORT_OPTIONS_INIT;
    const wseal_report_options c = copy_options(options, defaults);
    constexpr std::int64_t end_of_9999 = 253402300799;
    if (c.suspect_seen < 0 || c.suspect_seen > end_of_9999)
        throw Error(Errc::invalid_argument, "suspect_seen", "is not between the years 1970 and 9999");
    ReportContext context;
    context.suspect = detection.suspect;
    if (c.command != nullptr) context.command = c.command;
    if (c.authorities != nullptr) context.timestamp = verify_timestamp(*detection.record, c.authorities);
    if (c.suspect_seen != 0) context.suspect_seen = c.suspect_seen;
    return context;
}

} // namespace

extern "C" {

const char* wseal_verdict_name(uint32_t verdict) {
    const bool known = verdict <= WSEAL_NOT_ENOUGH_EVIDENCE;
    return known ? verdict_name(static_cast<Verdict>(verdict)).data() : nullptr; // names are literals
}

const char* wseal_matched_by_name(uint32_t matched_by) {
    const bool known = matched_by <= WSEAL_MATCHED_BY_SKETCH;
    return known ? matched_by_name(static_cast<MatchedBy>(matched_by)).data() : nullptr;
}

const char* wseal_model_family_name(uint32_t family) {
    const bool known = family <= WSEAL_FAMILY_POST_LAYERNORM;
    return known ? model_family_name(static_cast<ModelFamily>(family)).data() : nullptr;
}

wseal_status wseal_record_load(const char* path, wseal_record** own_record, wseal_error* error) {
    return guarded(error, [&] {
        require(path, own_record);
        *own_record = new_record(load_record(path));
    });
}

wseal_status wseal_record_parse(const char* json, size_t size, wseal_record** own_record, wseal_error* error) {
    return guarded(error, [&] {
        require(json, own_record);
        *own_record = new_record(parse_record({json, size}));
    });
}

wseal_status wseal_record_save(const wseal_record* record, const char* path, int overwrite, wseal_error* error) {
    return guarded(error, [&] {
        require(record, path);
        save_record(*record->record, path, overwrite != 0);
    });
}

wseal_status wseal_record_json(const wseal_record* record, wseal_buffer** own_json, wseal_error* error) {
    return guarded(error, [&] {
        require(record, own_json);
        *own_json = text_buffer(to_json(*record->record));
    });
}

wseal_status wseal_record_get_info(const wseal_record* record, wseal_record_info* info, wseal_error* error) {
    return guarded(error, [&] {
        require(record, info);
        const WatermarkRecord& what = *record->record;
        wseal_record_info c = WSEAL_RECORD_INFO_INIT;
        c.owner = what.owner.c_str();
        c.model_id = what.model_id.c_str();
        std::memcpy(c.root, what.root.data(), sizeof c.root);
        const Digest scope = mark_scope(what);
        std::memcpy(c.scope, scope.data(), sizeof c.scope);
        c.strength = what.strength;
        c.tensors = what.tensors.size();
        c.marked_elements = what.marked_elements();
        if (what.signer) c.signer = record->signer.c_str();
        c.has_timestamp = what.timestamp.empty() ? 0 : 1;
        write_out(info, c);
    });
}

wseal_status wseal_record_require_signature(const wseal_record* record, const char* signer, wseal_error* error) {
    return guarded(error, [&] {
        require(record);
        std::optional<PublicKey> wanted;
        if (signer != nullptr) wanted = parse_public_key(signer);
        require_signature(*record->record, wanted);
    });
}

wseal_status wseal_record_verify_timestamp(const wseal_record* record, const char* authorities, int64_t* seconds,
                                           wseal_buffer** own_authority, wseal_error* error) {
    return guarded(error, [&] {
        require(record, authorities, seconds, own_authority);
        const TimeStamp stamp = verify_timestamp(*record->record, authorities);
        *own_authority = text_buffer(stamp.authority);
        *seconds = stamp.seconds;
    });
}

void wseal_record_free(wseal_record* own_record) {
    delete own_record;
}

wseal_status wseal_mark(const char* model, const char* output, const wseal_key* key, const char* owner,
                        const wseal_mark_options* options, wseal_record** own_record, wseal_mark_report* report,
                        wseal_error* error) {
    return guarded(error, [&] {
        require(model, output, key, owner, own_record, report);
        check_size(*report); // before anything is written
        static constexpr wseal_mark_options defaults = WSEAL_MARK_OPTIONS_INIT;
        const wseal_mark_options c = copy_options(options, defaults);
        MarkOptions mark_options = to_mark_options(c);
        mark_options.owner = owner;
        MarkReport done = mark(model, output, c.record == nullptr ? "" : c.record, key->key, std::move(mark_options));
        const wseal_mark_report counts = to_report(done);
        *own_record = new_record(std::move(done.record));
        write_out(report, counts);
    });
}

wseal_status wseal_detect(const char* suspect, const wseal_key* key, const wseal_record* record,
                          const wseal_detect_options* options, wseal_detection** own_detection, wseal_error* error) {
    return guarded(error, [&] {
        require(suspect, key, record, own_detection);
        static constexpr wseal_detect_options defaults = WSEAL_DETECT_OPTIONS_INIT;
        const wseal_detect_options c = copy_options(options, defaults);
        const wseal_hooks hooks = hooks_of(c.hooks);
        DetectOptions detect_options;
        detect_options.family = to_family(c.family);
        detect_options.identify_suspect = c.identify_suspect != 0;
        if (c.max_log10_p != 0) detect_options.max_log10_p = c.max_log10_p;
        detect_options.parallel = to_parallel(hooks, c.threads);
        detect_options.hooks = to_hooks(hooks);
        const auto suspect_model = open_model(suspect);
        std::unique_ptr<ModelSource> original;
        if (c.original != nullptr) original = open_model(c.original);
        detect_options.original = original.get();
        Detection found = detect(*suspect_model, key->key, *record->record, detect_options);
        *own_detection = new wseal_detection{std::move(found), record->record, suspect};
    });
}

wseal_status wseal_detection_get_result(const wseal_detection* detection, wseal_detection_result* result,
                                        wseal_error* error) {
    return guarded(error, [&] {
        require(detection, result);
        const Detection& what = detection->detection;
        wseal_detection_result c = WSEAL_DETECTION_RESULT_INIT;
        c.verdict = static_cast<std::uint32_t>(what.verdict);
        c.family = static_cast<std::uint32_t>(what.family);
        c.significance = to_c(what.significance);
        c.expected_z = what.expected_z;
        c.matched_elements = what.matched_elements;
        c.nonfinite = what.nonfinite;
        c.tensors = what.tensors.size();
        c.extra_tensors = what.extra_tensors;
        c.run = copy_correlations(what.correlations, c.correlations);
        write_out(result, c);
    });
}

wseal_status wseal_detection_tensor_at(const wseal_detection* detection, size_t tensor, wseal_tensor_detection* result,
                                       wseal_error* error) {
    return guarded(error, [&] {
        require(detection, result);
        if (tensor >= detection->detection.tensors.size())
            throw Error(Errc::invalid_argument, "detection", "has no tensor of this number");
        const TensorDetection& what = detection->detection.tensors[tensor];
        wseal_tensor_detection c = WSEAL_TENSOR_DETECTION_INIT;
        c.name = what.name.c_str();
        if (what.matched_by != MatchedBy::nothing) c.suspect_name = what.suspect_name.c_str();
        c.matched_by = static_cast<std::uint32_t>(what.matched_by);
        c.elements = what.elements;
        c.nonfinite = what.nonfinite;
        c.run = copy_correlations(what.correlations, c.correlations);
        write_out(result, c);
    });
}

wseal_status wseal_detection_html(const wseal_detection* detection, const wseal_report_options* options,
                                  wseal_buffer** own_html, wseal_error* error) {
    return guarded(error, [&] {
        require(detection, own_html);
        const ReportContext context = to_context(*detection, options);
        *own_html = text_buffer(detection_report(detection->detection, *detection->record, context));
    });
}

wseal_status wseal_detection_json(const wseal_detection* detection, const wseal_report_options* options,
                                  wseal_buffer** own_json, wseal_error* error) {
    return guarded(error, [&] {
        require(detection, own_json);
        const ReportContext context = to_context(*detection, options);
        *own_json = text_buffer(detection_json(detection->detection, *detection->record, context));
    });
}

void wseal_detection_free(wseal_detection* own_detection) {
    delete own_detection;
}

} // extern "C"

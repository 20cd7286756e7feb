/* Records, marking and detecting whole models. */

#define _XOPEN_SOURCE 700

#include "watermark.h"

void test_marking(void) {
    marking m = open_marking();
    CHECK(m.report.marked_tensors == 2 && m.report.copied_tensors == 2 && m.report.tied_tensors == 0);
    CHECK(m.report.marked_elements == 2 * weight_count && m.report.nonfinite == 0);
    CHECK(m.report.strength == 0.02);
    CHECK(m.report.relative_change > 0.005 && m.report.relative_change < 0.03);
    const double square = m.report.expected_z * m.report.expected_z / (double)m.report.marked_elements;
    CHECK(square > 0.999 * 0.012 * 0.012 && square < 1.001 * 0.012 * 0.012);
    CHECK(m.report.found.z >= m.report.expected_z && m.report.found.log10_p < -9);
    CHECK(m.report.struct_size == sizeof m.report);

    /* The same key and original give the same bytes, another strength others. */
    wseal_record* again = NULL;
    wseal_mark_options options = WSEAL_MARK_OPTIONS_INIT;
    options.model_id = "model";
    options.strength = 0.02;
    options.threads = 1;
    OK(wseal_mark(m.original, in_folder(&m, "again.safetensors"), m.key, "acme", &options, &again, &m.report, error));
    CHECK(same_content(m.marked, in_folder(&m, "again.safetensors")));
    wseal_record_free(again);
    EXPECT(WSEAL_FILE_EXISTS, wseal_mark(m.original, m.marked, m.key, "acme", &options, &again, &m.report, error));
    options.overwrite = 1;
    options.strength = 0.01;
    OK(wseal_mark(m.original, in_folder(&m, "again.safetensors"), m.key, "acme", &options, &again, &m.report, error));
    CHECK(!same_content(m.marked, in_folder(&m, "again.safetensors")));
    wseal_record_free(again);

    /* Only the tensors that were named. */
    const char* const names[] = {"b.w*", "?.weight"};
    options.tensors = names;
    options.tensors_count = 1;
    OK(wseal_mark(m.original, in_folder(&m, "again.safetensors"), m.key, "acme", &options, &again, &m.report, error));
    CHECK(m.report.marked_tensors == 1 && m.report.marked_elements == weight_count);
    wseal_record_free(again);
    options.tensors_count = 2;
    OK(wseal_mark(m.original, in_folder(&m, "again.safetensors"), m.key, "acme", &options, &again, &m.report, error));
    CHECK(m.report.marked_tensors == 2);
    wseal_record_free(again);
    close_marking(&m);
}

static void refused_marks(marking* m) {
    wseal_record* record = NULL;
    wseal_mark_report report = WSEAL_MARK_REPORT_INIT;
    wseal_mark_options options = WSEAL_MARK_OPTIONS_INIT;
    const char* const output = in_folder(m, "refused.safetensors");
    options.strength = 0.5;
    EXPECT(WSEAL_BAD_STRENGTH, wseal_mark(m->original, output, m->key, "acme", &options, &record, &report, error));
    options.strength = 0;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_mark(m->original, output, m->key, "", &options, &record, &report, error));
    EXPECT(WSEAL_FILE_NOT_FOUND, wseal_mark("/no/such", output, m->key, "acme", NULL, &record, &report, error));
    wseal_key* seal_key = NULL;
    OK(wseal_key_generate(WSEAL_KEY_SEAL, &seal_key, error));
    EXPECT(WSEAL_KEY_KIND, wseal_mark(m->original, output, seal_key, "acme", NULL, &record, &report, error));
    options.signing_key = seal_key;
    EXPECT(WSEAL_KEY_KIND, wseal_mark(m->original, output, m->key, "acme", &options, &record, &report, error));
    wseal_key_free(seal_key);
    options.signing_key = NULL;
    const char* const integers[] = {"ids"};
    options.tensors = integers;
    options.tensors_count = 1;
    EXPECT(WSEAL_UNMARKABLE_DTYPE, wseal_mark(m->original, output, m->key, "acme", &options, &record, &report, error));
    const char* const none[] = {"b"};
    options.tensors = none;
    EXPECT(WSEAL_NOTHING_TO_MARK, wseal_mark(m->original, output, m->key, "acme", &options, &record, &report, error));
    const char* const nothing[] = {NULL};
    options.tensors = nothing;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_mark(m->original, output, m->key, "acme", &options, &record, &report, error));
    CHECK(record == NULL && report.marked_tensors == 0 && !file_exists(output));
}

/* The record that options name is saved, is never replaced unasked, and never leaves an output without a record. */
static void saved_records(marking* m) {
    wseal_record* record = NULL;
    wseal_mark_report report = WSEAL_MARK_REPORT_INIT;
    wseal_mark_options options = WSEAL_MARK_OPTIONS_INIT;
    options.strength = 0.02;
    options.record = m->record_path;
    OK(wseal_mark(m->original, in_folder(m, "out.safetensors"), m->key, "acme", &options, &record, &report, error));
    wseal_record* loaded = NULL;
    OK(wseal_record_load(m->record_path, &loaded, error));
    wseal_record_info info = WSEAL_RECORD_INFO_INIT;
    OK(wseal_record_get_info(loaded, &info, error));
    CHECK(strcmp(info.model_id, "model") == 0); /* the name of model.safetensors */
    wseal_record_free(loaded);
    wseal_record_free(record);
    record = NULL;
    options.overwrite = 1;
    EXPECT(WSEAL_ALREADY_MARKED,
           wseal_mark(in_folder(m, "out.safetensors"), m->marked, m->key, "acme", &options, &record, &report, error));
    options.overwrite = 0;
    EXPECT(WSEAL_FILE_EXISTS,
           wseal_mark(m->original, in_folder(m, "second"), m->key, "acme", &options, &record, &report, error));
    CHECK(!file_exists(in_folder(m, "second")));
    options.record = "/proc/record.json"; /* where nothing can be created */
    CHECK(wseal_mark(m->original, in_folder(m, "third"), m->key, "acme", &options, &record, &report, NULL) != WSEAL_OK);
    CHECK(record == NULL && !file_exists(in_folder(m, "third")));
}

void test_marking_refusals(void) {
    marking m = open_marking();
    refused_marks(&m);
    saved_records(&m);
    close_marking(&m);
}

static void info_of_record(const marking* m) {
    wseal_record_info info = WSEAL_RECORD_INFO_INIT;
    OK(wseal_record_get_info(m->record, &info, error));
    CHECK(strcmp(info.owner, "acme") == 0 && strcmp(info.model_id, "model") == 0);
    CHECK(info.strength == 0.02 && info.tensors == 4 && info.marked_elements == 2 * weight_count);
    CHECK(!all_are(info.root, sizeof info.root, 0) && !all_are(info.scope, sizeof info.scope, 0));
    CHECK(memcmp(info.root, info.scope, sizeof info.root) != 0);
    CHECK(info.signer == NULL && info.has_timestamp == 0);
    EXPECT(WSEAL_RECORD_UNSIGNED, wseal_record_require_signature(m->record, NULL, error));
    int64_t seconds = -1;
    wseal_buffer* authority = NULL;
    CHECK(wseal_record_verify_timestamp(m->record, m->original, &seconds, &authority, NULL) != WSEAL_OK);
    CHECK(seconds == -1 && authority == NULL);
}

static void text_of_record(const marking* m) {
    wseal_buffer* json = NULL;
    OK(wseal_record_json(m->record, &json, error));
    const char* const text = wseal_buffer_data(json);
    const size_t size = wseal_buffer_size(json);
    wseal_record* parsed = NULL;
    OK(wseal_record_parse(text, size, &parsed, error));
    OK(wseal_record_save(parsed, m->record_path, 0, error));
    EXPECT(WSEAL_FILE_EXISTS, wseal_record_save(parsed, m->record_path, 0, error));
    OK(wseal_record_save(parsed, m->record_path, 1, error));
    wseal_record_free(parsed);
    size_t file_size = 0;
    unsigned char* file = read_whole(m->record_path, &file_size);
    CHECK(file_size == size && memcmp(file, text, size) == 0);
    free(file);

    parsed = NULL;
    EXPECT(WSEAL_RECORD_NOT_JSON, wseal_record_parse(text, size - 2, &parsed, error));
    EXPECT(WSEAL_RECORD_MALFORMED, wseal_record_parse("{}", 2, &parsed, error));
    EXPECT(WSEAL_FILE_NOT_FOUND, wseal_record_load("/no/such/record", &parsed, error));
    char* altered = malloc(size);
    memcpy(altered, text, size);
    for (size_t i = 0; i + 4 < size; ++i) {
        if (memcmp(altered + i, "acme", 4) == 0) {
            altered[i] = 'A';
        }
    }
    EXPECT(WSEAL_RECORD_ALTERED, wseal_record_parse(altered, size, &parsed, error));
    CHECK(parsed == NULL);
    free(altered);
    wseal_buffer_free(json);
}

static void signed_record(marking* m) {
    wseal_key* signing_key = NULL;
    OK(wseal_key_generate(WSEAL_KEY_SIGNING, &signing_key, error));
    wseal_mark_options options = WSEAL_MARK_OPTIONS_INIT;
    options.signing_key = signing_key;
    wseal_record* record = NULL;
    OK(wseal_mark(m->original, in_folder(m, "signed"), m->key, "acme", &options, &record, &m->report, error));
    wseal_record_info info = WSEAL_RECORD_INFO_INIT;
    OK(wseal_record_get_info(record, &info, error));
    CHECK(info.signer != NULL && strncmp(info.signer, "wseal_signer_", 13) == 0);
    OK(wseal_record_require_signature(record, NULL, error));
    OK(wseal_record_require_signature(record, info.signer, error));
    EXPECT(WSEAL_KEY_FORMAT, wseal_record_require_signature(record, "nobody", error));
    wseal_record_free(record);
    wseal_key_free(signing_key);
}

void test_records(void) {
    marking m = open_marking();
    info_of_record(&m);
    text_of_record(&m);
    signed_record(&m);
    close_marking(&m);
}

static wseal_detection_result result_of(const wseal_detection* detection) {
    wseal_detection_result result = WSEAL_DETECTION_RESULT_INIT;
    OK(wseal_detection_get_result(detection, &result, error));
    return result;
}

/* The marked copy: the mark is found, and what was compared is told tensor by tensor. */
static void found(const marking* m) {
    wseal_detection* detection = NULL;
    OK(wseal_detect(m->marked, m->key, m->record, NULL, &detection, error));
    const wseal_detection_result result = result_of(detection);
    CHECK(result.verdict == WSEAL_DETECTED && result.family == WSEAL_FAMILY_NONE);
    CHECK(result.significance.z == m->report.found.z && result.significance.log10_p == m->report.found.log10_p);
    CHECK(result.matched_elements == 2 * weight_count && result.nonfinite == 0);
    CHECK(result.tensors == 2 && result.run == (1 << WSEAL_BLIND_WHITE | 1 << WSEAL_BLIND_SIGN));

    wseal_correlation sum = {0, 0};
    for (size_t i = 0; i < result.tensors; ++i) {
        wseal_tensor_detection tensor = WSEAL_TENSOR_DETECTION_INIT;
        OK(wseal_detection_tensor_at(detection, i, &tensor, error));
        CHECK(strcmp(tensor.name, i == 0 ? "a.weight" : "b.weight") == 0);
        CHECK(strcmp(tensor.name, tensor.suspect_name) == 0 && tensor.matched_by == WSEAL_MATCHED_BY_NAME);
        CHECK(tensor.elements == weight_count && tensor.run == result.run);
        sum.s += tensor.correlations[WSEAL_BLIND_WHITE].s;
        sum.q += tensor.correlations[WSEAL_BLIND_WHITE].q;
    }
    CHECK(sum.s == result.correlations[WSEAL_BLIND_WHITE].s && sum.q == result.correlations[WSEAL_BLIND_WHITE].q);
    wseal_tensor_detection none = WSEAL_TENSOR_DETECTION_INIT;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_detection_tensor_at(detection, 2, &none, error));
    CHECK(none.name == NULL);

    wseal_significance significance = {0, 0, 0};
    OK(wseal_significance_of(result.correlations, result.run, &significance, error));
    CHECK(significance.z == result.significance.z && significance.log10_p == result.significance.log10_p);
    OK(wseal_significance_of(result.correlations, 0, &significance, error));
    CHECK(significance.z == 0 && significance.log10_p == 0 && significance.log10_p_2_64_keys == 0);
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_significance_of(result.correlations, 64, &significance, error));
    wseal_detection_free(detection);
}

/* What carries no mark, or too little of it. */
static void not_found(const marking* m) {
    wseal_detection* detection = NULL;
    OK(wseal_detect(m->original, m->key, m->record, NULL, &detection, error));
    CHECK(result_of(detection).verdict == WSEAL_NOT_DETECTED);
    wseal_detection_free(detection);

    detection = NULL;
    wseal_detect_options options = WSEAL_DETECT_OPTIONS_INIT;
    options.max_log10_p = -200; /* p is never said to be so small */
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_detect(m->marked, m->key, m->record, &options, &detection, error));
    options.max_log10_p = 0;
    wseal_key* other = NULL;
    OK(wseal_key_generate(WSEAL_KEY_WATERMARK, &other, error));
    EXPECT(WSEAL_KEY_MISMATCH, wseal_detect(m->marked, other, m->record, NULL, &detection, error));
    wseal_key_free(other);
    options.family = 4;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_detect(m->marked, m->key, m->record, &options, &detection, error));
    options.family = 256;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_detect(m->marked, m->key, m->record, &options, &detection, error));
    options.family = WSEAL_FAMILY_NONE;
    options.original = m->marked;
    EXPECT(WSEAL_ORIGINAL_MISMATCH, wseal_detect(m->marked, m->key, m->record, &options, &detection, error));
    CHECK(detection == NULL);
}

static void informed(const marking* m) {
    wseal_detection* detection = NULL;
    wseal_detect_options options = WSEAL_DETECT_OPTIONS_INIT;
    options.original = m->original;
    options.family = WSEAL_FAMILY_NONE;
    options.identify_suspect = 1;
    OK(wseal_detect(m->marked, m->key, m->record, &options, &detection, error));
    wseal_buffer* json = NULL;
    OK(wseal_detection_json(detection, NULL, &json, error));
    char* const text = wseal_buffer_data(json);
    text[wseal_buffer_size(json) - 1] = '\0'; /* in place of the brace */
    CHECK(strstr(text, "\"suspect_root\":\"") != NULL);
    wseal_buffer_free(json);
    const wseal_detection_result result = result_of(detection);
    CHECK(result.run == (1 << WSEAL_STATISTIC_COUNT) - 1);
    CHECK(result.significance.z > 10 * m->report.found.z); /* nothing but the mark is left */
    wseal_detection_free(detection);
}

static void reports(const marking* m) {
    wseal_detection* detection = NULL;
    OK(wseal_detect(m->marked, m->key, m->record, NULL, &detection, error));
    wseal_report_options options = WSEAL_REPORT_OPTIONS_INIT;
    options.command = "the command";
    options.suspect_seen = 1700000000;
    wseal_buffer* text = NULL;
    OK(wseal_detection_html(detection, &options, &text, error));
    CHECK(wseal_buffer_size(text) > 500 && memcmp(wseal_buffer_data(text), "<!", 2) == 0);
    wseal_buffer_free(text);
    OK(wseal_detection_json(detection, &options, &text, error));
    char* const json = wseal_buffer_data(text);
    json[wseal_buffer_size(text) - 1] = '\0'; /* in place of the brace */
    CHECK(strncmp(json, "{\"version\":1,\"verdict\":\"detected\",", 34) == 0);
    CHECK(strstr(json, "\"command\":\"the command\"") != NULL && strstr(json, "\"blind_white\"") != NULL);
    wseal_buffer_free(text);

    text = NULL;
    options.suspect_seen = INT64_MAX;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_detection_html(detection, &options, &text, error));
    options.suspect_seen = 0;
    options.authorities = m->original; /* there is no time-stamp */
    CHECK(wseal_detection_json(detection, &options, &text, NULL) != WSEAL_OK);
    CHECK(text == NULL);
    wseal_detection_free(detection);
}

void test_detecting(void) {
    marking m = open_marking();
    found(&m);
    not_found(&m);
    informed(&m);
    reports(&m);
    close_marking(&m);

    CHECK(strcmp(wseal_statistic_name(WSEAL_INFORMED_SIGN), "informed_sign") == 0);
    CHECK(strcmp(wseal_verdict_name(WSEAL_NOT_ENOUGH_EVIDENCE), "not enough evidence") == 0);
    CHECK(strcmp(wseal_matched_by_name(WSEAL_MATCHED_BY_NAME_PART), "name part") == 0);
    CHECK(strcmp(wseal_model_family_name(WSEAL_FAMILY_RMSNORM), "rmsnorm") == 0);
    CHECK(wseal_statistic_name(6) == NULL && wseal_verdict_name(3) == NULL);
    CHECK(wseal_matched_by_name(4) == NULL && wseal_model_family_name(4) == NULL);
}

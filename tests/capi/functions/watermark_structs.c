/* Structs of the watermark, of callers that were compiled against an older header, or against none that there was. */

#include "watermark.h"

#include <stddef.h>

/* Inputs: members past struct_size keep their defaults. Outputs: nothing is written past it. */
static void shorter(marking* m) {
    wseal_record* record = NULL;
    wseal_mark_options mark_options;
    memset(&mark_options, 0xFF, sizeof mark_options);
    mark_options.struct_size = offsetof(wseal_mark_options, model_id);
    wseal_mark_report report;
    memset(&report, 0xEE, sizeof report);
    report.struct_size = offsetof(wseal_mark_report, tied_tensors);
    OK(wseal_mark(m->original, in_folder(m, "short"), m->key, "acme", &mark_options, &record, &report, error));
    CHECK(report.marked_tensors == 2);
    CHECK(all_are((const char*)&report + report.struct_size, sizeof report - report.struct_size, 0xEE));
    wseal_record_info info;
    memset(&info, 0xEE, sizeof info);
    info.struct_size = offsetof(wseal_record_info, strength);
    OK(wseal_record_get_info(record, &info, error));
    CHECK(strcmp(info.owner, "acme") == 0);
    CHECK(all_are((const char*)&info + info.struct_size, sizeof info - info.struct_size, 0xEE));
    wseal_record_free(record);

    wseal_detection* detection = NULL;
    wseal_detect_options detect_options;
    memset(&detect_options, 0xFF, sizeof detect_options);
    detect_options.struct_size = offsetof(wseal_detect_options, original);
    OK(wseal_detect(m->marked, m->key, m->record, &detect_options, &detection, error));
    wseal_detection_result result;
    memset(&result, 0xEE, sizeof result);
    result.struct_size = offsetof(wseal_detection_result, significance);
    OK(wseal_detection_get_result(detection, &result, error));
    CHECK(result.verdict == WSEAL_DETECTED);
    CHECK(all_are((const char*)&result + result.struct_size, sizeof result - result.struct_size, 0xEE));
    wseal_report_options report_options;
    memset(&report_options, 0xFF, sizeof report_options);
    report_options.struct_size = offsetof(wseal_report_options, command);
    wseal_buffer* text = NULL;
    OK(wseal_detection_json(detection, &report_options, &text, error));
    wseal_buffer_free(text);
    wseal_detection_free(detection);
}

static void impossible(marking* m) {
    wseal_record* record = NULL;
    wseal_mark_report report = WSEAL_MARK_REPORT_INIT;
    wseal_mark_options mark_options = WSEAL_MARK_OPTIONS_INIT;
    const char* const output = in_folder(m, "no");
    REFUSED_SIZES(report, wseal_mark(m->original, output, m->key, "acme", NULL, &record, &report, error));
    report.struct_size = sizeof report;
    REFUSED_SIZES(mark_options,
                  wseal_mark(m->original, output, m->key, "acme", &mark_options, &record, &report, error));
    CHECK(!file_exists(output));
    wseal_record_info info = WSEAL_RECORD_INFO_INIT;
    REFUSED_SIZES(info, wseal_record_get_info(m->record, &info, error));

    wseal_detection* detection = NULL;
    wseal_detect_options detect_options = WSEAL_DETECT_OPTIONS_INIT;
    REFUSED_SIZES(detect_options, wseal_detect(m->marked, m->key, m->record, &detect_options, &detection, error));
    CHECK(detection == NULL);
    OK(wseal_detect(m->marked, m->key, m->record, NULL, &detection, error));
    wseal_detection_result result = WSEAL_DETECTION_RESULT_INIT;
    REFUSED_SIZES(result, wseal_detection_get_result(detection, &result, error));
    wseal_tensor_detection tensor = WSEAL_TENSOR_DETECTION_INIT;
    REFUSED_SIZES(tensor, wseal_detection_tensor_at(detection, 0, &tensor, error));
    wseal_report_options report_options = WSEAL_REPORT_OPTIONS_INIT;
    wseal_buffer* text = NULL;
    REFUSED_SIZES(report_options, wseal_detection_html(detection, &report_options, &text, error));
    REFUSED_SIZES(report_options, wseal_detection_json(detection, &report_options, &text, error));
    CHECK(text == NULL);
    wseal_detection_free(detection);
    wseal_tensor_correlation correlation = WSEAL_TENSOR_CORRELATION_INIT;
    REFUSED_SIZES(correlation, wseal_correlate_tensor(m->key, m->record, "a.weight", WSEAL_BF16, m->weights[0],
                                                      2 * weight_count, 1, NULL, &correlation, error));
}

void test_watermark_structs(void) {
    marking m = open_marking();
    shorter(&m);
    impossible(&m);
    close_marking(&m);
}

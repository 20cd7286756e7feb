/* What misuse gets: every entry point checks its pointers at run time, writes no output, and takes a NULL error. */

#include <weightseal.h>

#include <stdio.h>
#include <string.h>

static int failures = 0;

static void check(int holds, const char* what) {
    if (!holds) {
        fprintf(stderr, "failed: %s\n", what);
        ++failures;
    }
}

/* The call is refused as misuse with a message, and without an error struct just as well. CALL uses `error`. */
#define REFUSED(call)                                                                                                  \
    do {                                                                                                               \
        wseal_error said = {""};                                                                                       \
        wseal_error* error = &said;                                                                                    \
        check((call) == WSEAL_INVALID_ARGUMENT, #call);                                                                \
        check(said.message[0] != '\0' && memchr(said.message, '\0', sizeof said.message) != NULL, "message: " #call);  \
        error = NULL;                                                                                                  \
        check((call) == WSEAL_INVALID_ARGUMENT, "without error: " #call);                                              \
    } while (0)

static void null_pointers(const wseal_key* key) {
    wseal_key* new_key = NULL;
    wseal_model* model = NULL;
    wseal_buffer* buffer = NULL;
    wseal_plan* plan = NULL;
    size_t number = 0;
    uint64_t bytes = 0;
    int flag = 0;
    char block = 0;
    const char* names = NULL;
    char text[WSEAL_KEY_TEXT_SIZE];
    const uint8_t raw[WSEAL_KEY_BYTES] = {0};
    wseal_facts facts = WSEAL_FACTS_INIT;
    wseal_tensor_info tensor = WSEAL_TENSOR_INFO_INIT;
    wseal_file_info file = WSEAL_FILE_INFO_INIT;
    wseal_plan_item item = WSEAL_PLAN_ITEM_INIT;
    const wseal_selection selection = {0, NULL, 0};

    REFUSED(wseal_key_generate(WSEAL_KEY_SEAL, NULL, error));
    REFUSED(wseal_key_parse(NULL, &new_key, error));
    REFUSED(wseal_key_parse("", NULL, error));
    REFUSED(wseal_key_from_bytes(WSEAL_KEY_SEAL, NULL, &new_key, error));
    REFUSED(wseal_key_from_bytes(WSEAL_KEY_SEAL, raw, NULL, error));
    REFUSED(wseal_key_from_bytes((wseal_key_kind)99, raw, &new_key, error));
    REFUSED(wseal_key_from_source(NULL, &new_key, error));
    REFUSED(wseal_key_from_source("env:X", NULL, error));
    REFUSED(wseal_key_format(NULL, text, sizeof text, error));
    REFUSED(wseal_key_format(key, NULL, sizeof text, error));
    REFUSED(wseal_seal(NULL, "out", key, NULL, error));
    REFUSED(wseal_seal("model", NULL, key, NULL, error));
    REFUSED(wseal_seal("model", "out", NULL, NULL, error));
    REFUSED(wseal_inspect(NULL, &facts, error));
    REFUSED(wseal_inspect("file", NULL, error));
    REFUSED(wseal_open(NULL, key, NULL, &model, error));
    REFUSED(wseal_open("file", NULL, NULL, &model, error));
    REFUSED(wseal_open("file", key, NULL, NULL, error));
    REFUSED(wseal_open_memory(NULL, 1, key, NULL, &model, error));
    REFUSED(wseal_open_memory(raw, sizeof raw, NULL, NULL, &model, error));
    REFUSED(wseal_open_callback(1, NULL, NULL, key, NULL, &model, error));
    REFUSED(wseal_model_drop_keys(NULL, error));
    REFUSED(wseal_model_facts(NULL, &facts, error));
    REFUSED(wseal_model_damaged_slot_block(NULL, &block, error));
    REFUSED(wseal_model_is_folder(NULL, &flag, error));
    REFUSED(wseal_tensor_count(NULL, &number, error));
    REFUSED(wseal_tensor_at(NULL, 0, &tensor, error));
    REFUSED(wseal_tensor_find(NULL, "w", &number, error));
    REFUSED(wseal_tensor_names(NULL, &names, &number, error));
    REFUSED(wseal_file_count(NULL, &number, error));
    REFUSED(wseal_file_at(NULL, 0, &file, error));
    REFUSED(wseal_file_find(NULL, "config.json", &number, error));
    REFUSED(wseal_selection_bytes(NULL, &selection, &bytes, error));
    REFUSED(wseal_read(NULL, &selection, NULL, &buffer, error));
    REFUSED(wseal_read_into(NULL, &selection, 1, NULL, NULL, NULL, error));
    REFUSED(wseal_load(NULL, NULL, 0, NULL, &buffer, NULL, error));
    REFUSED(wseal_read_file(NULL, 0, NULL, &buffer, error));
    REFUSED(wseal_plan_new(NULL, &selection, 1, 0, &plan, error));
    REFUSED(wseal_plan_at(NULL, 0, &item, error));
    REFUSED(wseal_plan_decrypt(NULL, NULL, 0, raw, sizeof raw, text, sizeof text, 0, error));
    REFUSED(wseal_verify(NULL, NULL, error));
    REFUSED(wseal_unseal(NULL, "out", NULL, error));
    check(wseal_key_format(key, text, 10, NULL) == WSEAL_DESTINATION_SIZE, "a key's text in 10 bytes");
    check(new_key == NULL && model == NULL && buffer == NULL && plan == NULL, "no output of a refused call");

    wseal_key_free(NULL);
    wseal_model_free(NULL);
    wseal_buffer_free(NULL);
    wseal_plan_free(NULL);
    check(wseal_plan_count(NULL) == 0, "items of no plan");
    check(wseal_buffer_data(NULL) == NULL && wseal_buffer_size(NULL) == 0, "bytes of no buffer");
}

static void null_pointers_of_the_watermark(const wseal_key* key) {
    wseal_record* record = NULL;
    wseal_detection* detection = NULL;
    wseal_buffer* buffer = NULL;
    int64_t seconds = 0;
    uint8_t digest[WSEAL_DIGEST_BYTES] = {0};
    wseal_record_info info = WSEAL_RECORD_INFO_INIT;
    wseal_mark_report report = WSEAL_MARK_REPORT_INIT;
    wseal_detection_result result = WSEAL_DETECTION_RESULT_INIT;
    wseal_tensor_detection tensor_result = WSEAL_TENSOR_DETECTION_INIT;
    wseal_tensor_mark counts = WSEAL_TENSOR_MARK_INIT;
    wseal_tensor_correlation correlation = WSEAL_TENSOR_CORRELATION_INIT;
    wseal_significance significance = {0, 0, 0};
    const wseal_correlation correlations[WSEAL_STATISTIC_COUNT] = {{0, 0}};
    const uint64_t shape[] = {64};
    const wseal_tensor tensor = {"w", WSEAL_F32, 1, shape, {0}};
    const wseal_tensor nameless = {NULL, WSEAL_F32, 1, shape, {0}};
    const wseal_tensor shapeless = {"w", WSEAL_F32, 1, NULL, {0}};
    const wseal_mark_identity identity = {"owner", "model", {0}};
    const wseal_mark_identity ownerless = {NULL, "model", {0}};
    float data[64] = {0};

    REFUSED(wseal_significance_of(NULL, 0, &significance, error));
    REFUSED(wseal_significance_of(correlations, 0, NULL, error));
    REFUSED(wseal_record_load(NULL, &record, error));
    REFUSED(wseal_record_load("file", NULL, error));
    REFUSED(wseal_record_parse(NULL, 2, &record, error));
    REFUSED(wseal_record_parse("{}", 2, NULL, error));
    REFUSED(wseal_record_save(NULL, "file", 0, error));
    REFUSED(wseal_record_json(NULL, &buffer, error));
    REFUSED(wseal_record_get_info(NULL, &info, error));
    REFUSED(wseal_record_require_signature(NULL, NULL, error));
    REFUSED(wseal_record_verify_timestamp(NULL, "ca.pem", &seconds, &buffer, error));
    REFUSED(wseal_mark(NULL, "out", key, "owner", NULL, &record, &report, error));
    REFUSED(wseal_mark("model", NULL, key, "owner", NULL, &record, &report, error));
    REFUSED(wseal_mark("model", "out", NULL, "owner", NULL, &record, &report, error));
    REFUSED(wseal_mark("model", "out", key, NULL, NULL, &record, &report, error));
    REFUSED(wseal_mark("model", "out", key, "owner", NULL, NULL, &report, error));
    REFUSED(wseal_mark("model", "out", key, "owner", NULL, &record, NULL, error));
    REFUSED(wseal_detect(NULL, key, NULL, NULL, &detection, error));
    REFUSED(wseal_detect("suspect", NULL, NULL, NULL, &detection, error));
    REFUSED(wseal_detect("suspect", key, NULL, NULL, &detection, error));
    REFUSED(wseal_detection_get_result(NULL, &result, error));
    REFUSED(wseal_detection_tensor_at(NULL, 0, &tensor_result, error));
    REFUSED(wseal_detection_html(NULL, NULL, &buffer, error));
    REFUSED(wseal_detection_json(NULL, NULL, &buffer, error));
    REFUSED(wseal_tensor_digest(NULL, 1, digest, error));
    REFUSED(wseal_tensor_digest(data, sizeof data, NULL, error));
    REFUSED(wseal_original_root(NULL, 1, digest, error));
    REFUSED(wseal_original_root(&tensor, 1, NULL, error));
    REFUSED(wseal_original_root(&nameless, 1, digest, error));
    REFUSED(wseal_original_root(&shapeless, 1, digest, error));
    REFUSED(wseal_mark_tensor(NULL, &identity, &tensor, 0.01, data, sizeof data, 1, NULL, &counts, error));
    REFUSED(wseal_mark_tensor(key, NULL, &tensor, 0.01, data, sizeof data, 1, NULL, &counts, error));
    REFUSED(wseal_mark_tensor(key, &ownerless, &tensor, 0.01, data, sizeof data, 1, NULL, &counts, error));
    REFUSED(wseal_mark_tensor(key, &identity, NULL, 0.01, data, sizeof data, 1, NULL, &counts, error));
    REFUSED(wseal_mark_tensor(key, &identity, &nameless, 0.01, data, sizeof data, 1, NULL, &counts, error));
    REFUSED(wseal_mark_tensor(key, &identity, &shapeless, 0.01, data, sizeof data, 1, NULL, &counts, error));
    REFUSED(wseal_mark_tensor(key, &identity, &tensor, 0.01, NULL, sizeof data, 1, NULL, &counts, error));
    REFUSED(wseal_mark_tensor(key, &identity, &tensor, 0.01, data, sizeof data, 1, NULL, NULL, error));
    REFUSED(wseal_correlate_tensor(NULL, NULL, "w", WSEAL_F32, data, sizeof data, 1, NULL, &correlation, error));
    REFUSED(wseal_correlate_tensor(key, NULL, "w", WSEAL_F32, data, sizeof data, 1, NULL, &correlation, error));
    check(record == NULL && detection == NULL && buffer == NULL, "no output of a refused call");

    wseal_record_free(NULL);
    wseal_detection_free(NULL);
}

static void null_pointers_of_the_guard(void) {
    wseal_guard* guard = NULL;
    check(wseal_guard_new(NULL, 0, NULL, &guard, NULL) == WSEAL_OK, "a guard with the default limits");
    const wseal_client client = WSEAL_CLIENT_INIT;
    const wseal_usage usage = WSEAL_USAGE_INIT;
    wseal_decision decision = WSEAL_DECISION_INIT;
    wseal_http_fields fields = WSEAL_HTTP_FIELDS_INIT;
    const wseal_observation observation = WSEAL_OBSERVATION_INIT;
    wseal_guard_event event = WSEAL_GUARD_EVENT_INIT;
    wseal_guard_counters counters = WSEAL_GUARD_COUNTERS_INIT;
    uint32_t settlement = 99;
    int found = 99;

    REFUSED(wseal_guard_new(NULL, 0, NULL, NULL, error));
    REFUSED(wseal_guard_configure(NULL, NULL, 0, 0, error));
    REFUSED(wseal_guard_trim(NULL, 0, error));
    REFUSED(wseal_guard_check(NULL, &client, NULL, 0, &decision, error));
    REFUSED(wseal_guard_check(guard, NULL, NULL, 0, &decision, error));
    REFUSED(wseal_guard_check(guard, &client, NULL, 0, NULL, error));
    REFUSED(wseal_guard_observe(NULL, &client, &observation, 0, error));
    REFUSED(wseal_guard_observe(guard, NULL, &observation, 0, error));
    REFUSED(wseal_guard_observe(guard, &client, NULL, 0, error));
    REFUSED(wseal_guard_settle(NULL, 1, &usage, 0, &settlement, error));
    REFUSED(wseal_guard_settle(guard, 1, NULL, 0, &settlement, error));
    REFUSED(wseal_guard_settle(guard, 1, &usage, 0, NULL, error));
    REFUSED(wseal_decision_http_fields(NULL, &fields, error));
    REFUSED(wseal_decision_http_fields(&decision, NULL, error));
    REFUSED(wseal_guard_next_event(NULL, &event, &found, error));
    REFUSED(wseal_guard_next_event(guard, NULL, &found, error));
    REFUSED(wseal_guard_next_event(guard, &event, NULL, error));
    REFUSED(wseal_guard_get_counters(NULL, &counters, error));
    REFUSED(wseal_guard_get_counters(guard, NULL, error));
    check(wseal_guard_get_counters(guard, &counters, NULL) == WSEAL_OK && counters.admitted == 0,
          "nothing was charged");
    check(settlement == 99 && found == 99 && !decision.allowed, "no output of a refused call");
    wseal_guard_free(guard);
    wseal_guard_free(NULL);
}

static void null_pointers_of_the_shared_guard(void) {
    static const uint8_t secret[32] = {1};
    wseal_guard_options options = WSEAL_GUARD_OPTIONS_INIT;
    options.secret = secret;
    wseal_shared_options shared = WSEAL_SHARED_OPTIONS_INIT;
    shared.url = "unix:///nowhere/at/all";
    shared.replicas = 1;
    wseal_shared_guard* guard = NULL;
    check(wseal_shared_guard_new(NULL, 0, &options, &shared, &guard, NULL) == WSEAL_OK, "a shared guard");
    const wseal_client client = WSEAL_CLIENT_INIT;
    const wseal_usage usage = WSEAL_USAGE_INIT;
    wseal_decision decision = WSEAL_DECISION_INIT;
    wseal_guard_event event = WSEAL_GUARD_EVENT_INIT;
    wseal_guard_counters counters = WSEAL_GUARD_COUNTERS_INIT;
    uint32_t settlement = 99;
    int found = 99;

    REFUSED(wseal_shared_guard_new(NULL, 0, NULL, &shared, &guard, error));
    REFUSED(wseal_shared_guard_new(NULL, 0, &options, NULL, &guard, error));
    REFUSED(wseal_shared_guard_new(NULL, 0, &options, &shared, NULL, error));
    REFUSED(wseal_shared_guard_connect(NULL, error));
    REFUSED(wseal_shared_guard_check(NULL, &client, NULL, 0, &decision, error));
    REFUSED(wseal_shared_guard_check(guard, NULL, NULL, 0, &decision, error));
    REFUSED(wseal_shared_guard_check(guard, &client, NULL, 0, NULL, error));
    REFUSED(wseal_shared_guard_check_leases(NULL, &client, NULL, 0, &decision, error));
    REFUSED(wseal_shared_guard_check_leases(guard, NULL, NULL, 0, &decision, error));
    REFUSED(wseal_shared_guard_check_leases(guard, &client, NULL, 0, NULL, error));
    REFUSED(wseal_shared_guard_check_shared(NULL, &client, NULL, 0, &decision, error));
    REFUSED(wseal_shared_guard_check_shared(guard, NULL, NULL, 0, &decision, error));
    REFUSED(wseal_shared_guard_check_shared(guard, &client, NULL, 0, NULL, error));
    REFUSED(wseal_shared_guard_settle(NULL, 1, &usage, 0, &settlement, error));
    REFUSED(wseal_shared_guard_settle(guard, 1, NULL, 0, &settlement, error));
    REFUSED(wseal_shared_guard_settle(guard, 1, &usage, 0, NULL, error));
    REFUSED(wseal_shared_guard_is_degraded(NULL, &found, error));
    REFUSED(wseal_shared_guard_is_degraded(guard, NULL, error));
    REFUSED(wseal_shared_guard_next_event(NULL, &event, &found, error));
    REFUSED(wseal_shared_guard_next_event(guard, NULL, &found, error));
    REFUSED(wseal_shared_guard_next_event(guard, &event, NULL, error));
    REFUSED(wseal_shared_guard_get_counters(NULL, &counters, error));
    REFUSED(wseal_shared_guard_get_counters(guard, NULL, error));
    check(settlement == 99 && found == 99 && !decision.allowed, "no output of a refused call");
    wseal_shared_guard_free(guard);
    wseal_shared_guard_free(NULL);
}

/* A struct of a size that no version of this library had. */
static void struct_sizes(const wseal_key* key) {
    wseal_seal_options options = WSEAL_SEAL_OPTIONS_INIT;
    options.struct_size = sizeof options + 1;
    REFUSED(wseal_seal("model", "out", key, &options, error));
    wseal_hooks hooks = WSEAL_HOOKS_INIT;
    hooks.struct_size = 0;
    wseal_model* model = NULL;
    REFUSED(wseal_open("file", key, &hooks, &model, error));
}

static void struct_sizes_of_the_watermark(const wseal_key* key) {
    wseal_record* record = NULL;
    wseal_mark_report report = WSEAL_MARK_REPORT_INIT;
    wseal_mark_options options = WSEAL_MARK_OPTIONS_INIT;
    options.struct_size = sizeof options + 1;
    REFUSED(wseal_mark("model", "out", key, "owner", &options, &record, &report, error));
    report.struct_size = 0;
    REFUSED(wseal_mark("model", "out", key, "owner", NULL, &record, &report, error));
    const uint64_t shape[] = {64};
    const wseal_tensor tensor = {"w", WSEAL_F32, 1, shape, {0}};
    const wseal_mark_identity identity = {"owner", "model", {0}};
    wseal_tensor_mark counts = WSEAL_TENSOR_MARK_INIT;
    counts.struct_size = sizeof counts + 8;
    float data[64] = {1.0F};
    REFUSED(wseal_mark_tensor(key, &identity, &tensor, 0.01, data, sizeof data, 1, NULL, &counts, error));
    check(data[0] == 1.0F, "data of a refused call");
}

static void names_of_numbers(void) {
    check(strcmp(wseal_status_name(WSEAL_OK), "ok") == 0, "name of WSEAL_OK");
    check(strcmp(wseal_status_name(WSEAL_WRONG_KEY), "wrong_key") == 0, "name of WSEAL_WRONG_KEY");
    check(strcmp(wseal_status_name((wseal_status)9999), "unknown") == 0, "name of no status");
    check(strcmp(wseal_dtype_name(WSEAL_BF16), "BF16") == 0 && wseal_dtype_bits(WSEAL_BF16) == 16, "BF16");
    check(wseal_dtype_name((wseal_dtype)0) == NULL && wseal_dtype_bits((wseal_dtype)0) == 0, "dtype 0");
    check(wseal_dtype_name((wseal_dtype)23) == NULL && wseal_dtype_bits((wseal_dtype)23) == 0, "dtype 23");
    check(wseal_abi_version() == WSEAL_ABI_VERSION, "ABI version");
}

int main(void) {
    wseal_key* key = NULL;
    if (wseal_key_generate(WSEAL_KEY_SEAL, &key, NULL) != WSEAL_OK) {
        fprintf(stderr, "failed: no key\n");
        return 1;
    }
    null_pointers(key);
    null_pointers_of_the_watermark(key);
    null_pointers_of_the_guard();
    null_pointers_of_the_shared_guard();
    struct_sizes(key);
    struct_sizes_of_the_watermark(key);
    names_of_numbers();
    wseal_key_free(key);
    return failures == 0 ? 0 : 1;
}

/* Structs of callers that were compiled against an older header, or against none that there was. */

#include "test.h"

#include <stddef.h>

/* Inputs: members past struct_size keep their defaults. */
static void shorter_inputs(const fixture* f) {
    wseal_seal_options seal_options = WSEAL_SEAL_OPTIONS_INIT;
    memset(&seal_options, 0xFF, sizeof seal_options);
    seal_options.struct_size = offsetof(wseal_seal_options, suite);
    OK(wseal_seal(f->source, path_in(f, "short.wseal"), f->key, &seal_options, error));
    wseal_facts facts = WSEAL_FACTS_INIT;
    OK(wseal_inspect(path_in(f, "short.wseal"), &facts, error));
    CHECK(facts.suite == WSEAL_AES_256_GCM && facts.chunk_size == 1 << 18);

    wseal_read_options read_options;
    memset(&read_options, 0xFF, sizeof read_options);
    read_options.struct_size = offsetof(wseal_read_options, threads);
    OK(wseal_verify(f->model, &read_options, error));
    wseal_unseal_options unseal_options;
    memset(&unseal_options, 0xFF, sizeof unseal_options);
    unseal_options.struct_size = offsetof(wseal_unseal_options, threads);
    OK(wseal_unseal(f->model, path_in(f, "out"), &unseal_options, error));
    wseal_hooks hooks;
    memset(&hooks, 0xFF, sizeof hooks);
    hooks.struct_size = offsetof(wseal_hooks, alloc);
    wseal_model* model = NULL;
    OK(wseal_open(f->sealed, f->key, &hooks, &model, error));
    wseal_model_free(model);
}

/* Outputs: nothing is written past struct_size. */
static void shorter_outputs(const fixture* f) {
    wseal_tensor_info info;
    memset(&info, 0xEE, sizeof info);
    info.struct_size = offsetof(wseal_tensor_info, rank);
    OK(wseal_tensor_at(f->model, tensor_matrix, &info, error));
    CHECK(strcmp(info.name, "matrix") == 0 && info.dtype == WSEAL_BF16);
    const size_t known = offsetof(wseal_tensor_info, rank);
    CHECK(info.struct_size == known);
    CHECK(all_are((const char*)&info + known, sizeof info - known, 0xEE));

    wseal_facts facts;
    memset(&facts, 0xEE, sizeof facts);
    facts.struct_size = offsetof(wseal_facts, slot_count);
    OK(wseal_model_facts(f->model, &facts, error));
    CHECK(facts.index_size == 1024);
    CHECK(all_are((const char*)&facts + offsetof(wseal_facts, slot_count),
                  sizeof facts - offsetof(wseal_facts, slot_count), 0xEE));
    memset(&facts, 0xEE, sizeof facts);
    facts.struct_size = sizeof facts.struct_size;
    OK(wseal_inspect(f->sealed, &facts, error));
    CHECK(all_are((const char*)&facts + sizeof(size_t), sizeof facts - sizeof(size_t), 0xEE));
}

static void impossible_sizes(const fixture* f) {
    wseal_seal_options seal_options = WSEAL_SEAL_OPTIONS_INIT;
    REFUSED_SIZES(seal_options, wseal_seal(f->source, path_in(f, "no.wseal"), f->key, &seal_options, error));
    CHECK(!file_exists(path_in(f, "no.wseal")));
    wseal_unseal_options unseal_options = WSEAL_UNSEAL_OPTIONS_INIT;
    REFUSED_SIZES(unseal_options, wseal_unseal(f->model, path_in(f, "no"), &unseal_options, error));
    CHECK(!file_exists(path_in(f, "no")));

    wseal_buffer* buffer = NULL;
    const wseal_selection selection = whole(tensor_scalar);
    wseal_read_options read_options = WSEAL_READ_OPTIONS_INIT;
    REFUSED_SIZES(read_options, wseal_read(f->model, &selection, &read_options, &buffer, error));
    read_options.struct_size = sizeof read_options;
    wseal_hooks hooks = WSEAL_HOOKS_INIT;
    read_options.hooks = &hooks;
    REFUSED_SIZES(hooks, wseal_read(f->model, &selection, &read_options, &buffer, error));
    wseal_model* model = NULL;
    REFUSED_SIZES(hooks, wseal_open(f->sealed, f->key, &hooks, &model, error));
    CHECK(buffer == NULL && model == NULL);

    wseal_facts facts = WSEAL_FACTS_INIT;
    REFUSED_SIZES(facts, wseal_inspect(f->sealed, &facts, error));
    REFUSED_SIZES(facts, wseal_model_facts(f->model, &facts, error));
    wseal_tensor_info tensor = WSEAL_TENSOR_INFO_INIT;
    REFUSED_SIZES(tensor, wseal_tensor_at(f->model, 0, &tensor, error));
    wseal_file_info file = WSEAL_FILE_INFO_INIT;
    REFUSED_SIZES(file, wseal_file_at(f->model, 0, &file, error));
    wseal_plan* plan = NULL;
    OK(wseal_plan_new(f->model, &selection, 1, 0, &plan, error));
    wseal_plan_item item = WSEAL_PLAN_ITEM_INIT;
    REFUSED_SIZES(item, wseal_plan_at(plan, 0, &item, error));
    unsigned char bytes[8] = {0};
    REFUSED_SIZES(read_options, wseal_plan_decrypt(f->model, plan, 0, bytes, 4, bytes, 4, &read_options, error));
    wseal_plan_free(plan);
}

/* WSEAL_..._INIT is as long as its struct and asks for the defaults. */
static void initializers(void) {
    static const wseal_hooks hooks = WSEAL_HOOKS_INIT;
    static const wseal_seal_options seal_options = WSEAL_SEAL_OPTIONS_INIT;
    static const wseal_read_options read_options = WSEAL_READ_OPTIONS_INIT;
    static const wseal_unseal_options unseal_options = WSEAL_UNSEAL_OPTIONS_INIT;
    static const wseal_facts facts = WSEAL_FACTS_INIT;
    static const wseal_tensor_info tensor = WSEAL_TENSOR_INFO_INIT;
    static const wseal_file_info file = WSEAL_FILE_INFO_INIT;
    static const wseal_plan_item item = WSEAL_PLAN_ITEM_INIT;
    static const wseal_record_info record = WSEAL_RECORD_INFO_INIT;
    static const wseal_mark_options mark_options = WSEAL_MARK_OPTIONS_INIT;
    static const wseal_mark_report report = WSEAL_MARK_REPORT_INIT;
    static const wseal_detect_options detect_options = WSEAL_DETECT_OPTIONS_INIT;
    static const wseal_detection_result result = WSEAL_DETECTION_RESULT_INIT;
    static const wseal_tensor_detection tensor_result = WSEAL_TENSOR_DETECTION_INIT;
    static const wseal_report_options report_options = WSEAL_REPORT_OPTIONS_INIT;
    static const wseal_tensor_mark counts = WSEAL_TENSOR_MARK_INIT;
    static const wseal_tensor_correlation correlation = WSEAL_TENSOR_CORRELATION_INIT;
#define CHECK_INIT(object)                                                                                             \
    CHECK((object).struct_size == sizeof(object));                                                                     \
    CHECK(all_are((const char*)&(object) + sizeof(size_t), sizeof(object) - sizeof(size_t), 0))
    CHECK_INIT(hooks);
    CHECK_INIT(seal_options);
    CHECK_INIT(read_options);
    CHECK_INIT(unseal_options);
    CHECK_INIT(facts);
    CHECK_INIT(tensor);
    CHECK_INIT(file);
    CHECK_INIT(item);
    CHECK_INIT(record);
    CHECK_INIT(mark_options);
    CHECK_INIT(report);
    CHECK_INIT(detect_options);
    CHECK_INIT(result);
    CHECK_INIT(tensor_result);
    CHECK_INIT(report_options);
    CHECK_INIT(counts);
    CHECK_INIT(correlation);
}

void test_structs(void) {
    fixture f = open_fixture();
    shorter_inputs(&f);
    shorter_outputs(&f);
    impossible_sizes(&f);
    initializers();
    close_fixture(&f);
}

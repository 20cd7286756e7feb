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
    struct_sizes(key);
    names_of_numbers();
    wseal_key_free(key);
    return failures == 0 ? 0 : 1;
}

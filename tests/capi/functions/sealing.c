/* Sealing, inspecting, verifying, unsealing and opening. */

#define _XOPEN_SOURCE 700

#include "test.h"

#include <pthread.h>
#include <unistd.h>

static void check_facts(const wseal_facts* facts, wseal_suite suite, uint64_t chunk_size) {
    CHECK(facts->suite == suite);
    CHECK(facts->chunk_size == chunk_size);
    CHECK(facts->is_signed == 0);
    CHECK(facts->body_size >= 580004 && facts->body_size % 64 == 0);
    CHECK(facts->index_size == 1024);
    CHECK(facts->file_size == 4096 + 2 * 8192 + facts->body_size + facts->index_size);
    CHECK(facts->slot_count == 1);
    CHECK(facts->generation == 1);
    CHECK(facts->slot_block_a_intact && facts->slot_block_b_intact);
    CHECK(facts->struct_size == sizeof *facts);
}

void test_sealing(void) {
    fixture f = open_fixture();
    EXPECT(WSEAL_FILE_EXISTS, wseal_seal(f.source, f.sealed, f.key, NULL, error));
    wseal_seal_options options = WSEAL_SEAL_OPTIONS_INIT;
    options.overwrite = 1;
    options.suite = WSEAL_CHACHA20_POLY1305;
    options.threads = 1;
    OK(wseal_seal(f.source, f.sealed, f.key, &options, error));
    wseal_facts facts = WSEAL_FACTS_INIT;
    OK(wseal_inspect(f.sealed, &facts, error));
    check_facts(&facts, WSEAL_CHACHA20_POLY1305, 1 << 18);

    options.chunk_log2 = 15;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_seal(f.source, f.sealed, f.key, &options, error));
    options.chunk_log2 = 0;
    static const int no_suites[] = {3, 255, 257, 513, -1}; /* the last three are cut down to 1, 1 and 255 in 8 bits */
    for (size_t i = 0; i < sizeof no_suites / sizeof no_suites[0]; ++i) {
        options.suite = (wseal_suite)no_suites[i];
        EXPECT(WSEAL_UNKNOWN_SUITE, wseal_seal(f.source, f.sealed, f.key, &options, error));
    }
    EXPECT(WSEAL_FILE_NOT_FOUND, wseal_seal("/no/such/model", f.sealed, f.key, NULL, error));
    EXPECT(WSEAL_PLAINTEXT_MODEL, wseal_inspect(path_in(&f, "model/model.safetensors"), &facts, error));
    check_facts(&facts, WSEAL_CHACHA20_POLY1305, 1 << 18); /* as it was */

    /* The open handle reads the file it opened, and a fresh one the new file. */
    OK(wseal_model_facts(f.model, &facts, error));
    check_facts(&facts, WSEAL_AES_256_GCM, 1 << 16);
    OK(wseal_verify(f.model, NULL, error));
    wseal_model* model = NULL;
    OK(wseal_open(f.sealed, f.key, NULL, &model, error));
    OK(wseal_unseal(model, path_in(&f, "out"), NULL, error));
    CHECK(file_exists(path_in(&f, "out/config.json")));
    size_t size = 0;
    size_t original_size = 0;
    unsigned char* unsealed = read_whole(path_in(&f, "out/model.safetensors"), &size);
    unsigned char* original = read_whole(path_in(&f, "model/model.safetensors"), &original_size);
    CHECK(size == original_size && memcmp(unsealed, original, size) == 0);
    EXPECT(WSEAL_FILE_EXISTS, wseal_unseal(model, path_in(&f, "out"), NULL, error));
    wseal_unseal_options unseal_options = WSEAL_UNSEAL_OPTIONS_INIT;
    unseal_options.overwrite = 1;
    OK(wseal_unseal(model, path_in(&f, "out"), &unseal_options, error));
    free(unsealed);
    free(original);
    wseal_model_free(model);
    close_fixture(&f);
}

/* Reads at offsets of memory, and counts. */
typedef struct store {
    const unsigned char* data;
    size_t size;
    pthread_mutex_t mutex;
    size_t reads;
    int fails;
} store;

static int read_store(void* context, uint64_t offset, void* data, size_t size) {
    store* s = context;
    pthread_mutex_lock(&s->mutex);
    ++s->reads;
    pthread_mutex_unlock(&s->mutex);
    if (s->fails || offset > s->size || size > s->size - offset) {
        return -1;
    }
    memcpy(data, s->data + offset, size);
    return 0;
}

static void check_scalar(const fixture* f, const wseal_model* model) {
    float scalar = 0;
    void* const destination = &scalar;
    const size_t size = sizeof scalar;
    const wseal_selection selection = whole(tensor_scalar);
    OK(wseal_read_into(model, &selection, 1, &destination, &size, NULL, error));
    CHECK(memcmp(&scalar, f->data[tensor_scalar], sizeof scalar) == 0);
}

void test_opening(void) {
    fixture f = open_fixture();
    size_t size = 0;
    unsigned char* file = read_whole(f.sealed, &size);
    wseal_model* model = NULL;

    OK(wseal_open_memory(file, size, f.key, NULL, &model, error));
    check_scalar(&f, model);
    wseal_model_free(model);

    store s = {.data = file, .size = size, .mutex = PTHREAD_MUTEX_INITIALIZER};
    model = NULL;
    OK(wseal_open_callback(size, read_store, &s, f.key, NULL, &model, error));
    const size_t reads = s.reads;
    CHECK(reads > 0);
    check_scalar(&f, model);
    CHECK(s.reads > reads);
    s.fails = 1;
    wseal_buffer* buffer = NULL;
    const wseal_selection selection = whole(tensor_bytes);
    EXPECT(WSEAL_IO_FAILED, wseal_read(model, &selection, NULL, &buffer, error));
    CHECK(buffer == NULL);
    wseal_model_free(model);

    model = NULL;
    EXPECT(WSEAL_IO_FAILED, wseal_open_callback(size, read_store, &s, f.key, NULL, &model, error));
    EXPECT(WSEAL_TRUNCATED, wseal_open_memory(file, size - 1, f.key, NULL, &model, error));
    EXPECT(WSEAL_FILE_NOT_FOUND, wseal_open(path_in(&f, "missing"), f.key, NULL, &model, error));
    EXPECT(WSEAL_PLAINTEXT_MODEL, wseal_open(path_in(&f, "model/model.safetensors"), f.key, NULL, &model, error));
    wseal_key* other = NULL;
    OK(wseal_key_generate(WSEAL_KEY_SEAL, &other, error));
    EXPECT(WSEAL_WRONG_KEY, wseal_open(f.sealed, other, NULL, &model, error));
    CHECK(model == NULL);
    wseal_key_free(other);
    free(file);
    close_fixture(&f);
}

void test_two_models(void) {
    fixture a = open_fixture();
    fixture b = open_fixture();
    wseal_model* wrong = NULL;
    EXPECT(WSEAL_WRONG_KEY, wseal_open(a.sealed, b.key, NULL, &wrong, error));
    CHECK(wrong == NULL);
    wseal_key_free(a.key); /* a handle has what it needs */
    a.key = NULL;
    check_scalar(&a, a.model);
    check_scalar(&b, b.model);

    /* A plan belongs to one model: on another the bytes do not authenticate. */
    wseal_plan* plan = NULL;
    const wseal_selection selection = whole(tensor_bytes);
    OK(wseal_plan_new(a.model, &selection, 1, 1 << 30, &plan, error));
    wseal_plan_item item = WSEAL_PLAN_ITEM_INIT;
    OK(wseal_plan_at(plan, 0, &item, error));
    size_t size = 0;
    unsigned char* file = read_whole(a.sealed, &size);
    unsigned char* bytes = malloc(tensor_sizes[tensor_bytes]);
    EXPECT(WSEAL_CORRUPT_DATA, wseal_plan_decrypt(b.model, plan, 0, file + item.file_offset, item.length, bytes,
                                                  tensor_sizes[tensor_bytes], NULL, error));
    CHECK(all_are(bytes, tensor_sizes[tensor_bytes], 0));
    OK(wseal_plan_decrypt(a.model, plan, 0, file + item.file_offset, item.length, bytes, tensor_sizes[tensor_bytes],
                          NULL, error));
    CHECK(memcmp(bytes, a.data[tensor_bytes], tensor_sizes[tensor_bytes]) == 0);

    wseal_buffer* buffer = NULL;
    OK(wseal_read(a.model, &selection, NULL, &buffer, error));
    OK(wseal_model_drop_keys(a.model, error));
    EXPECT(WSEAL_KEYS_DROPPED, wseal_verify(a.model, NULL, error));
    OK(wseal_verify(b.model, NULL, error));
    wseal_model_free(a.model); /* a buffer outlives its model */
    a.model = NULL;
    CHECK(memcmp(wseal_buffer_data(buffer), a.data[tensor_bytes], wseal_buffer_size(buffer)) == 0);
    wseal_buffer_free(buffer);
    wseal_plan_free(plan);
    free(bytes);
    free(file);
    close_fixture(&a);
    close_fixture(&b);
}

/* The watermark tensor by tensor. */

#define _XOPEN_SOURCE 700

#include "watermark.h"

static const uint64_t weight_shape[] = {weight_rows, weight_columns};
static const uint64_t short_shape[] = {64};
enum { weight_bytes = 2 * weight_count };

static wseal_tensor tensor_of(const char* name, uint32_t dtype, const uint64_t* shape, uint32_t rank) {
    const wseal_tensor tensor = {name, dtype, rank, shape, {0}};
    return tensor;
}

static wseal_mark_identity identity_of(const marking* m) {
    wseal_record_info info = WSEAL_RECORD_INFO_INIT;
    OK(wseal_record_get_info(m->record, &info, error));
    wseal_mark_identity identity = {info.owner, info.model_id, {0}};
    memcpy(identity.scope, info.scope, sizeof identity.scope);
    return identity;
}

/* SHA-256 of nothing and of "abc" (FIPS 180-4). */
static void digests(void) {
    static const uint8_t of_nothing[] = {0xE3, 0xB0, 0xC4, 0x42};
    static const uint8_t of_abc[] = {0xBA, 0x78, 0x16, 0xBF};
    uint8_t digest[WSEAL_DIGEST_BYTES];
    OK(wseal_tensor_digest(NULL, 0, digest, error));
    CHECK(memcmp(digest, of_nothing, sizeof of_nothing) == 0);
    OK(wseal_tensor_digest("abc", 3, digest, error));
    CHECK(memcmp(digest, of_abc, sizeof of_abc) == 0);
}

/* The root of all tensors, in whatever order, is the one that marking the whole model found. */
static void root(const marking* m) {
    wseal_tensor tensors[] = {
        tensor_of("ids", WSEAL_I32, short_shape, 1),
        tensor_of("b.weight", WSEAL_BF16, weight_shape, 2),
        tensor_of("gain", WSEAL_F32, short_shape, 1),
        tensor_of("a.weight", WSEAL_BF16, weight_shape, 2),
    };
    OK(wseal_tensor_digest(m->ids, sizeof m->ids, tensors[0].digest, error));
    OK(wseal_tensor_digest(m->weights[1], weight_bytes, tensors[1].digest, error));
    OK(wseal_tensor_digest(m->gain, sizeof m->gain, tensors[2].digest, error));
    OK(wseal_tensor_digest(m->weights[0], weight_bytes, tensors[3].digest, error));
    wseal_record_info info = WSEAL_RECORD_INFO_INIT;
    OK(wseal_record_get_info(m->record, &info, error));
    uint8_t found[WSEAL_DIGEST_BYTES] = {0};
    OK(wseal_original_root(tensors, 4, found, error));
    CHECK(memcmp(found, info.root, sizeof found) == 0);

    memset(found, 0xEE, sizeof found);
    tensors[0].dtype = 23;
    EXPECT(WSEAL_UNKNOWN_DTYPE, wseal_original_root(tensors, 4, found, error));
    tensors[0].dtype = WSEAL_I32 + 256;
    EXPECT(WSEAL_UNKNOWN_DTYPE, wseal_original_root(tensors, 4, found, error));
    tensors[0].dtype = WSEAL_I32;
    tensors[0].rank = 33;
    EXPECT(WSEAL_TOO_LARGE, wseal_original_root(tensors, 4, found, error));
    tensors[0].rank = 1;
    tensors[0].shape = NULL;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_original_root(tensors, 4, found, error));
    tensors[0].name = NULL;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_original_root(tensors, 4, found, error));
    CHECK(all_are(found, sizeof found, 0xEE));
}

/* Tensors marked in memory have the bytes of the marked file. */
static void marked_in_place(const marking* m) {
    size_t size = 0;
    unsigned char* file = read_whole(m->marked, &size);
    const unsigned char* const data = file + size - 2 * weight_bytes - 512;
    const wseal_mark_identity identity = identity_of(m);
    for (int t = 0; t < 2; ++t) {
        const wseal_tensor tensor = tensor_of(t == 0 ? "a.weight" : "b.weight", WSEAL_BF16, weight_shape, 2);
        wseal_tensor_mark counts = WSEAL_TENSOR_MARK_INIT;
        OK(wseal_mark_tensor(m->key, &identity, &tensor, 0.02, m->weights[t], weight_bytes, 1, NULL, &counts, error));
        CHECK(memcmp(m->weights[t], data + (size_t)t * weight_bytes, weight_bytes) == 0);
        CHECK(counts.elements == weight_count && counts.zeros == 0 && counts.nonfinite == 0);
        CHECK(counts.squared_change > 0 && counts.squared_change < counts.squared_norm * 0.001);
    }
    free(file);
}

static void refusals_leave_the_data(const marking* m) {
    const wseal_mark_identity identity = identity_of(m);
    wseal_tensor tensor = tensor_of("a.weight", WSEAL_BF16, weight_shape, 2);
    wseal_tensor_mark counts = WSEAL_TENSOR_MARK_INIT;
    uint8_t* const copy = malloc(weight_bytes);
    memcpy(copy, m->weights[0], weight_bytes);
    EXPECT(WSEAL_BAD_STRENGTH,
           wseal_mark_tensor(m->key, &identity, &tensor, 0.5, copy, weight_bytes, 0, NULL, &counts, error));
    EXPECT(WSEAL_DESTINATION_SIZE,
           wseal_mark_tensor(m->key, &identity, &tensor, 0.02, copy, weight_bytes - 2, 0, NULL, &counts, error));
    tensor.dtype = WSEAL_F8_E4M3;
    EXPECT(WSEAL_UNMARKABLE_DTYPE,
           wseal_mark_tensor(m->key, &identity, &tensor, 0.02, copy, weight_bytes / 2, 0, NULL, &counts, error));
    wseal_key* seal_key = NULL;
    OK(wseal_key_generate(WSEAL_KEY_SEAL, &seal_key, error));
    tensor.dtype = WSEAL_BF16;
    EXPECT(WSEAL_KEY_KIND,
           wseal_mark_tensor(seal_key, &identity, &tensor, 0.02, copy, weight_bytes, 0, NULL, &counts, error));
    wseal_key_free(seal_key);
    CHECK(memcmp(copy, m->weights[0], weight_bytes) == 0 && counts.elements == 0);
    free(copy);
}

/* Runs the workers one after the other. */
static void serial_pool(void* context, size_t count, wseal_parallel_body body, void* body_context) {
    ++*(int*)context;
    for (size_t i = 0; i < count; ++i) {
        body(body_context, i);
    }
}

/* What the tensors give adds up to what detecting the whole model finds. */
static void correlated(const marking* m) {
    wseal_detection* detection = NULL;
    OK(wseal_detect(m->marked, m->key, m->record, NULL, &detection, error));
    wseal_detection_result result = WSEAL_DETECTION_RESULT_INIT;
    OK(wseal_detection_get_result(detection, &result, error));
    wseal_detection_free(detection);

    int pools = 0;
    wseal_hooks hooks = WSEAL_HOOKS_INIT;
    hooks.context = &pools;
    hooks.parallel_for = serial_pool;
    wseal_correlation sums[WSEAL_STATISTIC_COUNT] = {{0, 0}};
    for (int t = 0; t < 2; ++t) {
        wseal_tensor_correlation found = WSEAL_TENSOR_CORRELATION_INIT;
        OK(wseal_correlate_tensor(m->key, m->record, t == 0 ? "a.weight" : "b.weight", WSEAL_BF16, m->weights[t],
                                  weight_bytes, 0, &hooks, &found, error));
        sums[WSEAL_BLIND_WHITE].s += found.white.s;
        sums[WSEAL_BLIND_WHITE].q += found.white.q;
        sums[WSEAL_BLIND_SIGN].s += found.sign.s;
        sums[WSEAL_BLIND_SIGN].q += found.sign.q;
        CHECK(found.nonfinite == 0);
    }
    CHECK(pools >= 2);
    CHECK(memcmp(sums, result.correlations, sizeof sums) == 0);

    wseal_tensor_correlation none = WSEAL_TENSOR_CORRELATION_INIT;
    EXPECT(WSEAL_NO_SUCH_TENSOR,
           wseal_correlate_tensor(m->key, m->record, "gain", WSEAL_F32, m->gain, 256, 0, NULL, &none, error));
    EXPECT(WSEAL_UNSUPPORTED, wseal_correlate_tensor(m->key, m->record, "a.weight", WSEAL_I8, m->weights[0],
                                                     weight_count, 0, NULL, &none, error));
    EXPECT(WSEAL_DESTINATION_SIZE, wseal_correlate_tensor(m->key, m->record, "a.weight", WSEAL_BF16, m->weights[0],
                                                          weight_bytes - 2, 0, NULL, &none, error));
    CHECK(none.white.q == 0);
}

void test_tensors(void) {
    marking m = open_marking();
    digests();
    root(&m);
    refusals_leave_the_data(&m);
    marked_in_place(&m);
    correlated(&m);
    close_marking(&m);
}

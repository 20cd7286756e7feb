/* Reading into buffers of ours and of the caller; what failure leaves. */

#define _XOPEN_SOURCE 700

#include "test.h"

static void read_one(const fixture* f) {
    const wseal_selection selection = whole(tensor_matrix);
    uint64_t bytes = 0;
    OK(wseal_selection_bytes(f->model, &selection, &bytes, error));
    CHECK(bytes == tensor_sizes[tensor_matrix]);
    wseal_read_options options = WSEAL_READ_OPTIONS_INIT;
    for (size_t alignment = 64; alignment <= (size_t)2 << 20; alignment *= 8) {
        options.alignment = alignment;
        options.staged = alignment % 3 == 1;
        options.threads = 2;
        options.no_huge_pages = 1;
        options.wipe_on_free = 1;
        wseal_buffer* buffer = NULL;
        OK(wseal_read(f->model, &selection, &options, &buffer, error));
        CHECK(wseal_buffer_size(buffer) == bytes);
        CHECK((uintptr_t)wseal_buffer_data(buffer) % alignment == 0);
        CHECK(memcmp(wseal_buffer_data(buffer), f->data[tensor_matrix], bytes) == 0);
        wseal_buffer_free(buffer);
    }
}

static void read_columns(const fixture* f) {
    const wseal_range columns[] = {{10, 590}, {100, 150}};
    const wseal_selection selection = {tensor_matrix, columns, 2};
    wseal_buffer* buffer = NULL;
    OK(wseal_read(f->model, &selection, NULL, &buffer, error));
    CHECK(wseal_buffer_size(buffer) == 580 * 50 * 2);
    const unsigned char* data = wseal_buffer_data(buffer);
    for (size_t row = 0; row < 580; ++row) {
        CHECK(memcmp(data + row * 100, f->data[tensor_matrix] + (row + 10) * 800 + 200, 100) == 0);
    }
    wseal_buffer_free(buffer);
}

static void read_empty(const fixture* f) {
    const wseal_selection selection = whole(tensor_none);
    wseal_buffer* buffer = NULL;
    OK(wseal_read(f->model, &selection, NULL, &buffer, error));
    CHECK(wseal_buffer_size(buffer) == 0);
    wseal_buffer_free(buffer);
    void* const nowhere = NULL;
    const size_t size = 0;
    OK(wseal_read_into(f->model, &selection, 1, &nowhere, &size, NULL, error));
    OK(wseal_read_into(f->model, NULL, 0, NULL, NULL, NULL, error));
}

static void load_all(const fixture* f) {
    uint64_t offsets[tensor_total];
    wseal_buffer* buffer = NULL;
    OK(wseal_load(f->model, NULL, tensor_total, NULL, &buffer, offsets, error));
    const unsigned char* data = wseal_buffer_data(buffer);
    for (size_t t = 0; t < tensor_total; ++t) {
        CHECK(offsets[t] % (tensor_sizes[t] >= 65536 ? 4096 : 64) == 0);
        CHECK(offsets[t] + tensor_sizes[t] <= wseal_buffer_size(buffer));
        CHECK(memcmp(data + offsets[t], f->data[t], tensor_sizes[t]) == 0);
    }
    wseal_buffer_free(buffer);

    const wseal_range rows = {599, 600};
    const wseal_selection some[] = {{tensor_scalar, NULL, 0}, {tensor_matrix, &rows, 1}};
    OK(wseal_load(f->model, some, 2, NULL, &buffer, offsets, error));
    data = wseal_buffer_data(buffer);
    CHECK(memcmp(data + offsets[0], f->data[tensor_scalar], 4) == 0);
    CHECK(memcmp(data + offsets[1], f->data[tensor_matrix] + 599 * 800, 800) == 0);
    wseal_buffer_free(buffer);

    buffer = NULL;
    offsets[0] = 77;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_load(f->model, NULL, tensor_total - 1, NULL, &buffer, offsets, error));
    CHECK(buffer == NULL && offsets[0] == 77);
}

static void read_files(const fixture* f) {
    wseal_buffer* buffer = NULL;
    OK(wseal_read_file(f->model, 0, NULL, &buffer, error));
    CHECK(wseal_buffer_size(buffer) == 8 && memcmp(wseal_buffer_data(buffer), "{\"a\": 1}", 8) == 0);
    wseal_buffer_free(buffer);
    buffer = NULL;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_read_file(f->model, 2, NULL, &buffer, error));
    CHECK(buffer == NULL);
}

void test_reading(void) {
    fixture f = open_fixture();
    read_one(&f);
    read_columns(&f);
    read_empty(&f);
    load_all(&f);
    read_files(&f);
    wseal_buffer_free(NULL);
    close_fixture(&f);
}

/* Destinations full of old bytes are zeros after any failure; nothing else is written. */
static void check_zeroed(const wseal_model* model, wseal_status wanted, const wseal_selection* selection, size_t size) {
    unsigned char* memory = malloc(size);
    void* const destination = memory;
    memset(memory, 0xEE, size);
    EXPECT(wanted, wseal_read_into(model, selection, 1, &destination, &size, NULL, error));
    CHECK(all_are(memory, size, 0));
    free(memory);
}

void test_failures(void) {
    fixture f = open_fixture();
    const wseal_selection selection = whole(tensor_bytes);
    const wseal_range outside = {0, 100001};
    const wseal_selection sliced = {tensor_bytes, &outside, 1};
    const wseal_selection missing = whole(tensor_total);
    check_zeroed(f.model, WSEAL_DESTINATION_SIZE, &selection, 99999);
    check_zeroed(f.model, WSEAL_SLICE_OUT_OF_RANGE, &sliced, 1000);
    check_zeroed(f.model, WSEAL_INVALID_ARGUMENT, &missing, 1000);

    size_t size = 0;
    unsigned char* file = read_whole(f.sealed, &size);
    wseal_plan* plan = NULL;
    OK(wseal_plan_new(f.model, &selection, 1, 0, &plan, error));
    wseal_plan_item item = WSEAL_PLAN_ITEM_INIT;
    OK(wseal_plan_at(plan, 0, &item, error));
    wseal_plan_free(plan);
    file[item.file_offset + 90000] ^= 1;
    wseal_model* damaged = NULL;
    OK(wseal_open_memory(file, size, f.key, NULL, &damaged, error));
    check_zeroed(damaged, WSEAL_CORRUPT_DATA, &selection, 100000);
    EXPECT(WSEAL_CORRUPT_DATA, wseal_verify(damaged, NULL, error));
    EXPECT(WSEAL_CORRUPT_DATA, wseal_unseal(damaged, path_in(&f, "out"), NULL, error));
    CHECK(!file_exists(path_in(&f, "out")));
    uint64_t offsets[tensor_total] = {7, 7, 7, 7};
    wseal_buffer* buffer = NULL;
    EXPECT(WSEAL_CORRUPT_DATA, wseal_load(damaged, NULL, tensor_total, NULL, &buffer, offsets, error));
    CHECK(buffer == NULL && offsets[0] == 7 && offsets[3] == 7);
    wseal_model_free(damaged);
    free(file);

    OK(wseal_model_drop_keys(f.model, error));
    check_zeroed(f.model, WSEAL_KEYS_DROPPED, &selection, 100000);

    /* The longest message has its terminator. */
    char path[2000] = "/";
    memset(path + 1, 'p', sizeof path - 2);
    wseal_error error;
    memset(&error, 'x', sizeof error);
    wseal_model* model = NULL;
    CHECK(wseal_open(path, f.key, NULL, &model, &error) != WSEAL_OK);
    CHECK(memchr(error.message, '\0', sizeof error.message) != NULL);
    close_fixture(&f);
}

/* Reading by the caller's own I/O. */

#define _XOPEN_SOURCE 700

#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static void read_by_plan(const fixture* f, uint64_t max_item, int staged) {
    const wseal_range columns[] = {{0, 600}, {0, 200}};
    const wseal_selection selections[] = {whole(tensor_matrix), {tensor_matrix, columns, 2}, whole(tensor_bytes)};
    unsigned char* destinations[3];
    size_t sizes[3];
    for (size_t i = 0; i < 3; ++i) {
        uint64_t bytes = 0;
        OK(wseal_selection_bytes(f->model, &selections[i], &bytes, error));
        sizes[i] = (size_t)bytes;
        destinations[i] = malloc(sizes[i]);
        memset(destinations[i], 0xEE, sizes[i]);
    }
    wseal_read_options options = WSEAL_READ_OPTIONS_INIT;
    options.staged = staged;
    wseal_plan* plan = NULL;
    OK(wseal_plan_new(f->model, selections, 3, max_item, &plan, error));
    CHECK(wseal_plan_count(plan) >= 3);
    const int fd = open(f->sealed, O_RDONLY);
    uint64_t last = 0;
    for (size_t i = 0; i < wseal_plan_count(plan); ++i) {
        wseal_plan_item item = WSEAL_PLAN_ITEM_INIT;
        OK(wseal_plan_at(plan, i, &item, error));
        CHECK(item.file_offset >= last && item.chunks >= 1 && item.selection < 3);
        last = item.file_offset;
        unsigned char* fetched = malloc(item.length);
        CHECK(pread(fd, fetched, item.length, (off_t)item.file_offset) == (ssize_t)item.length);
        OK(wseal_plan_decrypt(f->model, plan, i, fetched, item.length, destinations[item.selection],
                              sizes[item.selection], &options, error));
        free(fetched);
    }
    close(fd);
    CHECK(memcmp(destinations[0], f->data[tensor_matrix], sizes[0]) == 0);
    CHECK(memcmp(destinations[2], f->data[tensor_bytes], sizes[2]) == 0);
    for (size_t row = 0; row < 600; ++row) {
        CHECK(memcmp(destinations[1] + row * 400, f->data[tensor_matrix] + row * 800, 400) == 0);
    }
    for (size_t i = 0; i < 3; ++i) {
        free(destinations[i]);
    }
    wseal_plan_free(plan);
}

static void in_place(const fixture* f) {
    const wseal_selection selection = whole(tensor_matrix);
    wseal_plan* plan = NULL;
    OK(wseal_plan_new(f->model, &selection, 1, (uint64_t)1 << 30, &plan, error));
    CHECK(wseal_plan_count(plan) == 1);
    wseal_plan_item item = WSEAL_PLAN_ITEM_INIT;
    OK(wseal_plan_at(plan, 0, &item, error));
    CHECK(item.length == tensor_sizes[tensor_matrix]);
    CHECK(item.file_offset % 4096 == 0);
    size_t size = 0;
    unsigned char* file = read_whole(f->sealed, &size);
    unsigned char* bytes = file + item.file_offset;
    OK(wseal_plan_decrypt(f->model, plan, 0, bytes, item.length, bytes, item.length, NULL, error));
    CHECK(memcmp(bytes, f->data[tensor_matrix], item.length) == 0);
    EXPECT(WSEAL_CORRUPT_DATA,
           wseal_plan_decrypt(f->model, plan, 0, bytes, item.length, bytes, item.length, NULL, error));
    CHECK(all_are(bytes, item.length, 0));
    EXPECT(WSEAL_INVALID_ARGUMENT,
           wseal_plan_decrypt(f->model, plan, 0, bytes, item.length - 1, bytes, item.length, NULL, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_plan_at(plan, 1, &item, error));
    EXPECT(WSEAL_INVALID_ARGUMENT,
           wseal_plan_decrypt(f->model, plan, 1, bytes, item.length, bytes, item.length, NULL, error));
    wseal_plan_free(plan);
    free(file);
}

/* The items of a plan on threads of the caller. */
typedef struct job {
    const fixture* f;
    const wseal_plan* plan;
    const unsigned char* file;
    unsigned char* destination;
    size_t first;
} job;

static void* run_job(void* context) {
    const job* j = context;
    for (size_t i = j->first; i < wseal_plan_count(j->plan); i += 2) {
        wseal_plan_item item = WSEAL_PLAN_ITEM_INIT;
        if (wseal_plan_at(j->plan, i, &item, NULL) != WSEAL_OK ||
            wseal_plan_decrypt(j->f->model, j->plan, i, j->file + item.file_offset, item.length, j->destination,
                               tensor_sizes[tensor_matrix], NULL, NULL) != WSEAL_OK) {
            return context;
        }
    }
    return NULL;
}

static void in_parallel(const fixture* f) {
    const wseal_selection selection = whole(tensor_matrix);
    wseal_plan* plan = NULL;
    OK(wseal_plan_new(f->model, &selection, 1, 1, &plan, error));
    CHECK(wseal_plan_count(plan) > 4);
    size_t size = 0;
    unsigned char* file = read_whole(f->sealed, &size);
    unsigned char* destination = malloc(tensor_sizes[tensor_matrix]);
    job jobs[2] = {{f, plan, file, destination, 0}, {f, plan, file, destination, 1}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; ++i) {
        CHECK(pthread_create(&threads[i], NULL, run_job, &jobs[i]) == 0);
    }
    for (size_t i = 0; i < 2; ++i) {
        void* failed = NULL;
        pthread_join(threads[i], &failed);
        CHECK(failed == NULL);
    }
    CHECK(memcmp(destination, f->data[tensor_matrix], tensor_sizes[tensor_matrix]) == 0);
    free(destination);
    free(file);
    wseal_plan_free(plan);
}

void test_plans(void) {
    fixture f = open_fixture();
    read_by_plan(&f, 0, 0);
    read_by_plan(&f, 1, 1);
    read_by_plan(&f, 100000, 0);
    in_place(&f);
    in_parallel(&f);
    wseal_plan* plan = NULL;
    OK(wseal_plan_new(f.model, NULL, 0, 0, &plan, error));
    CHECK(wseal_plan_count(plan) == 0);
    wseal_plan_free(plan);
    close_fixture(&f);
}

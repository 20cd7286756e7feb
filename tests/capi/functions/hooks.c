/* The caller's side of long work. */

#define _XOPEN_SOURCE 700

#include "test.h"

#include <pthread.h>

/* Everything the hooks were told. */
typedef struct journal {
    pthread_mutex_t mutex;
    const fixture* f;
    size_t allocs, frees;
    size_t alloc_bytes, free_bytes;
    int no_memory;
    size_t pools, workers;
    size_t arrived[tensor_total];
    int wrong;
    uint64_t done, total;
    int cancel_after; /* polls; -1: never */
    size_t logs;
    char line[256];
} journal;

static void* give(void* context, size_t size, size_t alignment) {
    journal* j = context;
    if (j->no_memory) {
        return NULL;
    }
    void* memory = NULL;
    if (posix_memalign(&memory, alignment, size) != 0) {
        return NULL;
    }
    ++j->allocs;
    j->alloc_bytes += size;
    return memory;
}

static void take(void* context, void* data, size_t size) {
    journal* j = context;
    ++j->frees;
    j->free_bytes += size;
    free(data);
}

typedef struct call {
    wseal_parallel_body body;
    void* context;
    size_t index;
} call;

static void* run_call(void* context) {
    const call* c = context;
    c->body(c->context, c->index);
    return NULL;
}

/* A pool of the engine: a thread for each worker. */
static void pool(void* context, size_t count, wseal_parallel_body body, void* body_context) {
    journal* j = context;
    ++j->pools;
    j->workers = count;
    pthread_t threads[8];
    call calls[8];
    CHECK(count <= 8);
    for (size_t i = 0; i < count; ++i) {
        calls[i] = (call){body, body_context, i};
        CHECK(pthread_create(&threads[i], NULL, run_call, &calls[i]) == 0);
    }
    for (size_t i = 0; i < count; ++i) {
        pthread_join(threads[i], NULL);
    }
}

static void arrive(void* context, size_t selection, const void* data, size_t size) {
    journal* j = context;
    const int right = selection < tensor_total && size == tensor_sizes[selection] &&
                      (size == 0 || memcmp(data, j->f->data[selection], size) == 0);
    pthread_mutex_lock(&j->mutex);
    if (right) {
        ++j->arrived[selection];
    } else {
        j->wrong = 1;
    }
    pthread_mutex_unlock(&j->mutex);
}

static void progress(void* context, uint64_t done, uint64_t total) {
    journal* j = context;
    pthread_mutex_lock(&j->mutex);
    if (done > j->done) {
        j->done = done;
    }
    j->total = total;
    pthread_mutex_unlock(&j->mutex);
}

static int cancelled(void* context) {
    journal* j = context;
    pthread_mutex_lock(&j->mutex);
    const int stop = j->cancel_after == 0;
    if (j->cancel_after > 0) {
        --j->cancel_after;
    }
    pthread_mutex_unlock(&j->mutex);
    return stop;
}

static void write_log(void* context, const char* message) {
    journal* j = context;
    ++j->logs;
    snprintf(j->line, sizeof j->line, "%s", message);
}

static wseal_hooks all_hooks(journal* j) {
    wseal_hooks hooks = WSEAL_HOOKS_INIT;
    hooks.context = j;
    hooks.alloc = give;
    hooks.free = take;
    hooks.parallel_for = pool;
    hooks.on_tensor = arrive;
    hooks.progress = progress;
    hooks.cancelled = cancelled;
    hooks.log = write_log;
    return hooks;
}

static journal new_journal(const fixture* f) {
    const journal j = {.mutex = PTHREAD_MUTEX_INITIALIZER, .f = f, .cancel_after = -1};
    return j;
}

static void load_with_all_hooks(const fixture* f) {
    journal j = new_journal(f);
    const wseal_hooks hooks = all_hooks(&j);
    wseal_read_options options = WSEAL_READ_OPTIONS_INIT;
    options.hooks = &hooks;
    options.threads = 4;
    uint64_t offsets[tensor_total];
    wseal_buffer* buffer = NULL;
    OK(wseal_load(f->model, NULL, tensor_total, &options, &buffer, offsets, error));
    CHECK(j.allocs == 1 && j.frees == 0 && j.alloc_bytes == wseal_buffer_size(buffer));
    CHECK(j.pools == 1 && j.workers >= 1 && j.workers <= 4);
    CHECK(!j.wrong);
    for (size_t t = 0; t < tensor_total; ++t) {
        CHECK(j.arrived[t] == 1);
    }
    CHECK(j.total == 580004 && j.done == j.total);
    wseal_buffer_free(buffer);
    CHECK(j.frees == 1 && j.free_bytes == j.alloc_bytes);

    OK(wseal_verify(f->model, &options, error));
    OK(wseal_read_file(f->model, 0, &options, &buffer, error));
    wseal_buffer_free(buffer);
    CHECK(j.allocs == 2 && j.frees == 2);
}

static void failures_give_memory_back(const fixture* f) {
    journal j = new_journal(f);
    const wseal_hooks hooks = all_hooks(&j);
    wseal_read_options options = WSEAL_READ_OPTIONS_INIT;
    options.hooks = &hooks;
    const wseal_selection selection = whole(tensor_matrix);
    wseal_buffer* buffer = NULL;
    j.cancel_after = 0;
    EXPECT(WSEAL_CANCELLED, wseal_read(f->model, &selection, &options, &buffer, error));
    CHECK(buffer == NULL && j.allocs == 1 && j.frees == 1);
    j.cancel_after = 0;
    EXPECT(WSEAL_CANCELLED, wseal_verify(f->model, &options, error));
    j.cancel_after = -1;
    j.no_memory = 1;
    EXPECT(WSEAL_OUT_OF_MEMORY, wseal_read(f->model, &selection, &options, &buffer, error));
    CHECK(buffer == NULL && j.frees == 1);
}

static void sealing_and_unsealing(const fixture* f) {
    journal j = new_journal(f);
    const wseal_hooks hooks = all_hooks(&j);
    wseal_seal_options options = WSEAL_SEAL_OPTIONS_INIT;
    options.hooks = &hooks;
    options.threads = 2;
    OK(wseal_seal(f->source, path_in(f, "other.wseal"), f->key, &options, error));
    CHECK(j.pools == 1 && j.total >= 580004 && j.done == j.total);
    j.cancel_after = 0;
    EXPECT(WSEAL_CANCELLED, wseal_seal(f->source, path_in(f, "cancelled.wseal"), f->key, &options, error));
    CHECK(!file_exists(path_in(f, "cancelled.wseal")));

    j.cancel_after = -1;
    j.done = 0;
    wseal_unseal_options unseal_options = WSEAL_UNSEAL_OPTIONS_INIT;
    unseal_options.hooks = &hooks;
    OK(wseal_unseal(f->model, path_in(f, "out"), &unseal_options, error));
    CHECK(j.total > 580004 && j.done == j.total);
    j.cancel_after = 0;
    EXPECT(WSEAL_CANCELLED, wseal_unseal(f->model, path_in(f, "cancelled"), &unseal_options, error));
    CHECK(!file_exists(path_in(f, "cancelled")));
}

static void logging(const fixture* f) {
    size_t size = 0;
    unsigned char* file = read_whole(f->sealed, &size);
    journal j = new_journal(f);
    const wseal_hooks hooks = all_hooks(&j);
    wseal_model* model = NULL;
    OK(wseal_open_memory(file, size, f->key, &hooks, &model, error));
    CHECK(j.logs == 0);
    wseal_model_free(model);
    file[4096 + 8192 + 100] ^= 1;
    OK(wseal_open_memory(file, size, f->key, &hooks, &model, error));
    CHECK(j.logs == 1 && strstr(j.line, "slot block B") != NULL);
    char block = 0;
    OK(wseal_model_damaged_slot_block(model, &block, error));
    CHECK(block == 'B');
    wseal_facts facts = WSEAL_FACTS_INIT;
    OK(wseal_model_facts(model, &facts, error));
    CHECK(facts.slot_block_a_intact == 1 && facts.slot_block_b_intact == 0 && facts.slot_count == 1);
    EXPECT(WSEAL_DAMAGED_SLOT_BLOCK, wseal_verify(model, NULL, error));
    wseal_model_free(model);
    free(file);
}

/* A pool that forgets its work is noticed. */
static void lazy_pool(void* context, size_t count, wseal_parallel_body body, void* body_context) {
    (void)context;
    (void)count;
    (void)body;
    (void)body_context;
}

static void broken_hooks(const fixture* f) {
    wseal_hooks hooks = WSEAL_HOOKS_INIT;
    hooks.parallel_for = lazy_pool;
    wseal_read_options options = WSEAL_READ_OPTIONS_INIT;
    options.hooks = &hooks;
    const wseal_selection selection = whole(tensor_bytes);
    wseal_buffer* buffer = NULL;
    EXPECT(WSEAL_CALLBACK_FAILED, wseal_read(f->model, &selection, &options, &buffer, error));
    hooks.parallel_for = NULL;
    hooks.alloc = give;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_read(f->model, &selection, &options, &buffer, error));
    hooks.alloc = NULL;
    hooks.free = take;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_read(f->model, &selection, &options, &buffer, error));
    CHECK(buffer == NULL);
}

void test_hooks(void) {
    fixture f = open_fixture();
    load_with_all_hooks(&f);
    failures_give_memory_back(&f);
    sealing_and_unsealing(&f);
    logging(&f);
    broken_hooks(&f);
    close_fixture(&f);
}

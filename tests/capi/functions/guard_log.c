/* The guard's event log: files, descriptors, functions; and metrics. */

#define _XOPEN_SOURCE 700

#include "test.h"

#include <stddef.h>
#include <unistd.h>

static const int64_t second = 1000000000;
static const int64_t noon = 1790000000000000000;
static const char limits[] = "{\"capacity\": 1000, \"limits\": [{\"budget\": \"queries\", \"limit\": 1,"
                             "\"window\": 60}]}";

typedef struct sink {
    char text[65536];
    size_t size;
    int closed;
} sink;

static int take(void* context, const char* lines, size_t size) {
    sink* const to = context;
    if (to->closed || size > sizeof to->text - 1 - to->size) {
        return 0;
    }
    memcpy(to->text + to->size, lines, size);
    to->size += size;
    to->text[to->size] = '\0';
    return 1;
}

static wseal_guard* new_guard(void) {
    wseal_guard* guard = NULL;
    OK(wseal_guard_new(limits, sizeof limits - 1, NULL, &guard, error));
    return guard;
}

static wseal_key* new_key(uint32_t kind) {
    wseal_key* key = NULL;
    OK(wseal_key_generate(kind, &key, error));
    return key;
}

/* An event: the second query of a minute is one too many. */
static void refuse(wseal_guard* guard, const char* name) {
    wseal_client client = WSEAL_CLIENT_INIT;
    client.name = name;
    client.name_size = strlen(name);
    for (int i = 0; i < 2; ++i) {
        wseal_decision decision = WSEAL_DECISION_INIT;
        OK(wseal_guard_check(guard, &client, NULL, noon, &decision, error));
    }
}

static wseal_guard_log_counters counters_of(const wseal_guard_log* log) {
    wseal_guard_log_counters counters = WSEAL_GUARD_LOG_COUNTERS_INIT;
    OK(wseal_guard_log_get_counters(log, &counters, error));
    return counters;
}

static void functions(const wseal_key* key) {
    static sink to;
    wseal_guard* guard = new_guard();
    wseal_guard_log_options options = WSEAL_GUARD_LOG_OPTIONS_INIT;
    options.write = take;
    options.context = &to;
    options.checkpoint_every = 2;
    wseal_guard_log* log = NULL;
    OK(wseal_guard_log_open(guard, key, &options, noon, &log, error));
    CHECK(strstr(to.text, "\"log_opened\"") != NULL);
    refuse(guard, "alice");
    refuse(guard, "bob");
    uint64_t events = 99;
    OK(wseal_guard_log_write(log, noon + second, noon, &events, error));
    CHECK(events == 2 && strstr(to.text, "\"checkpoint\"") != NULL && strstr(to.text, "alice") == NULL);
    CHECK(strstr(to.text, "\"time\":1789999999000") != NULL);
    wseal_client client = WSEAL_CLIENT_INIT;
    client.name = "alice";
    client.name_size = 5;
    char pseudonym[WSEAL_PSEUDONYM_SIZE] = "";
    OK(wseal_guard_pseudonym(guard, &client, WSEAL_TIER_CLIENT, pseudonym, error));
    CHECK(strlen(pseudonym) == 32 && strstr(to.text, pseudonym) != NULL);
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_pseudonym(guard, &client, WSEAL_TIER_POOL, pseudonym, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_pseudonym(guard, &client, 5, pseudonym, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_pseudonym(NULL, &client, 0, pseudonym, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_pseudonym(guard, NULL, 0, pseudonym, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_pseudonym(guard, &client, 0, NULL, error));

    to.closed = 1;
    refuse(guard, "carol");
    OK(wseal_guard_log_write(log, noon, noon, &events, error));
    wseal_guard_log_counters counters = counters_of(log);
    CHECK(events == 1 && counters.events == 3 && counters.waiting > 0 && counters.failures == 1);
    CHECK(counters.last_errno == 0);
    int complete = 99;
    OK(wseal_guard_log_close(log, noon, noon, &complete, error));
    CHECK(complete == 0 && strstr(to.text, "log_closed") == NULL);
    to.closed = 0;
    OK(wseal_guard_log_close(log, noon, noon, &complete, error));
    CHECK(complete == 1 && strstr(to.text, "log_closed") != NULL && counters_of(log).waiting == 0);
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_write(log, noon, noon, &events, error));

    wseal_buffer* text = NULL;
    OK(wseal_guard_metrics(guard, NULL, &text, error));
    const size_t size = wseal_buffer_size(text);
    wseal_buffer_free(text);
    OK(wseal_guard_metrics(guard, log, &text, error));
    CHECK(wseal_buffer_size(text) > size);
    CHECK(memcmp(wseal_buffer_data(text), "# HELP weightseal_guard_requests_total ", 39) == 0);
    wseal_buffer_free(text);
    wseal_guard_log_free(log);
    wseal_guard_log_free(NULL);
    wseal_guard_free(guard);
}

static void files(const wseal_key* key) {
    char folder[] = "/tmp/weightseal-capi-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    char path[64], other[64], older[80];
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(older, sizeof older, "%s.000001", path);
    wseal_guard* guard = new_guard();
    wseal_guard_log_options options = WSEAL_GUARD_LOG_OPTIONS_INIT;
    options.path = path;
    options.max_file_size = 4096;
    wseal_guard_log* log = NULL;
    OK(wseal_guard_log_open(guard, key, &options, noon, &log, error));
    wseal_guard_log* second_log = NULL;
    EXPECT(WSEAL_IO_FAILED, wseal_guard_log_open(guard, key, &options, noon, &second_log, error));
    for (int i = 0; i < 10; ++i) {
        char name[16];
        snprintf(name, sizeof name, "client-%d", i);
        refuse(guard, name);
    }
    uint64_t events = 0;
    OK(wseal_guard_log_write(log, noon, noon, &events, error));
    CHECK(events == 10 && file_exists(path) && file_exists(older));
    wseal_guard_log_free(log);

    write_whole(other, "notes\n", 6, "wb");
    options.path = other;
    EXPECT(WSEAL_NOT_A_GUARD_LOG, wseal_guard_log_open(guard, key, &options, noon, &second_log, error));
    CHECK(second_log == NULL);
    wseal_guard_free(guard);
    remove_folder(folder);
}

static void descriptors(const wseal_key* key) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    wseal_guard* guard = new_guard();
    wseal_guard_log_options options = WSEAL_GUARD_LOG_OPTIONS_INIT;
    options.fd = ends[1];
    wseal_guard_log* log = NULL;
    OK(wseal_guard_log_open(guard, key, &options, noon, &log, error));
    char start[16] = "";
    CHECK(read(ends[0], start, 12) == 12 && strcmp(start, "{\"metadata\":") == 0);
    close(ends[0]);
    refuse(guard, "alice");
    uint64_t events = 0;
    OK(wseal_guard_log_write(log, noon, noon, &events, error));
    CHECK(counters_of(log).failures == 1 && counters_of(log).last_errno != 0);
    wseal_guard_log_free(log);
    close(ends[1]);
    wseal_guard_free(guard);
}

static void misuse(const wseal_key* key) {
    static sink to;
    wseal_guard* guard = new_guard();
    wseal_key* wrong = new_key(WSEAL_KEY_SEAL);
    wseal_guard_log* log = NULL;
    wseal_guard_log_options options = WSEAL_GUARD_LOG_OPTIONS_INIT;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_open(guard, key, &options, noon, &log, error));
    options.write = take;
    options.context = &to;
    options.fd = 1;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_open(guard, key, &options, noon, &log, error));
    options.fd = -1;
    EXPECT(WSEAL_KEY_KIND, wseal_guard_log_open(guard, wrong, &options, noon, &log, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_open(NULL, key, &options, noon, &log, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_open(guard, NULL, &options, noon, &log, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_open(guard, key, NULL, noon, &log, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_open(guard, key, &options, noon, NULL, error));
    REFUSED_SIZES(options, wseal_guard_log_open(guard, key, &options, noon, &log, error));
    options.struct_size = offsetof(wseal_guard_log_options, checkpoint_every);
    options.checkpoint_every = 70000; /* which an older header does not have */
    OK(wseal_guard_log_open(guard, key, &options, noon, &log, error));
    uint64_t events = 0;
    int complete = 0;
    wseal_buffer* text = NULL;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_write(NULL, noon, noon, &events, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_write(log, noon, noon, NULL, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_close(NULL, noon, noon, &complete, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_close(log, noon, noon, NULL, error));
    wseal_guard_log_counters counters = WSEAL_GUARD_LOG_COUNTERS_INIT;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_get_counters(NULL, &counters, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_log_get_counters(log, NULL, error));
    REFUSED_SIZES(counters, wseal_guard_log_get_counters(log, &counters, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_metrics(NULL, log, &text, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_metrics(guard, log, NULL, error));
    CHECK(text == NULL);
    wseal_guard_log_free(log);
    wseal_key_free(wrong);
    wseal_guard_free(guard);
}

void test_guard_log(void) {
    wseal_key* key = new_key(WSEAL_KEY_SIGNING);
    functions(key);
    files(key);
    descriptors(key);
    misuse(key);
    wseal_key_free(key);
}

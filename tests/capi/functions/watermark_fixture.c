#define _XOPEN_SOURCE 700

#include "watermark.h"

#include <unistd.h>

/* A sum of four uniform values around 0, cut off to BF16. The same in every run. */
static uint16_t next_weight(uint64_t* state) {
    float value = 0;
    for (int i = 0; i < 4; ++i) {
        *state = *state * 6364136223846793005U + 1442695040888963407U;
        value += (float)(*state >> 40) * 0x1p-24F - 0.5F;
    }
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static void write_original(marking* m) {
    const size_t size = 2 * (size_t)weight_count;
    uint64_t state = 1;
    for (int t = 0; t < 2; ++t) {
        m->weights[t] = malloc(size);
        if (m->weights[t] == NULL) {
            exit(EXIT_FAILURE);
        }
        for (size_t i = 0; i < weight_count; ++i) {
            m->weights[t][i] = next_weight(&state);
        }
    }
    for (int i = 0; i < 64; ++i) {
        m->gain[i] = 1.0F;
        m->ids[i] = i;
    }
    char header[512];
    const uint64_t used = (uint64_t)snprintf(header, sizeof header,
                                             "{\"a.weight\":{\"dtype\":\"BF16\",\"shape\":[%d,%d],"
                                             "\"data_offsets\":[0,%zu]},"
                                             "\"b.weight\":{\"dtype\":\"BF16\",\"shape\":[%d,%d],"
                                             "\"data_offsets\":[%zu,%zu]},"
                                             "\"gain\":{\"dtype\":\"F32\",\"shape\":[64],\"data_offsets\":[%zu,%zu]},"
                                             "\"ids\":{\"dtype\":\"I32\",\"shape\":[64],\"data_offsets\":[%zu,%zu]}}",
                                             weight_rows, weight_columns, size, weight_rows, weight_columns, size,
                                             2 * size, 2 * size, 2 * size + 256, 2 * size + 256, 2 * size + 512);
    write_whole(m->original, &used, sizeof used, "wb");
    write_whole(m->original, header, used, "ab");
    write_whole(m->original, m->weights[0], size, "ab");
    write_whole(m->original, m->weights[1], size, "ab");
    write_whole(m->original, m->gain, sizeof m->gain, "ab");
    write_whole(m->original, m->ids, sizeof m->ids, "ab");
}

marking open_marking(void) {
    marking m = {.folder = "/tmp/weightseal-capi-XXXXXX", .report = WSEAL_MARK_REPORT_INIT};
    if (mkdtemp(m.folder) == NULL) {
        perror("mkdtemp");
        exit(EXIT_FAILURE);
    }
    snprintf(m.original, sizeof m.original, "%s/model.safetensors", m.folder);
    snprintf(m.marked, sizeof m.marked, "%s/marked.safetensors", m.folder);
    snprintf(m.record_path, sizeof m.record_path, "%s/record.json", m.folder);
    write_original(&m);
    uint8_t secret[WSEAL_KEY_BYTES]; /* always the same one: z does not depend on luck */
    memset(secret, 7, sizeof secret);
    OK(wseal_key_from_bytes(WSEAL_KEY_WATERMARK, secret, &m.key, error));
    wseal_mark_options options = WSEAL_MARK_OPTIONS_INIT;
    options.strength = 0.02;
    OK(wseal_mark(m.original, m.marked, m.key, "acme", &options, &m.record, &m.report, error));
    return m;
}

void close_marking(marking* m) {
    wseal_record_free(m->record);
    wseal_key_free(m->key);
    free(m->weights[0]);
    free(m->weights[1]);
    remove_folder(m->folder);
}

const char* in_folder(const marking* m, const char* name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", m->folder, name);
    return path;
}

int same_content(const char* a, const char* b) {
    size_t size_a = 0;
    size_t size_b = 0;
    unsigned char* content_a = read_whole(a, &size_a);
    unsigned char* content_b = read_whole(b, &size_b);
    const int same = size_a == size_b && memcmp(content_a, content_b, size_a) == 0;
    free(content_a);
    free(content_b);
    return same;
}

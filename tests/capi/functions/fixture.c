#define _XOPEN_SOURCE 700

#include "test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

const size_t tensor_sizes[tensor_total] = {100000, 600 * 400 * 2, 0, 4};

static void fail(const char* what) {
    perror(what);
    exit(EXIT_FAILURE);
}

void write_whole(const char* path, const void* data, size_t size, const char* mode) {
    FILE* file = fopen(path, mode);
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        fail(path);
    }
}

static void write_model(fixture* f) {
    char path[128];
    snprintf(path, sizeof path, "%s/config.json", f->source);
    write_whole(path, "{\"a\": 1}", 8, "wb");

    static const char header[] = "{\"bytes\":{\"dtype\":\"U8\",\"shape\":[100000],\"data_offsets\":[0,100000]},"
                                 "\"matrix\":{\"dtype\":\"BF16\",\"shape\":[600,400],\"data_offsets\":[100000,580000]},"
                                 "\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[580000,580000]},"
                                 "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[580000,580004]}}";
    const uint64_t size = sizeof header - 1;
    snprintf(path, sizeof path, "%s/model.safetensors", f->source);
    write_whole(path, &size, sizeof size, "wb");
    write_whole(path, header, size, "ab");
    for (size_t t = 0; t < tensor_total; ++t) {
        f->data[t] = malloc(tensor_sizes[t] + 1);
        if (f->data[t] == NULL) {
            fail("malloc");
        }
        for (size_t i = 0; i < tensor_sizes[t]; ++i) {
            f->data[t][i] = (unsigned char)(i * 31 + i / 251 + t * 7);
        }
        write_whole(path, f->data[t], tensor_sizes[t], "ab");
    }
}

fixture open_fixture(void) {
    fixture f = {.folder = "/tmp/weightseal-capi-XXXXXX"};
    if (mkdtemp(f.folder) == NULL) {
        fail("mkdtemp");
    }
    snprintf(f.source, sizeof f.source, "%s/model", f.folder);
    snprintf(f.sealed, sizeof f.sealed, "%s/model.wseal", f.folder);
    if (mkdir(f.source, 0700) != 0) {
        fail("mkdir");
    }
    write_model(&f);
    wseal_seal_options options = WSEAL_SEAL_OPTIONS_INIT;
    options.chunk_log2 = 16;
    OK(wseal_key_generate(WSEAL_KEY_SEAL, &f.key, error));
    OK(wseal_seal(f.source, f.sealed, f.key, &options, error));
    OK(wseal_open(f.sealed, f.key, NULL, &f.model, error));
    return f;
}

static int remove_entry(const char* path, const struct stat* status, int type, struct FTW* walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void remove_folder(const char* path) {
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void close_fixture(fixture* f) {
    wseal_model_free(f->model);
    wseal_key_free(f->key);
    for (size_t t = 0; t < tensor_total; ++t) {
        free(f->data[t]);
    }
    remove_folder(f->folder);
}

const char* path_in(const fixture* f, const char* name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    return path;
}

int file_exists(const char* path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

unsigned char* read_whole(const char* path, size_t* size) {
    struct stat status;
    FILE* file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        fail(path);
    }
    *size = (size_t)status.st_size;
    unsigned char* data = malloc(*size + 1);
    if (data == NULL || fread(data, 1, *size, file) != *size) {
        fail(path);
    }
    fclose(file);
    return data;
}

int all_are(const void* memory, size_t size, unsigned char value) {
    const unsigned char* bytes = memory;
    for (size_t i = 0; i < size; ++i) {
        if (bytes[i] != value) {
            return 0;
        }
    }
    return 1;
}

wseal_selection whole(size_t tensor) {
    const wseal_selection selection = {tensor, NULL, 0};
    return selection;
}

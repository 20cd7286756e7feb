/* Opens a container, loads every tensor into one buffer, reads one slice, and says how fast that went.
 *
 *     cc example.c $(pkg-config --cflags --libs weightseal) -o example
 *     ./example model.wseal file:model.key
 */
#define _POSIX_C_SOURCE 199309L

#include <weightseal.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int fail(const char* what, wseal_status status, const wseal_error* error) {
    fprintf(stderr, "%s: %s: %s\n", what, wseal_status_name(status), error->message);
    return EXIT_FAILURE;
}

/* Where an engine would start the copy to its device. Called from any worker; each call has its own flag. */
static void on_tensor(void* context, size_t selection, const void* data, size_t size) {
    unsigned char* arrived = context;
    (void)data;
    (void)size;
    arrived[selection] = 1;
}

static void print_tensor(const wseal_tensor_info* info) {
    printf("  %-6s [", wseal_dtype_name(info->dtype));
    for (uint32_t i = 0; i < info->rank; ++i) {
        printf("%s%" PRIu64, i == 0 ? "" : ", ", info->shape[i]);
    }
    printf("] %s\n", info->name);
}

/* The first row of the first tensor that has rows. */
static wseal_status read_row(const wseal_model* model, size_t count, wseal_error* error) {
    for (size_t i = 0; i < count; ++i) {
        wseal_tensor_info info = WSEAL_TENSOR_INFO_INIT;
        wseal_status status = wseal_tensor_at(model, i, &info, error);
        if (status != WSEAL_OK) {
            return status;
        }
        if (info.rank < 2 || info.shape[0] == 0) {
            continue;
        }
        const wseal_range row = {0, 1};
        const wseal_selection selection = {i, &row, 1};
        wseal_buffer* buffer = NULL;
        status = wseal_read(model, &selection, NULL, &buffer, error);
        if (status == WSEAL_OK) {
            printf("row 0 of %s: %zu bytes\n", info.name, wseal_buffer_size(buffer));
            wseal_buffer_free(buffer);
        }
        return status;
    }
    return WSEAL_OK;
}

static int load(const wseal_model* model) {
    wseal_error error;
    size_t count = 0;
    wseal_status status = wseal_tensor_count(model, &count, &error);
    if (status != WSEAL_OK) {
        return fail("count", status, &error);
    }
    for (size_t i = 0; i < count && i < 3; ++i) {
        wseal_tensor_info info = WSEAL_TENSOR_INFO_INIT;
        status = wseal_tensor_at(model, i, &info, &error);
        if (status != WSEAL_OK) {
            return fail("describe", status, &error);
        }
        print_tensor(&info);
    }

    uint64_t* offsets = calloc(count + 1, sizeof *offsets);
    unsigned char* arrived = calloc(count + 1, 1);
    if (offsets == NULL || arrived == NULL) {
        free(offsets);
        free(arrived);
        fprintf(stderr, "out of memory\n");
        return EXIT_FAILURE;
    }
    wseal_hooks hooks = WSEAL_HOOKS_INIT;
    hooks.context = arrived;
    hooks.on_tensor = on_tensor;
    wseal_read_options options = WSEAL_READ_OPTIONS_INIT;
    options.hooks = &hooks;
    wseal_buffer* buffer = NULL;
    const double start = seconds();
    status = wseal_load(model, NULL, count, &options, &buffer, offsets, &error);
    const double elapsed = seconds() - start;
    size_t seen = 0;
    for (size_t i = 0; i < count; ++i) {
        seen += arrived[i];
    }
    free(offsets);
    free(arrived);
    if (status != WSEAL_OK) {
        return fail("load", status, &error);
    }
    const double megabytes = (double)wseal_buffer_size(buffer) / 1e6;
    printf("loaded %zu of %zu tensors, %.1f MB in %.1f ms: %.0f MB/s\n", seen, count, megabytes, elapsed * 1e3,
           megabytes / elapsed);
    wseal_buffer_free(buffer);

    status = read_row(model, count, &error);
    return status == WSEAL_OK ? EXIT_SUCCESS : fail("read a row", status, &error);
}

int main(int argc, char** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s CONTAINER KEY_SOURCE\n", argv[0]);
        return 2;
    }
    if (wseal_abi_version() != WSEAL_ABI_VERSION) {
        fprintf(stderr, "this program was compiled for another libweightseal\n");
        return EXIT_FAILURE;
    }
    wseal_error error;
    wseal_key* key = NULL;
    wseal_status status = wseal_key_from_source(argv[2], &key, &error);
    if (status != WSEAL_OK) {
        return fail(argv[2], status, &error);
    }
    wseal_model* model = NULL;
    const double start = seconds();
    status = wseal_open(argv[1], key, NULL, &model, &error);
    wseal_key_free(key);
    if (status != WSEAL_OK) {
        return fail(argv[1], status, &error);
    }
    printf("opened %s in %.1f ms\n", argv[1], (seconds() - start) * 1e3);
    const int result = load(model);
    wseal_model_free(model);
    return result;
}

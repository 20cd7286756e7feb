/* What the tests of the C ABI share: checks, and a small model that is sealed and open. Plain C11. */
#ifndef WEIGHTSEAL_TEST_H
#define WEIGHTSEAL_TEST_H

#include <weightseal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int failures;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            ++failures;                                                                                                \
        }                                                                                                              \
    } while (0)

/* The call ends with this status, and with a message unless it is WSEAL_OK. The call's last argument is
 * `error`. */
#define EXPECT(wanted, call)                                                                                           \
    do {                                                                                                               \
        wseal_error expect_error = {""};                                                                               \
        wseal_error* const error = &expect_error;                                                                      \
        const wseal_status got = (call);                                                                               \
        if (got != (wanted) || (got != WSEAL_OK) != (expect_error.message[0] != '\0')) {                               \
            fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call, wseal_status_name(got),                  \
                    expect_error.message);                                                                             \
            ++failures;                                                                                                \
        }                                                                                                              \
    } while (0)
#define OK(call) EXPECT(WSEAL_OK, call)

/* Sizes that no version of this library had are refused. */
#define REFUSED_SIZES(object, call)                                                                                    \
    do {                                                                                                               \
        static const size_t sizes[] = {0, 1, sizeof(size_t) - 1, sizeof(object) + 1, (size_t)-1};                      \
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {                                                  \
            (object).struct_size = sizes[i];                                                                           \
            EXPECT(WSEAL_INVALID_ARGUMENT, call);                                                                      \
        }                                                                                                              \
    } while (0)

/* A folder with config.json and model.safetensors, sealed with chunks of 64 KiB, and open. The tensors:
 * "bytes" U8 [100000], "matrix" BF16 [600, 400], "none" F32 [0, 3], "scalar" F32 []. */
enum { tensor_bytes, tensor_matrix, tensor_none, tensor_scalar, tensor_total };
extern const size_t tensor_sizes[tensor_total];

typedef struct fixture {
    char folder[64]; /* temporary; removed by close_fixture */
    char source[96]; /* the model's folder */
    char sealed[96];
    wseal_key* key;
    wseal_model* model;
    unsigned char* data[tensor_total]; /* what the tensors hold */
} fixture;

fixture open_fixture(void);
void close_fixture(fixture* f);

/* folder/name in a static buffer that the next call reuses. */
const char* path_in(const fixture* f, const char* name);
int file_exists(const char* path);
/* Appends to a file in mode "ab". A failure ends the program, as of all helpers. */
void write_whole(const char* path, const void* data, size_t size, const char* mode);
void remove_folder(const char* path);
/* The whole file in memory of malloc. */
unsigned char* read_whole(const char* path, size_t* size);
int all_are(const void* memory, size_t size, unsigned char value);
wseal_selection whole(size_t tensor);

void test_versions(void);
void test_keys(void);
void test_sealing(void);
void test_opening(void);
void test_listing(void);
void test_reading(void);
void test_failures(void);
void test_plans(void);
void test_hooks(void);
void test_structs(void);
void test_two_models(void);
void test_marking(void);
void test_marking_refusals(void);
void test_records(void);
void test_detecting(void);
void test_tensors(void);
void test_watermark_structs(void);
void test_guard(void);
void test_guard_log(void);
void test_guard_shared(void);
void test_storage(void);

#endif

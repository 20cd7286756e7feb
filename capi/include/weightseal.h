/* weightseal: protects AI model weights. The C ABI.
 *
 * Conventions (capi/README.md has them at length):
 *  - Every call that can fail returns a wseal_status; 0 is success. The numbers are pinned.
 *  - The last parameter of such a call is an optional wseal_error that receives a message.
 *  - Order of parameters: the handle, inputs, outputs, error. Outputs are written on success only, data buffers
 *    excepted: on failure they are zeroed.
 *  - Handles are released by their _free function, which accepts NULL. "own" marks what the caller must release.
 *  - Strings are UTF-8 with a terminator. Strings and arrays that a handle returns live as long as the handle.
 *  - Option structs start with struct_size; WSEAL_..._INIT fills them. NULL options mean the defaults.
 *  - Enumerations are passed as integers of fixed width, so that an unknown number is refused, not undefined.
 *  - Handles may be used from many threads at once, except while one is being freed.
 */
#ifndef WEIGHTSEAL_H
#define WEIGHTSEAL_H

#include <stddef.h>
#include <stdint.h>

#define WSEAL_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version -------------------------------------------------------------------------------------------------- */

/** Grows by one with every incompatible change of this header. */
#define WSEAL_ABI_VERSION 1
/** WSEAL_ABI_VERSION of the library that runs. Compare before anything else when loading it dynamically. */
WSEAL_API uint32_t wseal_abi_version(void);
/** "MAJOR.MINOR.PATCH" of the library that runs. */
WSEAL_API const char* wseal_version(void);

/* ---- Errors --------------------------------------------------------------------------------------------------- */

/** What a call came to. Numbers never change; treat unknown ones as failure. */
typedef enum wseal_status {
    WSEAL_OK = 0,
    WSEAL_INVALID_ARGUMENT = 1,
    WSEAL_OUT_OF_MEMORY = 2,
    WSEAL_CANCELLED = 3,
    WSEAL_UNSUPPORTED = 4,
    WSEAL_INTERNAL = 5,
    WSEAL_CALLBACK_FAILED = 6,
    WSEAL_IO_FAILED = 10,
    WSEAL_FILE_NOT_FOUND = 11,
    WSEAL_FILE_EXISTS = 12,
    WSEAL_NO_SPACE = 13,
    WSEAL_SOURCE_CHANGED = 14,
    WSEAL_UNSUPPORTED_FILE = 15,
    WSEAL_WRONG_KEY = 20,
    WSEAL_KEY_FORMAT = 21,
    WSEAL_KEY_CHECKSUM = 22,
    WSEAL_KEY_KIND = 23,
    WSEAL_KEY_SOURCE_FAILED = 24,
    WSEAL_KEYS_DROPPED = 25,
    WSEAL_NOT_SEALED = 30,
    WSEAL_PLAINTEXT_MODEL = 31,
    WSEAL_TRUNCATED = 32,
    WSEAL_TRAILING_BYTES = 33,
    WSEAL_UNKNOWN_VERSION = 34,
    WSEAL_UNKNOWN_SUITE = 35,
    WSEAL_CORRUPT_PRELUDE = 36,
    WSEAL_BAD_PRELUDE = 37,
    WSEAL_CORRUPT_SLOTS = 38,
    WSEAL_CORRUPT_INDEX = 39,
    WSEAL_BAD_INDEX = 40,
    WSEAL_CORRUPT_DATA = 41,
    WSEAL_CORRUPT_GAP = 42,
    WSEAL_DAMAGED_SLOT_BLOCK = 43,
    WSEAL_CORRUPT_LEAF_TABLE = 44,
    WSEAL_UNSAFE_NAME = 45,
    WSEAL_DUPLICATE_NAME = 46,
    WSEAL_NO_SUCH_TENSOR = 47,
    WSEAL_NO_SUCH_FILE_ENTRY = 48,
    WSEAL_SLICE_OUT_OF_RANGE = 49,
    WSEAL_MISALIGNED_SLICE = 50,
    WSEAL_DESTINATION_SIZE = 51,
    WSEAL_TOO_LARGE = 52,
    WSEAL_HEADER_TRUNCATED = 60,
    WSEAL_HEADER_TOO_LONG = 61,
    WSEAL_HEADER_NOT_JSON = 62,
    WSEAL_HEADER_MALFORMED = 63,
    WSEAL_DUPLICATE_TENSOR = 64,
    WSEAL_TENSOR_HOLE = 65,
    WSEAL_TENSOR_OVERLAP = 66,
    WSEAL_TENSOR_OUT_OF_BOUNDS = 67,
    WSEAL_SHAPE_OVERFLOW = 68,
    WSEAL_UNKNOWN_DTYPE = 69,
    WSEAL_TENSOR_SIZE_MISMATCH = 70,
    WSEAL_DATA_TRAILING_BYTES = 71,
    WSEAL_MISALIGNED_TENSOR = 72,
    WSEAL_SHARD_INDEX_NOT_JSON = 80,
    WSEAL_SHARD_INDEX_MALFORMED = 81,
    WSEAL_UNSAFE_SHARD_NAME = 82,
    WSEAL_MISSING_SHARD = 83,
    WSEAL_WRONG_SHARD = 84,
    WSEAL_MISSING_TENSOR = 85,
    WSEAL_NO_MODEL = 86,
    WSEAL_BAD_STRENGTH = 90,
    WSEAL_NOTHING_TO_MARK = 91,
    WSEAL_UNMARKABLE_DTYPE = 92,
    WSEAL_ALREADY_MARKED = 93,
    WSEAL_KEY_MISMATCH = 94,
    WSEAL_ORIGINAL_MISMATCH = 95,
    WSEAL_NO_COMMON_TENSOR = 96,
    WSEAL_RECORD_NOT_JSON = 97,
    WSEAL_RECORD_MALFORMED = 98,
    WSEAL_RECORD_VERSION = 99,
    WSEAL_RECORD_ALTERED = 100,
    WSEAL_RECORD_UNSIGNED = 101,
    WSEAL_RECORD_SIGNATURE = 102,
    WSEAL_TIMESTAMP_MALFORMED = 103,
    WSEAL_TIMESTAMP_MISMATCH = 104,
    WSEAL_TIMESTAMP_UNTRUSTED = 105,
    WSEAL_LIMITS_NOT_JSON = 110,
    WSEAL_UNKNOWN_LIMITS_FIELD = 111,
    WSEAL_MISSING_LIMITS_FIELD = 112,
    WSEAL_DUPLICATE_LIMITS_FIELD = 113,
    WSEAL_LIMITS_FIELD_TYPE = 114,
    WSEAL_LIMITS_OUT_OF_RANGE = 115,
    WSEAL_UNKNOWN_LIMITS_VALUE = 116,
    WSEAL_DUPLICATE_LIMIT = 117,
    WSEAL_LIMITS_CHANGE_PENDING = 118,
    WSEAL_BAD_ADDRESS = 119,
    WSEAL_NOT_A_GUARD_LOG = 120,
    WSEAL_GUARD_LOG_CHANGED = 121,
    WSEAL_NOT_A_TRAFFIC_LOG = 122,
    WSEAL_BAD_SERVER_URL = 123,
    WSEAL_SERVER_UNREACHABLE = 124,
    WSEAL_SERVER_REFUSED = 125,
    WSEAL_SERVER_ANSWER = 126,
    WSEAL_NOT_A_SHARED_TABLE = 127,
    WSEAL_SHARED_TABLE_DIFFERS = 128,
    WSEAL_POLICY_NOT_JSON = 130,
    WSEAL_POLICY_TOO_LARGE = 131,
    WSEAL_DUPLICATE_POLICY_FIELD = 132,
    WSEAL_UNKNOWN_POLICY_FIELD = 133,
    WSEAL_MISSING_POLICY_FIELD = 134,
    WSEAL_POLICY_FIELD_TYPE = 135,
    WSEAL_BAD_POLICY_VALUE = 136,
    WSEAL_NOT_A_POLICY = 137,
    WSEAL_BAD_BUCKET = 138,
    WSEAL_BAD_PREFIX = 139,
    WSEAL_BAD_PRINCIPAL = 140,
    WSEAL_BAD_UNIQUE_ID = 141,
    WSEAL_BAD_ACCOUNT = 142,
    WSEAL_BAD_REGION = 143,
    WSEAL_BAD_ENDPOINT = 144,
    WSEAL_BAD_STORAGE_KEY = 145,
    WSEAL_NO_READER = 146,
    WSEAL_DUPLICATE_PRINCIPAL = 147,
    WSEAL_UNKNOWN_FINDING = 148
} wseal_status;

/** A message for people: what was being read, what is wrong, where. Owned by the caller; never holds key material. */
typedef struct wseal_error {
    char message[512];
} wseal_error;

/** The identifier of a status, for example "wrong_key"; "unknown" for a number this library does not know. */
WSEAL_API const char* wseal_status_name(uint32_t status);

/* ---- Hooks ---------------------------------------------------------------------------------------------------- */

/** What the parallel_for hook runs: once for each index in [0, count). */
typedef void (*wseal_parallel_body)(void* body_context, size_t index);

/** The caller's side of long work. Every member may be NULL. Any worker may call them, several at once, with no lock
 *  held; none may throw or longjmp. `context` is passed back as it is. */
typedef struct wseal_hooks {
    size_t struct_size;
    void* context;
    /** Memory for buffers, aligned to at least `alignment`; NULL when there is none. Both or neither. */
    void* (*alloc)(void* context, size_t size, size_t alignment);
    void (*free)(void* context, void* data, size_t size);
    /** Runs body(body_context, i) for each i in [0, count) on the engine's pool and returns when all returned. */
    void (*parallel_for)(void* context, size_t count, wseal_parallel_body body, void* body_context);
    /** Selection number `selection` of the call is authenticated and complete at `data`: start the device copy. */
    void (*on_tensor)(void* context, size_t selection, const void* data, size_t size);
    /** Bytes done and in all. */
    void (*progress)(void* context, uint64_t done, uint64_t total);
    /** Non-zero ends the work with WSEAL_CANCELLED. */
    int (*cancelled)(void* context);
    /** A warning, for example a damaged slot block. */
    void (*log)(void* context, const char* message);
} wseal_hooks;
#define WSEAL_HOOKS_INIT                                                                                               \
    { sizeof(wseal_hooks), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL }

/* ---- Keys ----------------------------------------------------------------------------------------------------- */

/** A key in guarded memory. */
typedef struct wseal_key wseal_key;

typedef enum wseal_key_kind {
    WSEAL_KEY_SEAL = 1,
    WSEAL_KEY_RECIPIENT = 2,
    WSEAL_KEY_SIGNING = 3,
    WSEAL_KEY_WATERMARK = 4
} wseal_key_kind;

/** Bytes of a raw key. */
#define WSEAL_KEY_BYTES 32
/** Room that the text form of any key needs, with its terminator. */
#define WSEAL_KEY_TEXT_SIZE 80

/** A fresh random key. Kinds: WSEAL_KEY_SEAL, WSEAL_KEY_WATERMARK, WSEAL_KEY_SIGNING; others are unsupported. */
WSEAL_API wseal_status wseal_key_generate(uint32_t kind, wseal_key** own_key, wseal_error* error);
/** A key from its text form; comments and blank lines are skipped. The caller wipes its text. */
WSEAL_API wseal_status wseal_key_parse(const char* text, wseal_key** own_key, wseal_error* error);
/** A key from 32 raw bytes, for example of a key service. The caller wipes its bytes. */
WSEAL_API wseal_status wseal_key_from_bytes(uint32_t kind, const uint8_t bytes[WSEAL_KEY_BYTES], wseal_key** own_key,
                                            wseal_error* error);
/** A key from "file:PATH", "env:NAME", "fd:N", "cmd:COMMAND" or "-". */
WSEAL_API wseal_status wseal_key_from_source(const char* source, wseal_key** own_key, wseal_error* error);
/** Writes the text form with its terminator into `text`, which holds WSEAL_KEY_TEXT_SIZE bytes. Wipe it after use. */
WSEAL_API wseal_status wseal_key_format(const wseal_key* key, char* text, size_t text_size, wseal_error* error);
/** Wipes and releases. */
WSEAL_API void wseal_key_free(wseal_key* own_key);

/* ---- Element types -------------------------------------------------------------------------------------------- */

/** Element types; the numbers are those of FORMAT.md. */
typedef enum wseal_dtype {
    WSEAL_BOOL = 1,
    WSEAL_F4 = 2,
    WSEAL_F6_E2M3 = 3,
    WSEAL_F6_E3M2 = 4,
    WSEAL_U8 = 5,
    WSEAL_I8 = 6,
    WSEAL_F8_E5M2 = 7,
    WSEAL_F8_E4M3 = 8,
    WSEAL_F8_E8M0 = 9,
    WSEAL_F8_E4M3FNUZ = 10,
    WSEAL_F8_E5M2FNUZ = 11,
    WSEAL_I16 = 12,
    WSEAL_U16 = 13,
    WSEAL_F16 = 14,
    WSEAL_BF16 = 15,
    WSEAL_I32 = 16,
    WSEAL_U32 = 17,
    WSEAL_F32 = 18,
    WSEAL_C64 = 19,
    WSEAL_F64 = 20,
    WSEAL_I64 = 21,
    WSEAL_U64 = 22
} wseal_dtype;

/** The name safetensors uses, for example "BF16"; NULL for an unknown number. */
WSEAL_API const char* wseal_dtype_name(uint32_t dtype);
/** Bits per element; 0 for an unknown number. */
WSEAL_API uint32_t wseal_dtype_bits(uint32_t dtype);

/* ---- Buffers -------------------------------------------------------------------------------------------------- */

/** Bytes that a call returns. Independent of the handle they came from. */
typedef struct wseal_buffer wseal_buffer;
WSEAL_API void* wseal_buffer_data(wseal_buffer* buffer);
WSEAL_API size_t wseal_buffer_size(const wseal_buffer* buffer);
WSEAL_API void wseal_buffer_free(wseal_buffer* own_buffer);

#ifdef __cplusplus
}
#endif

#include "weightseal_container.h"
#include "weightseal_guard.h"
#include "weightseal_guard_log.h"
#include "weightseal_guard_shared.h"
#include "weightseal_storage.h"
#include "weightseal_watermark.h"

#endif

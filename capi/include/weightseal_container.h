/* weightseal: sealed containers. Part of weightseal.h, which has the conventions and includes this. */
#ifndef WEIGHTSEAL_CONTAINER_H
#define WEIGHTSEAL_CONTAINER_H

#ifndef WEIGHTSEAL_H
#error "include weightseal.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Sealing -------------------------------------------------------------------------------------------------- */

typedef enum wseal_suite { WSEAL_AES_256_GCM = 1, WSEAL_CHACHA20_POLY1305 = 2 } wseal_suite;

typedef struct wseal_seal_options {
    size_t struct_size;
    uint32_t suite;           /**< a wseal_suite; 0: WSEAL_AES_256_GCM */
    uint32_t chunk_log2;      /**< chunk size as a power of two, 16 ... 22; 0: 18 */
    uint32_t threads;         /**< 0: one for each processor */
    int overwrite;            /**< non-zero: replace an existing output once the new one is complete */
    const wseal_hooks* hooks; /**< parallel_for, progress, cancelled; or NULL */
} wseal_seal_options;
#define WSEAL_SEAL_OPTIONS_INIT                                                                                        \
    { sizeof(wseal_seal_options), 0, 0, 0, 0, NULL }

/** Seals a .safetensors file or a model folder into a container at `output`, which appears complete or not at all. */
WSEAL_API wseal_status wseal_seal(const char* model, const char* output, const wseal_key* key,
                                  const wseal_seal_options* options, wseal_error* error);

/* ---- Public facts --------------------------------------------------------------------------------------------- */

/** What a container tells without a key. */
typedef struct wseal_facts {
    size_t struct_size; /**< set by the caller */
    uint32_t suite;     /**< a wseal_suite */
    int is_signed;
    uint64_t chunk_size, file_size, body_size, index_size; /**< bytes */
    uint32_t slot_count;                                   /**< of the newest intact slot block */
    uint64_t generation;                                   /**< of the newest intact slot block */
    int slot_block_a_intact, slot_block_b_intact;
} wseal_facts;
#define WSEAL_FACTS_INIT                                                                                               \
    { sizeof(wseal_facts), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** Reads the public facts of a file or remote object; none of them is authenticated. `location` as in wseal_open. */
WSEAL_API wseal_status wseal_inspect(const char* location, wseal_facts* facts, wseal_error* error);

/* ---- Opening -------------------------------------------------------------------------------------------------- */

/** An open container. Reads may go on from many threads at once. After fork, both processes may use it, provided
 *  that no call was in progress; the child has the keys, too. */
typedef struct wseal_model wseal_model;

/** Fills `size` bytes at `data` from `offset`; 0 on success. Called from many threads at once. */
typedef int (*wseal_read_at)(void* context, uint64_t offset, void* data, size_t size);

/** `hooks` may be NULL; its log is used. A plaintext model is refused, never opened.
 *  @param location  a path; "s3://bucket/key", with region, endpoint and credentials from where AWS's tools find them;
 *                   or "https://host/path" (authorities: SSL_CERT_FILE). Remote objects are read by ranges ahead of
 *                   their readers, pinned to the ETag seen first, in 64 MiB, by a thread of their own. */
WSEAL_API wseal_status wseal_open(const char* location, const wseal_key* key, const wseal_hooks* hooks,
                                  wseal_model** own_model, wseal_error* error);
/** From memory, which must stay until the model is freed. */
WSEAL_API wseal_status wseal_open_memory(const void* data, size_t size, const wseal_key* key, const wseal_hooks* hooks,
                                         wseal_model** own_model, wseal_error* error);
/** From a source of the caller's: `size` bytes, read by `read_at`. */
WSEAL_API wseal_status wseal_open_callback(uint64_t size, wseal_read_at read_at, void* context, const wseal_key* key,
                                           const wseal_hooks* hooks, wseal_model** own_model, wseal_error* error);
/** Releases the handle and wipes its keys. Buffers stay. No call on it may be in progress. */
WSEAL_API void wseal_model_free(wseal_model* own_model);
/** Wipes the keys: from now on the model only lists, and reads fail with WSEAL_KEYS_DROPPED. */
WSEAL_API wseal_status wseal_model_drop_keys(wseal_model* model, wseal_error* error);
WSEAL_API wseal_status wseal_model_facts(const wseal_model* model, wseal_facts* facts, wseal_error* error);
/** 'A' or 'B' when a slot block is damaged or stale, else 0. */
WSEAL_API wseal_status wseal_model_damaged_slot_block(const wseal_model* model, char* block, wseal_error* error);
/** Non-zero when the container was sealed from a folder. */
WSEAL_API wseal_status wseal_model_is_folder(const wseal_model* model, int* is_folder, wseal_error* error);

/* ---- Listing -------------------------------------------------------------------------------------------------- */

typedef struct wseal_tensor_info {
    size_t struct_size; /**< set by the caller */
    const char* name;   /**< with terminator; lives as long as the model */
    size_t name_size;   /**< bytes without the terminator */
    uint32_t dtype;     /**< a wseal_dtype */
    uint32_t rank;
    const uint64_t* shape; /**< `rank` elements, outermost first; lives as long as the model */
    uint64_t bytes;        /**< of the contiguous row-major data */
    size_t alias_of;       /**< the tensor whose data this one shares (tied weights); its own number if none */
} wseal_tensor_info;
#define WSEAL_TENSOR_INFO_INIT                                                                                         \
    { sizeof(wseal_tensor_info), NULL, 0, 0, 0, NULL, 0, 0 }

/** Tensors are numbered in the order of the file. */
WSEAL_API wseal_status wseal_tensor_count(const wseal_model* model, size_t* count, wseal_error* error);
WSEAL_API wseal_status wseal_tensor_at(const wseal_model* model, size_t tensor, wseal_tensor_info* info,
                                       wseal_error* error);
WSEAL_API wseal_status wseal_tensor_find(const wseal_model* model, const char* name, size_t* tensor,
                                         wseal_error* error);
/** All names in order, each with its terminator, in one block: for bindings that list a hundred thousand. */
WSEAL_API wseal_status wseal_tensor_names(const wseal_model* model, const char** names, size_t* size,
                                          wseal_error* error);

/** Files sealed beside the tensors (config.json, tokenizer), and the headers of safetensors files. */
typedef struct wseal_file_info {
    size_t struct_size; /**< set by the caller */
    const char* name;   /**< a relative path, safe to join to a folder; lives as long as the model */
    size_t name_size;   /**< bytes without the terminator */
    uint64_t bytes;
    uint32_t is_safetensors_head;
    uint32_t reserved; /**< 0 */
} wseal_file_info;
#define WSEAL_FILE_INFO_INIT                                                                                           \
    { sizeof(wseal_file_info), NULL, 0, 0, 0, 0 }

WSEAL_API wseal_status wseal_file_count(const wseal_model* model, size_t* count, wseal_error* error);
WSEAL_API wseal_status wseal_file_at(const wseal_model* model, size_t file, wseal_file_info* info, wseal_error* error);
WSEAL_API wseal_status wseal_file_find(const wseal_model* model, const char* name, size_t* file, wseal_error* error);

/* ---- Reading -------------------------------------------------------------------------------------------------- */

/** A half-open range of elements along one dimension. */
typedef struct wseal_range {
    uint64_t begin, end;
} wseal_range;

/** What to read: a tensor, or a slice of it by one range for each leading dimension; ranges_count 0 is all of it. */
typedef struct wseal_selection {
    size_t tensor;
    const wseal_range* ranges;
    size_t ranges_count;
} wseal_selection;

typedef struct wseal_read_options {
    size_t struct_size;
    uint32_t threads;         /**< 0: one for each processor */
    int staged;               /**< non-zero: decrypt in scratch, verify, copy; for memory others can see */
    size_t alignment;         /**< of buffers we make, a power of two up to 2 MiB; 0: 64 */
    int no_huge_pages;        /**< non-zero: do not ask for huge pages */
    int wipe_on_free;         /**< non-zero: buffers are overwritten with zeros when freed */
    const wseal_hooks* hooks; /**< or NULL */
} wseal_read_options;
#define WSEAL_READ_OPTIONS_INIT                                                                                        \
    { sizeof(wseal_read_options), 0, 0, 0, 0, 0, NULL }

/** Bytes a selection decrypts to. */
WSEAL_API wseal_status wseal_selection_bytes(const wseal_model* model, const wseal_selection* selection,
                                             uint64_t* bytes, wseal_error* error);
/** One selection into a buffer of ours or of the hooks' allocator. Only the chunks it touches are read. */
WSEAL_API wseal_status wseal_read(const wseal_model* model, const wseal_selection* selection,
                                  const wseal_read_options* options, wseal_buffer** own_buffer, wseal_error* error);
/** Many selections into memory of the caller: destinations[i] has sizes[i] bytes, exactly what selection i needs.
 *  On failure all destinations are zeroed. */
WSEAL_API wseal_status wseal_read_into(const wseal_model* model, const wseal_selection* selections, size_t count,
                                       void* const* destinations, const size_t* sizes,
                                       const wseal_read_options* options, wseal_error* error);
/** Many selections into one buffer, in the order of the file; offsets[i] receives where selection i starts.
 *  NULL selections with count = wseal_tensor_count mean every tensor. */
WSEAL_API wseal_status wseal_load(const wseal_model* model, const wseal_selection* selections, size_t count,
                                  const wseal_read_options* options, wseal_buffer** own_buffer, uint64_t* offsets,
                                  wseal_error* error);
/** A file entry. */
WSEAL_API wseal_status wseal_read_file(const wseal_model* model, size_t file, const wseal_read_options* options,
                                       wseal_buffer** own_buffer, wseal_error* error);

/* ---- Reading by the engine's own I/O -------------------------------------------------------------------------- */

/** What to fetch for some selections. Used together with the model it was made from. */
typedef struct wseal_plan wseal_plan;

typedef struct wseal_plan_item {
    size_t struct_size;   /**< set by the caller */
    uint64_t file_offset; /**< fetch [file_offset, file_offset + length) of the container */
    uint64_t length;
    size_t selection; /**< position in the list the plan was made from */
    uint64_t first_chunk, chunks;
} wseal_plan_item;
#define WSEAL_PLAN_ITEM_INIT                                                                                           \
    { sizeof(wseal_plan_item), 0, 0, 0, 0, 0 }

/** `max_item`: bytes of one item at most, rounded up to a chunk; 0: 4 MiB. Selections are copied. */
WSEAL_API wseal_status wseal_plan_new(const wseal_model* model, const wseal_selection* selections, size_t count,
                                      uint64_t max_item, wseal_plan** own_plan, wseal_error* error);
WSEAL_API size_t wseal_plan_count(const wseal_plan* plan);
WSEAL_API wseal_status wseal_plan_at(const wseal_plan* plan, size_t item, wseal_plan_item* out, wseal_error* error);
WSEAL_API void wseal_plan_free(wseal_plan* own_plan);
/** Decrypts the fetched bytes of one item into `destination`, the memory of its whole selection; only the item's part
 *  is written, and zeroed on failure. `fetched` and `destination` may be the same when a whole tensor is one item.
 *  Different items may go on at once. Of the options, `staged` counts. */
WSEAL_API wseal_status wseal_plan_decrypt(const wseal_model* model, const wseal_plan* plan, size_t item,
                                          const void* fetched, size_t fetched_size, void* destination,
                                          size_t destination_size, const wseal_read_options* options,
                                          wseal_error* error);

/* ---- Verifying and unsealing ---------------------------------------------------------------------------------- */

/** Authenticates every byte of the container. */
WSEAL_API wseal_status wseal_verify(const wseal_model* model, const wseal_read_options* options, wseal_error* error);

typedef struct wseal_unseal_options {
    size_t struct_size;
    uint32_t threads;         /**< 0: one for each processor */
    int overwrite;            /**< non-zero: replace an existing output */
    const wseal_hooks* hooks; /**< parallel_for, progress, cancelled; or NULL */
} wseal_unseal_options;
#define WSEAL_UNSEAL_OPTIONS_INIT                                                                                      \
    { sizeof(wseal_unseal_options), 0, 0, NULL }

/** WARNING: writes plaintext weights to disk, byte for byte as they were sealed. A file, or a folder if the container
 *  was sealed from one; complete, or not at all. A process that is killed while it writes a folder may leave
 *  ".NAME.<16 hex digits>.tmp" with plaintext beside it. */
WSEAL_API wseal_status wseal_unseal(const wseal_model* model, const char* output, const wseal_unseal_options* options,
                                    wseal_error* error);

#ifdef __cplusplus
}
#endif

#endif

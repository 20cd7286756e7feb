/* weightseal: the watermark. Part of weightseal.h, which has the conventions and includes this. WATERMARK.md says what
 * the numbers mean. */
#ifndef WEIGHTSEAL_WATERMARK_H
#define WEIGHTSEAL_WATERMARK_H

#ifndef WEIGHTSEAL_H
#error "include weightseal.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a SHA-256. */
#define WSEAL_DIGEST_BYTES 32

/* ---- Statistics ----------------------------------------------------------------------------------------------- */

/** The registered statistics. */
typedef enum wseal_statistic {
    WSEAL_BLIND_WHITE = 0,
    WSEAL_BLIND_SIGN = 1,
    WSEAL_ALIGNED_WHITE = 2,
    WSEAL_ALIGNED_SIGN = 3,
    WSEAL_INFORMED_WHITE = 4,
    WSEAL_INFORMED_SIGN = 5
} wseal_statistic;
#define WSEAL_STATISTIC_COUNT 6

/** S = sum of x*f and Q = sum of f*f over chips x and features f. Those of several tensors are added up. */
typedef struct wseal_correlation {
    int64_t s;
    uint64_t q;
} wseal_correlation;

/** What correlations say against chance. */
typedef struct wseal_significance {
    double z;                 /**< the largest S/sqrt(Q) of those that were run; 0 when none was */
    double log10_p;           /**< of 6*exp(-z*z/2), at least 2^-128 and at most 1 */
    double log10_p_2_64_keys; /**< the same for a claimant who could have tried 2^64 keys */
} wseal_significance;

/** "blind_white" ...; NULL for an unknown number. */
WSEAL_API const char* wseal_statistic_name(uint32_t statistic);
/** `run` has bit i set where correlations[i] counts: of WSEAL_STATISTIC_COUNT, indexed by wseal_statistic. */
WSEAL_API wseal_status wseal_significance_of(const wseal_correlation* correlations, uint32_t run,
                                             wseal_significance* significance, wseal_error* error);

/* ---- Records -------------------------------------------------------------------------------------------------- */

/** What a marking commits to, and what detecting needs beside the key. Never changes. */
typedef struct wseal_record wseal_record;

typedef struct wseal_record_info {
    size_t struct_size;                /**< set by the caller */
    const char* owner;                 /**< with terminator; lives as long as the record */
    const char* model_id;              /**< likewise */
    uint8_t root[WSEAL_DIGEST_BYTES];  /**< of the unmarked original */
    uint8_t scope[WSEAL_DIGEST_BYTES]; /**< what was chosen of it: for wseal_mark_identity */
    double strength;
    uint64_t tensors, marked_elements;
    const char* signer; /**< public key in text form, whose signature is valid; NULL when the record is not signed */
    int has_timestamp;  /**< not verified */
} wseal_record_info;
#define WSEAL_RECORD_INFO_INIT                                                                                         \
    { sizeof(wseal_record_info), NULL, NULL, {0}, {0}, 0, 0, 0, NULL, 0 }

/** Reads a record, which is untrusted: its digest, its root and its signature, if it has one, are checked. */
WSEAL_API wseal_status wseal_record_load(const char* path, wseal_record** own_record, wseal_error* error);
/** The same from `size` bytes of JSON. */
WSEAL_API wseal_status wseal_record_parse(const char* json, size_t size, wseal_record** own_record, wseal_error* error);
/** Writes the JSON text, complete or not at all; a non-zero `overwrite` replaces an existing file. */
WSEAL_API wseal_status wseal_record_save(const wseal_record* record, const char* path, int overwrite,
                                         wseal_error* error);
/** The JSON text: UTF-8 without a terminator. */
WSEAL_API wseal_status wseal_record_json(const wseal_record* record, wseal_buffer** own_json, wseal_error* error);
WSEAL_API wseal_status wseal_record_get_info(const wseal_record* record, wseal_record_info* info, wseal_error* error);
/** Refuses a record that is not signed, or not by `signer`, a public key in text form; NULL means any. */
WSEAL_API wseal_status wseal_record_require_signature(const wseal_record* record, const char* signer,
                                                      wseal_error* error);
/** Verifies the record's RFC 3161 time-stamp up to one of the certificates in a PEM file. `seconds` are since
 *  1970-01-01T00:00:00Z; `own_authority` receives who stamped: UTF-8 without a terminator. */
WSEAL_API wseal_status wseal_record_verify_timestamp(const wseal_record* record, const char* authorities,
                                                     int64_t* seconds, wseal_buffer** own_authority,
                                                     wseal_error* error);
WSEAL_API void wseal_record_free(wseal_record* own_record);

/* ---- Marking -------------------------------------------------------------------------------------------------- */

typedef struct wseal_mark_options {
    size_t struct_size;
    const char* model_id;         /**< NULL: the name of the model's file, without extension, or folder */
    double strength;              /**< 0.0001 ... 0.02; 0: what the size of the model needs */
    const char* const* tensors;   /**< names to mark, `*` and `?` being wildcards */
    size_t tensors_count;         /**< 0: every tensor that can be marked */
    const wseal_key* signing_key; /**< signs the record; or NULL */
    const char* record;           /**< where to save the record, too; or NULL */
    uint32_t threads;             /**< 0: one for each processor */
    int overwrite;                /**< non-zero: replace an existing output and record */
    const wseal_hooks* hooks;     /**< parallel_for, progress, cancelled; or NULL */
} wseal_mark_options;
#define WSEAL_MARK_OPTIONS_INIT                                                                                        \
    { sizeof(wseal_mark_options), NULL, 0, NULL, 0, NULL, NULL, 0, 0, NULL }

typedef struct wseal_mark_report {
    size_t struct_size;                                    /**< set by the caller */
    uint64_t marked_tensors, tied_tensors, copied_tensors; /**< tied: with the data of a marked one */
    uint64_t marked_elements, zeros, nonfinite;            /**< zeros and nonfinite were left as they are */
    double strength;
    double relative_change;   /**< of the marked tensors, by their norms */
    double expected_z;        /**< to expect at least of blind detection on an unchanged copy */
    wseal_significance found; /**< by blind detection on the output */
} wseal_mark_report;
#define WSEAL_MARK_REPORT_INIT                                                                                         \
    {                                                                                                                  \
        sizeof(wseal_mark_report), 0, 0, 0, 0, 0, 0, 0, 0, 0, {                                                        \
            0, 0, 0                                                                                                    \
        }                                                                                                              \
    }

/** Marks a .safetensors file or a model folder into `output`, which appears complete or not at all. Where options name
 *  a record and it cannot be saved, there is no output. WSEAL_ALREADY_MARKED: the record that is there is that
 *  of `model` itself. */
WSEAL_API wseal_status wseal_mark(const char* model, const char* output, const wseal_key* key, const char* owner,
                                  const wseal_mark_options* options, wseal_record** own_record,
                                  wseal_mark_report* report, wseal_error* error);

/* ---- Detecting ------------------------------------------------------------------------------------------------ */

typedef enum wseal_verdict { WSEAL_NOT_DETECTED = 0, WSEAL_DETECTED = 1, WSEAL_NOT_ENOUGH_EVIDENCE = 2 } wseal_verdict;

/** How a suspect's tensor was found. */
typedef enum wseal_matched_by {
    WSEAL_MATCHED_BY_NOTHING = 0,
    WSEAL_MATCHED_BY_NAME = 1,
    WSEAL_MATCHED_BY_NAME_PART = 2,
    WSEAL_MATCHED_BY_SKETCH = 3
} wseal_matched_by;

/** Whose symmetries are undone with the original. */
typedef enum wseal_model_family {
    WSEAL_FAMILY_AUTOMATIC = 0,
    WSEAL_FAMILY_NONE = 1,
    WSEAL_FAMILY_RMSNORM = 2,
    WSEAL_FAMILY_POST_LAYERNORM = 3
} wseal_model_family;

/** "not detected", "detected" or "not enough evidence"; NULL for an unknown number. */
WSEAL_API const char* wseal_verdict_name(uint32_t verdict);
/** "nothing", "name", "name part" or "sketch"; NULL for an unknown number. */
WSEAL_API const char* wseal_matched_by_name(uint32_t matched_by);
/** "automatic", "none", "rmsnorm" or "post-layernorm"; NULL for an unknown number. */
WSEAL_API const char* wseal_model_family_name(uint32_t family);

typedef struct wseal_detect_options {
    size_t struct_size;
    const char* original;     /**< the unmarked original, a file or folder: detects more; or NULL */
    uint32_t family;          /**< a wseal_model_family */
    double max_log10_p;       /**< detected when log10 p is at most this; 0: -9 */
    uint32_t threads;         /**< 0: one for each processor */
    int identify_suspect;     /**< non-zero: also hash the suspect, so that reports say which; longer than all else */
    const wseal_hooks* hooks; /**< parallel_for, progress, cancelled; or NULL */
} wseal_detect_options;
#define WSEAL_DETECT_OPTIONS_INIT                                                                                      \
    { sizeof(wseal_detect_options), NULL, 0, 0, 0, 0, NULL }

/** What detecting found. Never changes; independent of the record and the key. */
typedef struct wseal_detection wseal_detection;

/** Looks for the mark of `key` under `record` in a .safetensors file or a model folder. WSEAL_OK says that an answer
 *  was reached, whatever it is. */
WSEAL_API wseal_status wseal_detect(const char* suspect, const wseal_key* key, const wseal_record* record,
                                    const wseal_detect_options* options, wseal_detection** own_detection,
                                    wseal_error* error);

typedef struct wseal_detection_result {
    size_t struct_size; /**< set by the caller */
    uint32_t verdict;   /**< a wseal_verdict */
    uint32_t family;    /**< a wseal_model_family: whose symmetries were undone */
    wseal_significance significance;
    double expected_z; /**< of an unchanged copy of the matched weights, at least */
    uint64_t matched_elements, nonfinite;
    size_t tensors;       /**< that the record marks */
    size_t extra_tensors; /**< of the suspect, that the record does not know */
    uint32_t run;         /**< bit i is set where correlations[i] counts */
    wseal_correlation correlations[WSEAL_STATISTIC_COUNT];
} wseal_detection_result;
#define WSEAL_DETECTION_RESULT_INIT                                                                                    \
    {                                                                                                                  \
        sizeof(wseal_detection_result), 0, 0, {0, 0, 0}, 0, 0, 0, 0, 0, 0, {                                           \
            { 0, 0 }                                                                                                   \
        }                                                                                                              \
    }

/** The share of one marked tensor. Its S/sqrt(Q) is a picture, not evidence. */
typedef struct wseal_tensor_detection {
    size_t struct_size;       /**< set by the caller */
    const char* name;         /**< in the record, with terminator; lives as long as the detection */
    const char* suspect_name; /**< in the suspect; NULL when it has none */
    uint32_t matched_by;      /**< a wseal_matched_by */
    uint64_t elements;        /**< compared */
    uint64_t nonfinite;       /**< among them: left out */
    uint32_t run;             /**< bit i is set where correlations[i] counts */
    wseal_correlation correlations[WSEAL_STATISTIC_COUNT];
} wseal_tensor_detection;
#define WSEAL_TENSOR_DETECTION_INIT                                                                                    \
    {                                                                                                                  \
        sizeof(wseal_tensor_detection), NULL, NULL, 0, 0, 0, 0, {                                                      \
            { 0, 0 }                                                                                                   \
        }                                                                                                              \
    }

typedef struct wseal_report_options {
    size_t struct_size;
    const char* command;     /**< that reproduces the report; or NULL */
    const char* authorities; /**< a PEM file: verifies the record's time-stamp, or fails; or NULL */
    int64_t suspect_seen;    /**< when the suspect was first seen, seconds since 1970 UTC; 0: not known */
} wseal_report_options;
#define WSEAL_REPORT_OPTIONS_INIT                                                                                      \
    { sizeof(wseal_report_options), NULL, NULL, 0 }

WSEAL_API wseal_status wseal_detection_get_result(const wseal_detection* detection, wseal_detection_result* result,
                                                  wseal_error* error);
/** `tensor` counts the tensors that the record marks, in its order. */
WSEAL_API wseal_status wseal_detection_tensor_at(const wseal_detection* detection, size_t tensor,
                                                 wseal_tensor_detection* result, wseal_error* error);
/** The report as a page of HTML for people: UTF-8 without a terminator. */
WSEAL_API wseal_status wseal_detection_html(const wseal_detection* detection, const wseal_report_options* options,
                                            wseal_buffer** own_html, wseal_error* error);
/** The same as one JSON object for programs. */
WSEAL_API wseal_status wseal_detection_json(const wseal_detection* detection, const wseal_report_options* options,
                                            wseal_buffer** own_json, wseal_error* error);
WSEAL_API void wseal_detection_free(wseal_detection* own_detection);

/* ---- Tensor by tensor ----------------------------------------------------------------------------------------- */

/** A tensor: what its chips depend on, and its size. Of the original's, `digest` is the SHA-256 of its data. */
typedef struct wseal_tensor {
    const char* name;
    uint32_t dtype; /**< a wseal_dtype */
    uint32_t rank;
    const uint64_t* shape; /**< `rank` elements, outermost first */
    uint8_t digest[WSEAL_DIGEST_BYTES];
} wseal_tensor;

/** SHA-256 of a tensor's data. */
WSEAL_API wseal_status wseal_tensor_digest(const void* data, size_t size, uint8_t digest[WSEAL_DIGEST_BYTES],
                                           wseal_error* error);
/** The root of an original: of all its tensors, in any order, marked or not. */
WSEAL_API wseal_status wseal_original_root(const wseal_tensor* tensors, size_t count, uint8_t root[WSEAL_DIGEST_BYTES],
                                           wseal_error* error);

/** What identifies a mark beside the key. */
typedef struct wseal_mark_identity {
    const char* owner;
    const char* model_id;
    uint8_t scope[WSEAL_DIGEST_BYTES]; /**< of the record (wseal_record_info) */
} wseal_mark_identity;

typedef struct wseal_tensor_mark {
    size_t struct_size;                  /**< set by the caller */
    uint64_t elements, zeros, nonfinite; /**< zeros and nonfinite were left as they are */
    double squared_change, squared_norm; /**< sums over the elements */
} wseal_tensor_mark;
#define WSEAL_TENSOR_MARK_INIT                                                                                         \
    { sizeof(wseal_tensor_mark), 0, 0, 0, 0, 0 }

/** Marks a tensor in place, as wseal_mark would: `size` bytes of row-major data; its digest does not matter. `threads`
 *  0 is one for each processor; of `hooks`, which may be NULL, parallel_for is used. A refused call leaves the data as
 *  they are; after WSEAL_CALLBACK_FAILED they are marked in part. */
WSEAL_API wseal_status wseal_mark_tensor(const wseal_key* key, const wseal_mark_identity* identity,
                                         const wseal_tensor* tensor, double strength, void* data, size_t size,
                                         uint32_t threads, const wseal_hooks* hooks, wseal_tensor_mark* counts,
                                         wseal_error* error);

typedef struct wseal_tensor_correlation {
    size_t struct_size;            /**< set by the caller */
    wseal_correlation white, sign; /**< of WSEAL_BLIND_WHITE and WSEAL_BLIND_SIGN */
    uint64_t nonfinite;
} wseal_tensor_correlation;
#define WSEAL_TENSOR_CORRELATION_INIT                                                                                  \
    { sizeof(wseal_tensor_correlation), {0, 0}, {0, 0}, 0 }

/** Correlates a suspect's tensor with the chips of the record's tensor `name`. `dtype` is any float dtype of 8 bits or
 *  more; `data` holds all rows of the record's shape or the first of them. `threads` and `hooks` as above. */
WSEAL_API wseal_status wseal_correlate_tensor(const wseal_key* key, const wseal_record* record, const char* name,
                                              uint32_t dtype, const void* data, size_t size, uint32_t threads,
                                              const wseal_hooks* hooks, wseal_tensor_correlation* correlation,
                                              wseal_error* error);

#ifdef __cplusplus
}
#endif

#endif

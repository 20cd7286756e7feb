/* weightseal: the guard's event log and metrics. Part of weightseal.h, which has the conventions and includes this. */
#ifndef WEIGHTSEAL_GUARD_LOG_H
#define WEIGHTSEAL_GUARD_LOG_H

#ifndef WEIGHTSEAL_H
#error "include weightseal.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Events as lines of JSON, chained and signed, that can be shown to a third party; GUARD_LOG.md has the format. */
typedef struct wseal_guard_log wseal_guard_log;

/** Where the log goes: one of `path`, `fd` and `write`. */
typedef struct wseal_guard_log_options {
    size_t struct_size;
    const char* path;       /**< a file, mode 0600; one that is there already is put aside, and its chain goes on */
    uint64_t max_file_size; /**< bytes from which on a file is renamed to "PATH.000001" ... and a new one goes on, at
                                 least 4096; 0: 64 MiB */
    /** Takes all of these whole lines and returns non-zero, or none and returns 0: they are offered again. Called by
     *  wseal_guard_log_open, _write and _close; must not call the log. */
    int (*write)(void* context, const char* lines, size_t size);
    void* context;             /**< of `write`; stays valid until the log is freed */
    int fd;                    /**< open until the log is freed, and not waited for; -1: none */
    uint32_t checkpoint_every; /**< events after which a signed record follows, at most 65536; 0: 256 */
} wseal_guard_log_options;
#define WSEAL_GUARD_LOG_OPTIONS_INIT                                                                                   \
    { sizeof(wseal_guard_log_options), NULL, 0, NULL, NULL, -1, 0 }

/** Opens a log of the guard's events and writes its first record, signed as every one that is no event. `wall` is in
 *  nanoseconds since 1970-01-01T00:00:00Z. The guard must outlive the log. WSEAL_NOT_A_GUARD_LOG when `path` is a file
 *  of another kind, WSEAL_IO_FAILED when another process writes it. What takes events elsewhere, as
 *  wseal_guard_next_event does, takes them from the log. */
WSEAL_API wseal_status wseal_guard_log_open(wseal_guard* guard, const wseal_key* signing_key,
                                            const wseal_guard_log_options* options, int64_t wall,
                                            wseal_guard_log** own_log, wseal_error* error);
/** Takes the guard's events, at most 4096, and writes them; `events` is how many. `now` is the clock of the guard's
 *  checks, `wall` the time, read together with it. Never waits for a reader or for room, only for the disk when a file
 *  gives way to a new one: what the target does not take is kept, and events stay in the guard's queue until it does.
 *  That is no error: see the counters. */
WSEAL_API wseal_status wseal_guard_log_write(wseal_guard_log* log, int64_t now, int64_t wall, uint64_t* events,
                                             wseal_error* error);
/** Writes what waits and a last, signed record, after which only this function may be called again, to offer what still
 *  waits. `complete` is 1 when the target has taken everything. */
WSEAL_API wseal_status wseal_guard_log_close(wseal_guard_log* log, int64_t now, int64_t wall, int* complete,
                                             wseal_error* error);
/** A log that was not closed ends as if its process had been killed. */
WSEAL_API void wseal_guard_log_free(wseal_guard_log* own_log);

/** Bytes of a pseudonym with its terminator. */
#define WSEAL_PSEUDONYM_SIZE 33
/** What a client is called in logs as one of a tier: 32 hexadecimal digits, the same for every guard with this secret.
 *  WSEAL_INVALID_ARGUMENT when `client` has nothing that belongs to that tier. */
WSEAL_API wseal_status wseal_guard_pseudonym(const wseal_guard* guard, const wseal_client* client, uint32_t tier,
                                             char pseudonym[WSEAL_PSEUDONYM_SIZE], wseal_error* error);

/** Sums since the log was opened. */
typedef struct wseal_guard_log_counters {
    size_t struct_size; /**< set by the caller */
    uint64_t events;    /**< that are in the log */
    uint64_t waiting;   /**< bytes that the target has not taken yet */
    uint64_t failures;  /**< times that it did not take all it was offered */
    int last_errno;     /**< of the last failure; 0: there was none, or it was one of `write` */
} wseal_guard_log_counters;
#define WSEAL_GUARD_LOG_COUNTERS_INIT                                                                                  \
    { sizeof(wseal_guard_log_counters), 0, 0, 0, 0 }

WSEAL_API wseal_status wseal_guard_log_get_counters(const wseal_guard_log* log, wseal_guard_log_counters* counters,
                                                    wseal_error* error);

/** Counters in the text format of Prometheus, version 0.0.4, UTF-8 without a terminator; `log` may be NULL. */
WSEAL_API wseal_status wseal_guard_metrics(const wseal_guard* guard, const wseal_guard_log* log,
                                           wseal_buffer** own_text, wseal_error* error);

#ifdef __cplusplus
}
#endif

#endif

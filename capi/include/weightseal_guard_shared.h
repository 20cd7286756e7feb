/* weightseal: a guard whose counts are on a server. Part of weightseal.h, which has the conventions and includes this.
 */
#ifndef WEIGHTSEAL_GUARD_SHARED_H
#define WEIGHTSEAL_GUARD_SHARED_H

#ifndef WEIGHTSEAL_H
#error "include weightseal.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Whether requests wait for the server. The same in all processes that share counts. */
typedef enum wseal_shared_mode {
    WSEAL_SHARED_LEASE = 0, /**< wseal_shared_guard_check decides at once, from leases */
    WSEAL_SHARED_EXACT = 1  /**< the server decides each request */
} wseal_shared_mode;

/** What becomes of requests while the server of their counts does not answer as it should. */
typedef enum wseal_failure_policy {
    WSEAL_FAILURE_LOCAL = 0, /**< each process admits its share: a limit divided by `replicas` */
    WSEAL_FAILURE_OPEN = 1,  /**< all are admitted, and not counted */
    WSEAL_FAILURE_CLOSED = 2 /**< all are refused */
} wseal_failure_policy;

/** Texts are copied; 0 or NULL means the default. */
typedef struct wseal_shared_options {
    size_t struct_size;
    const char* url;         /**< redis://[user[:password]@]host[:port][/database], rediss://..., unix:///path */
    const char* password;    /**< instead of one in `url`. The caller wipes its own. */
    const char* authorities; /**< PEM file of those who may vouch for a server of rediss; NULL: the system's */
    const char* prefix;      /**< of keys on the server; NULL: "weightseal" */
    uint32_t mode;           /**< wseal_shared_mode */
    uint32_t failure_policy; /**< wseal_failure_policy */
    uint32_t replicas;       /**< processes that share the counts, at most. Must be given */
    uint32_t timeout_ms;     /**< for the server's answer; 0: 20 */
    uint32_t leases;         /**< clients of each tier that can hold leases at once; 0: 65536 */
    uint32_t connections;    /**< to each server, for requests that wait; 0: 64 */
} wseal_shared_options;
#define WSEAL_SHARED_OPTIONS_INIT                                                                                      \
    { sizeof(wseal_shared_options), NULL, NULL, NULL, NULL, WSEAL_SHARED_LEASE, WSEAL_FAILURE_LOCAL, 0, 0, 0, 0 }

/** A guard whose counts several processes keep together on a Redis (7 or later) or Valkey server. A child of fork must
 *  not use its parent's. */
typedef struct wseal_shared_guard wseal_shared_guard;

/** Limits as for wseal_guard_new. `options` must have a secret, the same in all processes: the server sees clients as
 *  HMAC-SHA-256 under it only, and no `shared_memory`. Starts a thread that connects; the server need not be there, and
 *  the failure policy decides until it is. WSEAL_BAD_SERVER_URL, WSEAL_INVALID_ARGUMENT; WSEAL_LIMITS_OUT_OF_RANGE for
 *  a limit below `replicas`. */
WSEAL_API wseal_status wseal_shared_guard_new(const char* limits, size_t limits_size,
                                              const wseal_guard_options* options, const wseal_shared_options* shared,
                                              wseal_shared_guard** own_guard, wseal_error* error);
WSEAL_API void wseal_shared_guard_free(wseal_shared_guard* own_guard);

/** Waits for a connection, at most a second. WSEAL_SERVER_UNREACHABLE, WSEAL_SERVER_REFUSED (a wrong password, for
 *  example), WSEAL_SERVER_ANSWER. */
WSEAL_API wseal_status wseal_shared_guard_connect(wseal_shared_guard* guard, wseal_error* error);

/** As wseal_guard_check. In lease mode it allocates nothing and never waits, and `now` must be of a clock that runs; a
 *  request for which nothing is leased yet gets WSEAL_LEASE_PENDING. In exact mode it waits as
 *  wseal_shared_guard_check_shared does. */
WSEAL_API wseal_status wseal_shared_guard_check(wseal_shared_guard* guard, const wseal_client* client,
                                                const wseal_request* request, int64_t now, wseal_decision* decision,
                                                wseal_error* error);
/** From leases alone: never waits, and asks for no lease where none suffices. WSEAL_LEASE_PENDING is no decision then,
 *  is not counted, and says to ask by wseal_shared_guard_check_shared. In exact mode nothing is ever leased. */
WSEAL_API wseal_status wseal_shared_guard_check_leases(wseal_shared_guard* guard, const wseal_client* client,
                                                       const wseal_request* request, int64_t now,
                                                       wseal_decision* decision, wseal_error* error);
/** As wseal_shared_guard_check, but asks the server where no lease suffices, and waits for its answer, at most
 *  `timeout_ms`. */
WSEAL_API wseal_status wseal_shared_guard_check_shared(wseal_shared_guard* guard, const wseal_client* client,
                                                       const wseal_request* request, int64_t now,
                                                       wseal_decision* decision, wseal_error* error);
/** As wseal_guard_settle; never waits: the server hears of it later. */
WSEAL_API wseal_status wseal_shared_guard_settle(wseal_shared_guard* guard, uint64_t ticket, const wseal_usage* usage,
                                                 int64_t now, uint32_t* settlement, wseal_error* error);
/** `degraded` is 1 while the failure policy decides for some clients at least, else 0. */
WSEAL_API wseal_status wseal_shared_guard_is_degraded(const wseal_shared_guard* guard, int* degraded,
                                                      wseal_error* error);
/** As wseal_guard_next_event. */
WSEAL_API wseal_status wseal_shared_guard_next_event(wseal_shared_guard* guard, wseal_guard_event* event, int* found,
                                                     wseal_error* error);
/** As wseal_guard_get_counters; `inserted`, `evicted` and `overflow` are of clients whom the process counted itself. */
WSEAL_API wseal_status wseal_shared_guard_get_counters(const wseal_shared_guard* guard, wseal_guard_counters* counters,
                                                       wseal_error* error);

#ifdef __cplusplus
}
#endif

#endif

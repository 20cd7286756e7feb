/* weightseal: the guard. Part of weightseal.h, which has the conventions and includes this.
 *
 * A server asks once for each request (wseal_guard_check), tells once what the request used (wseal_guard_settle), and
 * now and then takes events. Those two calls allocate nothing, take no lock that all clients share, and read no clock:
 * `now` is in nanoseconds of any clock, since any epoch, read just before the call. */
#ifndef WEIGHTSEAL_GUARD_H
#define WEIGHTSEAL_GUARD_H

#ifndef WEIGHTSEAL_H
#error "include weightseal.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Limits --------------------------------------------------------------------------------------------------- */

/** Whom a limit counts. */
typedef enum wseal_tier {
    WSEAL_TIER_CLIENT = 0,     /**< an API key or account */
    WSEAL_TIER_ADDRESS = 1,    /**< an IPv4 address, or the /64 of an IPv6 address */
    WSEAL_TIER_NETWORK_56 = 2, /**< the /56 of an IPv6 address */
    WSEAL_TIER_NETWORK_48 = 3, /**< the /48 of an IPv6 address */
    WSEAL_TIER_POOL = 4        /**< a group of clients that the server names */
} wseal_tier;

/** What a limit counts. */
typedef enum wseal_budget {
    WSEAL_BUDGET_QUERIES = 0,           /**< completions: prompts * max(n, best_of) */
    WSEAL_BUDGET_TOKENS = 1,            /**< tokens in and out: reserved by a check, corrected when settled */
    WSEAL_BUDGET_CONCURRENCY = 2,       /**< requests that are not settled yet */
    WSEAL_BUDGET_LOGPROB_TOKENS = 3,    /**< tokens that are answered with log-probabilities; like tokens */
    WSEAL_BUDGET_LOGIT_BIAS_ENTRIES = 4 /**< entries of logit_bias maps */
} wseal_budget;
#define WSEAL_BUDGET_COUNT 5

/** "client" ...; NULL for an unknown number. */
WSEAL_API const char* wseal_tier_name(uint32_t tier);
/** "queries" ...; NULL for an unknown number. */
WSEAL_API const char* wseal_budget_name(uint32_t budget);

/* ---- The guard ------------------------------------------------------------------------------------------------ */

/** Counts of clients, in memory that is fixed from the start. */
typedef struct wseal_guard wseal_guard;

/** Which header the server's proxies write. */
typedef enum wseal_forwarded_header {
    WSEAL_X_FORWARDED_FOR = 0,
    WSEAL_FORWARDED = 1 /**< RFC 7239 */
} wseal_forwarded_header;

typedef struct wseal_guard_options {
    size_t struct_size;
    const uint8_t* secret; /**< 32 bytes that key the hashes of clients, so that events of several guards name a client
                                alike; NULL: random ones. The caller wipes its bytes. */
    const char* const* trusted_proxies; /**< addresses and networks, such as "10.0.0.0/8" */
    size_t trusted_proxies_count;
    uint32_t forwarded_header; /**< wseal_forwarded_header */
    const char* shared_memory; /**< a file, best in /dev/shm, in which all processes that name it have one guard, with
                                    the same limits and the same secret, which must be given; NULL: none */
} wseal_guard_options;
#define WSEAL_GUARD_OPTIONS_INIT                                                                                       \
    { sizeof(wseal_guard_options), NULL, NULL, 0, WSEAL_X_FORWARDED_FOR, NULL }

/** A guard with limits in JSON, of `limits_size` bytes:
 *
 *      {"capacity": 1000000, "ticket_lifetime": 600, "tickets": 65536, "logprobs_or_logit_bias": true,
 *       "limits": [{"tier": "client", "budget": "queries", "limit": 500, "window": 3600, "overflow_limit": 500}]}
 *
 *  and, beside "limits", "signals", which are on when they are there; all fields have these defaults:
 *
 *      "signals": {"clients": 16384, "warm_up": 72, "minimum": 100, "distinct_prompts": 2000, "duplicate_percent": 80,
 *                  "logprobs_percent": 50, "logit_bias_percent": 50, "surge_ratio": 8, "total_excess": 600}
 *
 *  Only "limits" and, in it, "budget", "limit" and "window" (seconds; not of concurrency) are required. NULL means 500
 *  queries an hour for each client. Messages name field and line. */
WSEAL_API wseal_status wseal_guard_new(const char* limits, size_t limits_size, const wseal_guard_options* options,
                                       wseal_guard** own_guard, wseal_error* error);

/** Changes the limits. New numbers hold at once, and counts are kept. Where tiers, budgets, windows, the capacity or
 *  the lifetime of tickets change, old and new tables both decide until the longest old window has passed. The number
 *  of tickets cannot change. WSEAL_LIMITS_CHANGE_PENDING when three earlier changes are still passing. */
WSEAL_API wseal_status wseal_guard_configure(wseal_guard* guard, const char* limits, size_t limits_size, int64_t now,
                                             wseal_error* error);
/** Releases tables whose time has passed; wseal_guard_configure does that, too. */
WSEAL_API wseal_status wseal_guard_trim(wseal_guard* guard, int64_t now, wseal_error* error);
WSEAL_API void wseal_guard_free(wseal_guard* own_guard);

/* ---- Requests ------------------------------------------------------------------------------------------------- */

/** Who sends a request, as far as the server knows; NULL for what it does not know. No terminators are needed. */
typedef struct wseal_client {
    size_t struct_size;
    const char* name; /**< an API key or account, of any bytes */
    size_t name_size;
    const char* pool; /**< the group it belongs to, of any bytes */
    size_t pool_size;
    const char* peer; /**< the address of the connection: "192.0.2.1", "[2001:db8::1]:443" ... */
    size_t peer_size;
    const char* forwarded; /**< the header's lines joined by ", "; counts where `peer` is a trusted proxy */
    size_t forwarded_size;
} wseal_client;
#define WSEAL_CLIENT_INIT                                                                                              \
    { sizeof(wseal_client), NULL, 0, NULL, 0, NULL, 0, NULL, 0 }

/** What a completion request asks for. */
typedef struct wseal_request {
    size_t struct_size;
    uint64_t prompts, n, best_of;
    uint64_t input_tokens; /**< of all prompts together */
    uint64_t max_tokens;   /**< of one completion */
    uint64_t logit_bias_entries;
    int logprobs; /**< non-zero: it wants log-probabilities */
} wseal_request;
#define WSEAL_REQUEST_INIT                                                                                             \
    { sizeof(wseal_request), 1, 1, 1, 0, 0, 0, 0 }

/** Why a request was admitted or refused. */
typedef enum wseal_reason {
    WSEAL_ADMITTED = 0,
    WSEAL_LIMIT_REACHED = 1,            /**< a retry after `retry_after` succeeds */
    WSEAL_IN_DEBT = 2,                  /**< more was used than reserved, and has not left the window */
    WSEAL_TABLE_SATURATED = 3,          /**< a newcomer, and what newcomers share is used up */
    WSEAL_COST_EXCEEDS_LIMIT = 4,       /**< no retry can succeed */
    WSEAL_LOGPROBS_WITH_LOGIT_BIAS = 5, /**< it wants both, and the limits forbid that */
    WSEAL_LEASE_PENDING = 6,            /**< shared state: nothing is leased yet for it, but soon */
    WSEAL_SERVER_UNAVAILABLE = 7        /**< shared state: no server, and the failure policy is closed */
} wseal_reason;

/** The answer to a check. `tier` to `reset_after` describe one limit: of a refusal the one that takes longest, of an
 *  admission the one with the smallest share left. */
typedef struct wseal_decision {
    size_t struct_size;            /**< set by the caller */
    int allowed;                   /**< 0 or 1 */
    uint32_t reason, tier, budget; /**< wseal_reason, wseal_tier, wseal_budget */
    uint32_t refused_by;           /**< bit tier * WSEAL_BUDGET_COUNT + budget of each limit that refused */
    uint32_t window;               /**< seconds; 0: no limit is described */
    uint64_t limit, remaining;     /**< units in that window, and units left */
    int64_t retry_after;           /**< nanoseconds; 0 when admitted or when no retry can succeed */
    int64_t reset_after;           /**< nanoseconds until everything charged so far has left the window */
    uint64_t ticket;               /**< for wseal_guard_settle; 0: there is nothing to settle */
    int overflow;                  /**< 1: the table is full, and what newcomers share was charged, too */
} wseal_decision;
#define WSEAL_DECISION_INIT                                                                                            \
    { sizeof(wseal_decision), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** "admitted" ...; NULL for an unknown number. */
WSEAL_API const char* wseal_reason_name(uint32_t reason);

/** Admits a request and charges what it asks for to all limits of the client, or refuses it and charges nothing. Tokens
 *  are reserved as input_tokens and the most that may come out, at most the lowest limit there is. `request` may be
 *  NULL: one completion without tokens. WSEAL_BAD_ADDRESS for a `peer` that is none; whatever `forwarded` holds is no
 *  error. A refusal is no error either: WSEAL_OK, with `allowed` 0. */
WSEAL_API wseal_status wseal_guard_check(wseal_guard* guard, const wseal_client* client, const wseal_request* request,
                                         int64_t now, wseal_decision* decision, wseal_error* error);

/** What a request has used when it ends. */
typedef struct wseal_usage {
    size_t struct_size;
    uint64_t tokens, logprob_tokens;
} wseal_usage;
#define WSEAL_USAGE_INIT                                                                                               \
    { sizeof(wseal_usage), 0, 0 }

/** What became of a ticket. */
typedef enum wseal_settlement {
    WSEAL_SETTLED = 0,
    WSEAL_SETTLED_IN_DEBT = 1, /**< more was used than reserved */
    WSEAL_TICKET_EXPIRED = 2,  /**< too late: the reservation stands */
    WSEAL_TICKET_UNKNOWN = 3   /**< settled before, or never given */
} wseal_settlement;

/** Ends a request: it is in progress no longer, and gets back what it reserved and did not use. What it used beyond
 *  that is charged, and nothing of the client is admitted until it has left the window. */
WSEAL_API wseal_status wseal_guard_settle(wseal_guard* guard, uint64_t ticket, const wseal_usage* usage, int64_t now,
                                          uint32_t* settlement, wseal_error* error);

/** What an admitted request looks like. */
typedef struct wseal_observation {
    size_t struct_size;
    const char* prompt; /**< of any bytes; hashed with a secret key, and not kept; NULL: unknown, or `prompt_hash` */
    size_t prompt_size;
    const uint64_t* prompt_hash; /**< in place of `prompt`, a keyed hash of it; NULL: none */
    uint64_t logit_bias_entries;
    int logprobs; /**< non-zero: it wants log-probabilities */
} wseal_observation;
#define WSEAL_OBSERVATION_INIT                                                                                         \
    { sizeof(wseal_observation), NULL, 0, NULL, 0, 0 }

/** Counts an admitted request for the signals, which raise events and refuse nothing. Does nothing for a guard whose
 *  limits have no "signals". Allocates nothing; takes as long as hashing the prompt. WSEAL_BAD_ADDRESS as
 *  wseal_guard_check. */
WSEAL_API wseal_status wseal_guard_observe(wseal_guard* guard, const wseal_client* client,
                                           const wseal_observation* observation, int64_t now, wseal_error* error);

/** Fields of an HTTP response, with terminator; empty: leave the field out. */
typedef struct wseal_http_fields {
    size_t struct_size;   /**< set by the caller */
    uint32_t status;      /**< 200; 429 for a limit, 400 for WSEAL_LOGPROBS_WITH_LOGIT_BIAS, 503 for the last two */
    char retry_after[24]; /**< Retry-After (RFC 9110) */
    char rate_limit[96];  /**< RateLimit (draft-ietf-httpapi-ratelimit-headers-10) */
    char rate_limit_policy[96]; /**< RateLimit-Policy (same draft) */
} wseal_http_fields;
#define WSEAL_HTTP_FIELDS_INIT                                                                                         \
    { sizeof(wseal_http_fields), 0, "", "", "" }

/** How HTTP says a decision. Allocates nothing. */
WSEAL_API wseal_status wseal_decision_http_fields(const wseal_decision* decision, wseal_http_fields* fields,
                                                  wseal_error* error);

/* ---- Events --------------------------------------------------------------------------------------------------- */

typedef enum wseal_guard_event_kind {
    WSEAL_EVENT_LIMIT_REACHED = 0,     /**< a client was refused, for the first time since it was last admitted */
    WSEAL_EVENT_IN_DEBT = 1,           /**< a client used more than it had reserved */
    WSEAL_EVENT_TABLE_SATURATED = 2,   /**< newcomers are charged to what they share */
    WSEAL_EVENT_TICKETS_EXHAUSTED = 3, /**< admitted without a ticket; at most once a second */
    WSEAL_EVENT_CLOCK_STEPPED_BACK = 4,
    WSEAL_EVENT_LIMITS_CHANGED = 5,

    /* Signals: `used` is what was measured, `limit` the threshold. Each at most once in a window of one client. */
    WSEAL_EVENT_DISTINCT_PROMPTS = 6,   /**< of a client in a day */
    WSEAL_EVENT_DUPLICATE_PROMPTS = 7,  /**< of a client, percent of a day's prompts */
    WSEAL_EVENT_CLIENT_SURGE = 8,       /**< of a client, an hour's multiple of its baseline */
    WSEAL_EVENT_LOGPROBS_USE = 9,       /**< of a client, percent of a day's requests */
    WSEAL_EVENT_LOGIT_BIAS_USE = 10,    /**< of a client, percent of a day's requests */
    WSEAL_EVENT_TOTAL_REQUESTS = 11,    /**< of a pool, or of the guard (`client` is 0): excess, percent of an hour */
    WSEAL_EVENT_TOTAL_NEW_CLIENTS = 12, /**< likewise */
    WSEAL_EVENT_TOTAL_DISTINCT_PROMPTS = 13, /**< likewise */
    WSEAL_EVENT_SHARED_DEGRADED = 14, /**< a server of shared state is not to be had: `used` is the wseal_status */
    WSEAL_EVENT_SHARED_RESTORED = 15  /**< it is again */
} wseal_guard_event_kind;

/** One event. What a kind has no use for is 0. */
typedef struct wseal_guard_event {
    size_t struct_size; /**< set by the caller */
    uint32_t kind;      /**< wseal_guard_event_kind */
    uint32_t tier, budget;
    uint32_t window; /**< seconds */
    uint64_t limit, used;
    uint64_t client; /**< its hash in that tier; must not leave the process as it is */
    int64_t now;
} wseal_guard_event;
#define WSEAL_GUARD_EVENT_INIT                                                                                         \
    { sizeof(wseal_guard_event), 0, 0, 0, 0, 0, 0, 0, 0 }

/** "limit_reached" ...; NULL for an unknown number. */
WSEAL_API const char* wseal_guard_event_name(uint32_t kind);
/** Takes the oldest event out of the queue; `found` is 0 when there is none. The queue holds 4096; what does not fit is
 *  counted. */
WSEAL_API wseal_status wseal_guard_next_event(wseal_guard* guard, wseal_guard_event* event, int* found,
                                              wseal_error* error);

/** Sums since the guard was made, and its memory. */
typedef struct wseal_guard_counters {
    size_t struct_size; /**< set by the caller */
    uint64_t admitted, refused;
    uint64_t inserted; /**< clients that got a place in a table */
    uint64_t evicted;  /**< clients whose counts went to a sketch to make room */
    uint64_t overflow; /**< admissions charged to what newcomers share, too */
    uint64_t dropped_events;
    uint64_t memory; /**< bytes reserved now */
} wseal_guard_counters;
#define WSEAL_GUARD_COUNTERS_INIT                                                                                      \
    { sizeof(wseal_guard_counters), 0, 0, 0, 0, 0, 0, 0 }

WSEAL_API wseal_status wseal_guard_get_counters(const wseal_guard* guard, wseal_guard_counters* counters,
                                                wseal_error* error);

#ifdef __cplusplus
}
#endif

#endif

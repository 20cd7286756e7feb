/* The guard: one call for each request, one when it ends, and what it reports. */

#define _POSIX_C_SOURCE 200809L /* mkdtemp */

#include "test.h"

#include <pthread.h>
#include <stddef.h>

static const int64_t second = 1000000000;
static const int64_t noon = 1790000000000000000;

static wseal_guard* guard_with(const char* limits) {
    wseal_guard* guard = NULL;
    OK(wseal_guard_new(limits, strlen(limits), NULL, &guard, error));
    return guard;
}

static wseal_client named(const char* name) {
    wseal_client client = WSEAL_CLIENT_INIT;
    client.name = name;
    client.name_size = strlen(name);
    return client;
}

static wseal_client from(const char* peer, const char* forwarded) {
    wseal_client client = WSEAL_CLIENT_INIT;
    client.peer = peer;
    client.peer_size = strlen(peer);
    client.forwarded = forwarded;
    client.forwarded_size = forwarded == NULL ? 0 : strlen(forwarded);
    return client;
}

static wseal_decision check(wseal_guard* guard, wseal_client client, const wseal_request* request, int64_t now) {
    wseal_decision decision = WSEAL_DECISION_INIT;
    OK(wseal_guard_check(guard, &client, request, now, &decision, error));
    return decision;
}

static void throttling(void) {
    /* The default: 500 queries an hour. */
    wseal_guard* guard = NULL;
    OK(wseal_guard_new(NULL, 0, NULL, &guard, error));
    wseal_decision decision = WSEAL_DECISION_INIT;
    for (int i = 0; i < 500; ++i) {
        decision = check(guard, named("heavy"), NULL, noon);
        CHECK(decision.allowed && decision.remaining == (uint64_t)(499 - i));
    }
    decision = check(guard, named("heavy"), NULL, noon);
    CHECK(!decision.allowed && decision.reason == WSEAL_LIMIT_REACHED && decision.refused_by == 1);
    CHECK(decision.tier == WSEAL_TIER_CLIENT && decision.budget == WSEAL_BUDGET_QUERIES);
    CHECK(decision.window == 3600 && decision.limit == 500 && decision.remaining == 0 && decision.ticket == 0);
    CHECK(decision.retry_after > 3600 * second && decision.retry_after <= 3825 * second);
    CHECK(check(guard, named("other"), NULL, noon).allowed);

    wseal_http_fields fields = WSEAL_HTTP_FIELDS_INIT;
    OK(wseal_decision_http_fields(&decision, &fields, error));
    CHECK(fields.status == 429 && strcmp(fields.rate_limit_policy, "\"client-queries\";q=500;w=3600") == 0);
    CHECK(strtol(fields.retry_after, NULL, 10) == (decision.retry_after + second - 1) / second);
    CHECK(strncmp(fields.rate_limit, "\"client-queries\";r=0;t=", 23) == 0);

    wseal_guard_event event = WSEAL_GUARD_EVENT_INIT;
    int found = 0;
    OK(wseal_guard_next_event(guard, &event, &found, error));
    CHECK(found == 1 && event.kind == WSEAL_EVENT_LIMIT_REACHED && event.used == 500 && event.now == noon);
    OK(wseal_guard_next_event(guard, &event, &found, error));
    CHECK(found == 0 && event.used == 500);

    CHECK(check(guard, named("heavy"), NULL, noon + decision.retry_after).allowed);
    wseal_guard_counters counters = WSEAL_GUARD_COUNTERS_INIT;
    OK(wseal_guard_get_counters(guard, &counters, error));
    CHECK(counters.admitted == 502 && counters.refused == 1 && counters.inserted == 2 && counters.evicted == 0);
    CHECK(counters.memory > 64 << 20 && counters.memory < 132 << 20);
    wseal_guard_free(guard);
}

static void settling(void) {
    wseal_guard* guard = guard_with("{\"limits\": [{\"budget\": \"tokens\", \"limit\": 1000, \"window\": 60},"
                                    "{\"budget\": \"concurrency\", \"limit\": 2}]}");
    wseal_request request = WSEAL_REQUEST_INIT;
    request.prompts = 2;
    request.n = 3;
    request.input_tokens = 100;
    request.max_tokens = 50;
    const wseal_decision first = check(guard, named("a"), &request, noon);
    CHECK(first.allowed && first.ticket != 0);
    const wseal_decision second_request = check(guard, named("a"), &request, noon);
    CHECK(second_request.allowed);
    CHECK(check(guard, named("a"), &request, noon).budget == WSEAL_BUDGET_CONCURRENCY);
    uint32_t settlement = 99;
    wseal_usage usage = WSEAL_USAGE_INIT;
    usage.tokens = 150;
    OK(wseal_guard_settle(guard, first.ticket, &usage, noon, &settlement, error));
    CHECK(settlement == WSEAL_SETTLED);
    OK(wseal_guard_settle(guard, first.ticket, &usage, noon, &settlement, error));
    CHECK(settlement == WSEAL_TICKET_UNKNOWN);
    usage.tokens = 401;
    OK(wseal_guard_settle(guard, second_request.ticket, &usage, noon, &settlement, error));
    CHECK(settlement == WSEAL_SETTLED_IN_DEBT);
    CHECK(check(guard, named("a"), NULL, noon).reason == WSEAL_IN_DEBT);
    const wseal_decision late = check(guard, named("b"), &request, noon);
    OK(wseal_guard_settle(guard, late.ticket, &usage, noon + 700 * second, &settlement, error));
    CHECK(settlement == WSEAL_TICKET_EXPIRED);
    wseal_guard_free(guard);
}

static void addresses(void) {
    static const char limits[] = "{\"limits\": [{\"tier\": \"address\", \"budget\": \"queries\", \"limit\": 1,"
                                 "\"window\": 60}]}";
    static const char* const proxies[] = {"10.0.0.0/8", "fd00::/8"};
    static const uint8_t secret[32] = {1, 2, 3};
    wseal_guard_options options = WSEAL_GUARD_OPTIONS_INIT;
    options.secret = secret;
    options.trusted_proxies = proxies;
    options.trusted_proxies_count = 2;
    wseal_guard* guard = NULL;
    OK(wseal_guard_new(limits, strlen(limits), &options, &guard, error));
    CHECK(check(guard, from("192.0.2.1:443", NULL), NULL, noon).allowed);
    CHECK(!check(guard, from("::ffff:192.0.2.1", NULL), NULL, noon).allowed);
    CHECK(!check(guard, from("192.0.2.1", "198.51.100.7"), NULL, noon).allowed);
    CHECK(!check(guard, from("10.0.0.1:1", "1.2.3.4, 192.0.2.1, 10.0.0.2"), NULL, noon).allowed);
    CHECK(check(guard, from("10.0.0.1:1", "192.0.2.1, 198.51.100.7"), NULL, noon).allowed);
    CHECK(check(guard, from("10.0.0.1", "unknown"), NULL, noon).allowed);
    CHECK(!check(guard, from("10.0.0.1", "\", not an address"), NULL, noon).allowed);
    wseal_decision decision = WSEAL_DECISION_INIT;
    const wseal_client nowhere = from("/run/socket", NULL);
    EXPECT(WSEAL_BAD_ADDRESS, wseal_guard_check(guard, &nowhere, NULL, noon, &decision, error));
    wseal_guard_free(guard);

    options.forwarded_header = WSEAL_FORWARDED;
    OK(wseal_guard_new(limits, strlen(limits), &options, &guard, error));
    CHECK(check(guard, from("10.0.0.1", "for=192.0.2.1"), NULL, noon).allowed);
    CHECK(!check(guard, from("[fd00::1]:80", "for=1.2.3.4, for=\"192.0.2.1:99\""), NULL, noon).allowed);
    wseal_guard_free(guard);

    wseal_guard* none = NULL;
    options.forwarded_header = 2;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_new(NULL, 0, &options, &none, error));
    options.forwarded_header = 0;
    static const char* const wrong[] = {"10.0.0.0/8", "10.0.0.0/40"};
    options.trusted_proxies = wrong;
    EXPECT(WSEAL_BAD_ADDRESS, wseal_guard_new(NULL, 0, &options, &none, error));
    static const char* const missing[] = {"10.0.0.0/8", NULL};
    options.trusted_proxies = missing;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_new(NULL, 0, &options, &none, error));
    options.trusted_proxies = NULL;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_new(NULL, 0, &options, &none, error));
    CHECK(none == NULL);
}

static void changing(void) {
    wseal_guard* guard = guard_with("{\"logprobs_or_logit_bias\": true, \"limits\":"
                                    "[{\"budget\": \"queries\", \"limit\": 3, \"window\": 60}]}");
    wseal_request both = WSEAL_REQUEST_INIT;
    both.logprobs = 1;
    both.max_tokens = 1;
    both.logit_bias_entries = 1;
    const wseal_decision refused = check(guard, named("a"), &both, noon);
    CHECK(refused.reason == WSEAL_LOGPROBS_WITH_LOGIT_BIAS);
    wseal_http_fields fields = WSEAL_HTTP_FIELDS_INIT;
    OK(wseal_decision_http_fields(&refused, &fields, error));
    CHECK(fields.status == 400 && fields.retry_after[0] == '\0' && fields.rate_limit[0] == '\0');
    wseal_request large = WSEAL_REQUEST_INIT;
    large.prompts = UINT64_MAX;
    CHECK(check(guard, named("a"), &large, noon).reason == WSEAL_COST_EXCEEDS_LIMIT);

    char text[] = "{\"limits\": [{\"budget\": \"queries\", \"limit\": 2, \"window\": 60}]}";
    CHECK(check(guard, named("a"), NULL, noon).allowed && check(guard, named("a"), NULL, noon).allowed);
    OK(wseal_guard_configure(guard, text, strlen(text), noon, error));
    CHECK(!check(guard, named("a"), NULL, noon).allowed);
    for (char digit = '1'; digit <= '3'; ++digit) {
        strchr(text, '6')[1] = digit; /* windows of 61 to 63 seconds */
        OK(wseal_guard_configure(guard, text, strlen(text), noon, error));
    }
    strchr(text, '6')[1] = '4';
    EXPECT(WSEAL_LIMITS_CHANGE_PENDING, wseal_guard_configure(guard, text, strlen(text), noon, error));
    wseal_guard_counters before = WSEAL_GUARD_COUNTERS_INIT, after = WSEAL_GUARD_COUNTERS_INIT;
    OK(wseal_guard_get_counters(guard, &before, error));
    OK(wseal_guard_trim(guard, noon + 100 * second, error));
    OK(wseal_guard_get_counters(guard, &after, error));
    CHECK(after.memory < before.memory / 3);
    EXPECT(WSEAL_LIMITS_NOT_JSON, wseal_guard_configure(guard, "{", 1, noon, error));
    EXPECT(WSEAL_LIMITS_OUT_OF_RANGE, wseal_guard_configure(guard, "{\"capacity\": 0}", 15, noon, error));
    EXPECT(WSEAL_UNKNOWN_LIMITS_FIELD, wseal_guard_configure(guard, "{\"x\": 0}", 8, noon, error));
    wseal_guard_free(guard);
}

static void names(void) {
    CHECK(strcmp(wseal_tier_name(WSEAL_TIER_POOL), "pool") == 0 && wseal_tier_name(5) == NULL);
    CHECK(strcmp(wseal_budget_name(WSEAL_BUDGET_TOKENS), "tokens") == 0 && wseal_budget_name(5) == NULL);
    CHECK(strcmp(wseal_reason_name(WSEAL_IN_DEBT), "in_debt") == 0 && wseal_reason_name(8) == NULL);
    CHECK(strcmp(wseal_guard_event_name(WSEAL_EVENT_LIMITS_CHANGED), "limits_changed") == 0);
    CHECK(strcmp(wseal_reason_name(WSEAL_LEASE_PENDING), "lease_pending") == 0);
    CHECK(strcmp(wseal_guard_event_name(WSEAL_EVENT_TOTAL_DISTINCT_PROMPTS), "total_distinct_prompts") == 0);
    CHECK(strcmp(wseal_guard_event_name(WSEAL_EVENT_SHARED_DEGRADED), "shared_degraded") == 0);
    CHECK(wseal_guard_event_name(16) == NULL);
}

/* Callers that were compiled against an older header, or against none that there was. */
static void structs(void) {
    wseal_guard* guard = guard_with("{\"limits\": [{\"budget\": \"queries\", \"limit\": 2, \"window\": 60}]}");
    wseal_client client;
    memset(&client, 0xFF, sizeof client);
    client.struct_size = offsetof(wseal_client, pool);
    client.name = "a";
    client.name_size = 1;
    wseal_request request;
    memset(&request, 0xFF, sizeof request);
    request.struct_size = offsetof(wseal_request, n);
    request.prompts = 2;
    wseal_decision decision;
    memset(&decision, 0xEE, sizeof decision);
    decision.struct_size = offsetof(wseal_decision, limit);
    OK(wseal_guard_check(guard, &client, &request, noon, &decision, error));
    CHECK(decision.allowed == 1 && decision.window == 60);
    CHECK(all_are((const char*)&decision + decision.struct_size, sizeof decision - decision.struct_size, 0xEE));
    wseal_http_fields fields = WSEAL_HTTP_FIELDS_INIT;
    fields.struct_size = offsetof(wseal_http_fields, retry_after);
    fields.retry_after[0] = 'x';
    OK(wseal_decision_http_fields(&decision, &fields, error));
    CHECK(fields.status == 200 && fields.retry_after[0] == 'x');

    /* What is refused costs nothing, and takes no event. */
    client = named("b");
    REFUSED_SIZES(decision, wseal_guard_check(guard, &client, NULL, noon, &decision, error));
    decision = (wseal_decision)WSEAL_DECISION_INIT;
    REFUSED_SIZES(client, wseal_guard_check(guard, &client, NULL, noon, &decision, error));
    client = named("b");
    REFUSED_SIZES(request, wseal_guard_check(guard, &client, &request, noon, &decision, error));
    CHECK(check(guard, client, NULL, noon).remaining == 1);
    CHECK(check(guard, client, NULL, noon).allowed && !check(guard, client, NULL, noon).allowed);
    wseal_guard_event event = WSEAL_GUARD_EVENT_INIT;
    int found = 0;
    REFUSED_SIZES(event, wseal_guard_next_event(guard, &event, &found, error));
    event.struct_size = sizeof event;
    OK(wseal_guard_next_event(guard, &event, &found, error));
    CHECK(found == 1);
    wseal_usage usage = WSEAL_USAGE_INIT;
    uint32_t settlement = 0;
    REFUSED_SIZES(usage, wseal_guard_settle(guard, 1, &usage, noon, &settlement, error));
    REFUSED_SIZES(fields, wseal_decision_http_fields(&decision, &fields, error));
    fields.struct_size = sizeof fields;
    decision.reason = 8;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_decision_http_fields(&decision, &fields, error));
    REFUSED_SIZES(decision, wseal_decision_http_fields(&decision, &fields, error));
    wseal_guard_counters counters = WSEAL_GUARD_COUNTERS_INIT;
    REFUSED_SIZES(counters, wseal_guard_get_counters(guard, &counters, error));
    wseal_guard_options options = WSEAL_GUARD_OPTIONS_INIT;
    wseal_guard* none = NULL;
    REFUSED_SIZES(options, wseal_guard_new(NULL, 0, &options, &none, error));
    CHECK(none == NULL);
    wseal_guard_free(guard);
    wseal_guard_free(NULL);
}

/* Two guards of one file are one guard. */
static void shared_memory(void) {
    char folder[] = "/tmp/weightseal-capi-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    char path[64];
    snprintf(path, sizeof path, "%s/table", folder);
    const char* limits = "{\"capacity\": 10, \"limits\": [{\"budget\": \"queries\", \"limit\": 3, \"window\": 60}]}";
    const uint8_t secret[32] = {7};
    wseal_guard_options options = WSEAL_GUARD_OPTIONS_INIT;
    options.shared_memory = path;
    wseal_guard* guards[2] = {NULL, NULL};
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_guard_new(limits, strlen(limits), &options, &guards[0], error));
    options.secret = secret;
    for (int i = 0; i < 2; ++i) {
        OK(wseal_guard_new(limits, strlen(limits), &options, &guards[i], error));
    }
    const wseal_client client = named("client-7");
    for (int i = 0; i < 4; ++i) {
        CHECK(check(guards[i % 2], client, NULL, noon).allowed == (i < 3));
    }
    wseal_guard* none = NULL;
    EXPECT(WSEAL_SHARED_TABLE_DIFFERS, wseal_guard_new(NULL, 0, &options, &none, error));
    for (int i = 0; i < 2; ++i) {
        wseal_guard_free(guards[i]);
    }
    remove_folder(folder);
}

static void* many_checks(void* guard) {
    uintptr_t admitted = 0;
    for (int i = 0; i < 2000; ++i) {
        wseal_decision decision = WSEAL_DECISION_INIT;
        const wseal_client client = named("everybody");
        if (wseal_guard_check(guard, &client, NULL, noon + i, &decision, NULL) == WSEAL_OK && decision.allowed) {
            ++admitted;
        }
    }
    return (void*)admitted;
}

static void threads(void) {
    wseal_guard* guard = guard_with("{\"limits\": [{\"budget\": \"queries\", \"limit\": 3000, \"window\": 60}]}");
    pthread_t workers[4];
    uintptr_t sum = 0;
    for (int i = 0; i < 4; ++i) {
        CHECK(pthread_create(&workers[i], NULL, many_checks, guard) == 0);
    }
    for (int i = 0; i < 4; ++i) {
        void* admitted = NULL;
        pthread_join(workers[i], &admitted);
        sum += (uintptr_t)admitted;
    }
    CHECK(sum == 3000);
    wseal_guard_free(guard);
}

static void signals(void) {
    wseal_guard* guard = guard_with("{\"limits\": [{\"budget\": \"queries\", \"limit\": 500, \"window\": 3600}],"
                                    "\"signals\": {\"clients\": 64, \"warm_up\": 0, \"distinct_prompts\": 10}}");
    const wseal_client client = named("a");
    wseal_observation observation = WSEAL_OBSERVATION_INIT;
    char prompt[] = "prompt 0";
    observation.prompt = prompt;
    observation.prompt_size = sizeof prompt - 1;
    for (int i = 0; i < 9; ++i) {
        ++prompt[7];
        OK(wseal_guard_observe(guard, &client, &observation, noon, error));
        OK(wseal_guard_observe(guard, &client, &observation, noon, error));
    }
    wseal_guard_event event = WSEAL_GUARD_EVENT_INIT;
    int found = 1;
    OK(wseal_guard_next_event(guard, &event, &found, error));
    CHECK(!found);
    const uint64_t hash = 7;
    observation.prompt = NULL;
    observation.prompt_hash = &hash;
    OK(wseal_guard_observe(guard, &client, &observation, noon + second, error));
    OK(wseal_guard_next_event(guard, &event, &found, error));
    CHECK(found && event.kind == WSEAL_EVENT_DISTINCT_PROMPTS && event.used == 10 && event.limit == 10);
    CHECK(event.window == 86400 && event.tier == WSEAL_TIER_CLIENT && event.now == noon + second);
    static const char few[] = "{\"signals\": {\"clients\": 63}}";
    const wseal_client nowhere = from("/run/socket", NULL);
    EXPECT(WSEAL_BAD_ADDRESS, wseal_guard_observe(guard, &nowhere, &observation, noon, error));
    REFUSED_SIZES(observation, wseal_guard_observe(guard, &client, &observation, noon, error));
    EXPECT(WSEAL_LIMITS_OUT_OF_RANGE, wseal_guard_configure(guard, few, strlen(few), noon, error));
    wseal_guard_free(guard);
}

void test_guard(void) {
    throttling();
    settling();
    addresses();
    changing();
    names();
    structs();
    signals();
    shared_memory();
    threads();
}

/* The shared guard where its server is not: the failure policy decides. With a server it is tested from C++ and Python.
 */

#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include "test.h"

#include <stddef.h>
#include <time.h>

static const char nowhere[] = "unix:///nowhere/at/all";
static const char forty[] = "{\"limits\": [{\"budget\": \"queries\", \"limit\": 40, \"window\": 3600},"
                            " {\"budget\": \"concurrency\", \"limit\": 80}]}";
static const int64_t noon = 1790000000000000000;

static wseal_guard_options with_secret(void) {
    static const uint8_t secret[32] = {1, 2, 3};
    wseal_guard_options options = WSEAL_GUARD_OPTIONS_INIT;
    options.secret = secret;
    return options;
}

static wseal_shared_guard* guard_of(wseal_shared_options shared) {
    const wseal_guard_options options = with_secret();
    wseal_shared_guard* guard = NULL;
    OK(wseal_shared_guard_new(forty, strlen(forty), &options, &shared, &guard, error));
    return guard;
}

static wseal_shared_options for_four(uint32_t mode, uint32_t policy) {
    wseal_shared_options shared = WSEAL_SHARED_OPTIONS_INIT;
    shared.url = nowhere;
    shared.replicas = 4;
    shared.mode = mode;
    shared.failure_policy = policy;
    return shared;
}

static void until_degraded(wseal_shared_guard* guard) {
    int degraded = 0;
    for (int i = 0; i < 5000 && !degraded; ++i) {
        const struct timespec moment = {0, 2000000};
        nanosleep(&moment, NULL);
        OK(wseal_shared_guard_is_degraded(guard, &degraded, error));
    }
    CHECK(degraded == 1);
}

static int admitted_of(wseal_shared_guard* guard, int attempts) {
    wseal_client client = WSEAL_CLIENT_INIT;
    client.name = "x";
    client.name_size = 1;
    int admitted = 0;
    for (int i = 0; i < attempts; ++i) {
        wseal_decision decision = WSEAL_DECISION_INIT;
        if (i % 2 == 0)
            OK(wseal_shared_guard_check(guard, &client, NULL, noon, &decision, error));
        else
            OK(wseal_shared_guard_check_shared(guard, &client, NULL, noon, &decision, error));
        admitted += decision.allowed;
        if (decision.allowed && decision.ticket != 0) {
            const wseal_usage usage = WSEAL_USAGE_INIT;
            uint32_t settlement = 99;
            OK(wseal_shared_guard_settle(guard, decision.ticket, &usage, noon, &settlement, error));
            CHECK(settlement == WSEAL_SETTLED);
        }
    }
    return admitted;
}

static void policies(void) {
    for (uint32_t mode = WSEAL_SHARED_LEASE; mode <= WSEAL_SHARED_EXACT; ++mode) {
        wseal_shared_guard* guard = guard_of(for_four(mode, WSEAL_FAILURE_LOCAL));
        EXPECT(WSEAL_SERVER_UNREACHABLE, wseal_shared_guard_connect(guard, error));
        until_degraded(guard);
        CHECK(admitted_of(guard, 30) == 10);
        wseal_guard_event event = WSEAL_GUARD_EVENT_INIT;
        int found = 0;
        OK(wseal_shared_guard_next_event(guard, &event, &found, error));
        CHECK(found && event.kind == WSEAL_EVENT_SHARED_DEGRADED && event.used == WSEAL_SERVER_UNREACHABLE);
        wseal_guard_counters counters = WSEAL_GUARD_COUNTERS_INIT;
        OK(wseal_shared_guard_get_counters(guard, &counters, error));
        CHECK(counters.admitted == 10 && counters.refused == 20 && counters.memory != 0);
        wseal_shared_guard_free(guard);

        guard = guard_of(for_four(mode, WSEAL_FAILURE_OPEN));
        until_degraded(guard);
        CHECK(admitted_of(guard, 30) == 30);
        wseal_shared_guard_free(guard);

        guard = guard_of(for_four(mode, WSEAL_FAILURE_CLOSED));
        until_degraded(guard);
        CHECK(admitted_of(guard, 30) == 0);
        wseal_shared_guard_free(guard);
    }
}

/* Where the failure policy decides it decides here, too; what needs the server is no decision, and not counted. */
static void leases_alone(void) {
    for (uint32_t mode = WSEAL_SHARED_LEASE; mode <= WSEAL_SHARED_EXACT; ++mode) {
        wseal_shared_guard* guard = guard_of(for_four(mode, WSEAL_FAILURE_LOCAL));
        until_degraded(guard);
        wseal_client client = WSEAL_CLIENT_INIT;
        client.name = "x";
        client.name_size = 1;
        uint64_t admitted = 0;
        for (int i = 0; i < 15; ++i) {
            wseal_decision decision = WSEAL_DECISION_INIT;
            OK(wseal_shared_guard_check_leases(guard, &client, NULL, noon, &decision, error));
            CHECK((decision.reason == WSEAL_LEASE_PENDING) == (mode == WSEAL_SHARED_EXACT));
            admitted += (uint64_t)decision.allowed;
        }
        wseal_guard_counters counters = WSEAL_GUARD_COUNTERS_INIT;
        OK(wseal_shared_guard_get_counters(guard, &counters, error));
        CHECK(admitted == (mode == WSEAL_SHARED_EXACT ? 0 : 10) && counters.admitted == admitted);
        CHECK(counters.refused == (mode == WSEAL_SHARED_EXACT ? 0 : 5));
        wseal_shared_guard_free(guard);
    }
}

static void refused_options(void) {
    wseal_guard_options options = with_secret();
    wseal_shared_options shared = for_four(0, 0);
    wseal_shared_guard* guard = NULL;
    const size_t size = strlen(forty);
    shared.url = "http://cache";
    EXPECT(WSEAL_BAD_SERVER_URL, wseal_shared_guard_new(forty, size, &options, &shared, &guard, error));
    shared.url = NULL;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_shared_guard_new(forty, size, &options, &shared, &guard, error));
    shared = for_four(2, 0);
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_shared_guard_new(forty, size, &options, &shared, &guard, error));
    shared = for_four(0, 3);
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_shared_guard_new(forty, size, &options, &shared, &guard, error));
    shared = for_four(0, 0);
    shared.replicas = 41;
    EXPECT(WSEAL_LIMITS_OUT_OF_RANGE, wseal_shared_guard_new(forty, size, &options, &shared, &guard, error));
    shared.replicas = 0;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_shared_guard_new(forty, size, &options, &shared, &guard, error));
    shared = for_four(0, 0);
    options.shared_memory = "/dev/shm/table";
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_shared_guard_new(forty, size, &options, &shared, &guard, error));
    options.shared_memory = NULL;
    options.secret = NULL;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_shared_guard_new(forty, size, &options, &shared, &guard, error));
    CHECK(guard == NULL);
}

void test_guard_shared(void) {
    policies();
    leases_alone();
    refused_options();
}

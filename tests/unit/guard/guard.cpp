// The guard as a whole: its memory, what HTTP is told, its events, and that checks allocate nothing.

#include "support/guard.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace weightseal::testing {
namespace {

constexpr double mib = 1 << 20;

thread_local std::uint64_t allocations = 0;

} // namespace
} // namespace weightseal::testing

#ifndef WEIGHTSEAL_SANITIZED
// Counts what this program allocates; the sanitizers have operators of their own.
void* operator new(std::size_t size) {
    ++weightseal::testing::allocations;
    if (void* const data = std::malloc(size == 0 ? 1 : size)) return data;
    throw std::bad_alloc();
}
void operator delete(void* data) noexcept {
    std::free(data);
}
void operator delete(void* data, std::size_t) noexcept {
    std::free(data);
}
#endif

namespace weightseal::testing {

TEST_CASE("a million clients need 132 MiB with one window, and 64 MiB more for each further one") {
    for (std::uint32_t windows = 1; windows <= (effort == 1 ? 1 : 5); windows += 2) {
        Limits limits = only({}, 1'000'000);
        for (std::uint32_t i = 0; i < windows; ++i)
            limits.limits.push_back(queries(500, 3600 + i));
        const Guard guard(limits);
        CHECK(static_cast<double>(guard.memory()) <= (132 + 64 * (windows - 1.0)) * mib);
    }
}

TEST_CASE("checks, settlements, observations and identification allocate nothing, whatever they come to") {
    Limits limits = only({queries(5, 60), tokens(1000, 600), concurrency(4)}, 100);
    limits.signals = {.clients = 64, .warm_up = 0, .distinct_prompts = 100};
    Guard guard(limits);
    const std::uint64_t before = allocations;
    Random random(51);
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        const std::uint64_t name = random.below(500);
        const nanoseconds now = noon + nanoseconds(static_cast<std::int64_t>(i) * 1'000'000);
        const ClientKey client = guard.identify({.name = std::string_view(reinterpret_cast<const char*>(&name), 8)});
        const Decision decision = guard.check(client, {.tokens = random.below(1200)}, now);
        const HttpFields fields = http_fields(decision);
        if (decision.allowed != (fields.status == 200)) FAIL("status " << fields.status);
        guard.observe(client, {.prompt_hash = random.next(), .logprobs = true}, now);
        if (random.once_in(2)) static_cast<void>(guard.settle(decision.ticket, {.tokens = random.below(500)}, now));
    }
    CHECK(guard.counters().overflow > 0);
    CHECK(guard.counters().evicted > 0);
    CHECK(allocations == before);
}

TEST_CASE("a decision describes the limit that is nearest, and a refusal the one that takes longest") {
    Guard guard(only({queries(10, 16), queries(20, 160), tokens(100, 160)}));
    const ClientKey client = named(guard, 1);
    const Decision first = guard.check(client, {.queries = 4, .tokens = 30}, noon);
    CHECK(first.budget == Budget::queries);
    CHECK(first.window == 16);
    CHECK(first.limit == 10);
    CHECK(first.remaining == 6);
    CHECK(first.reset_after <= seconds(17));
    const Decision second = guard.check(client, {.queries = 0, .tokens = 30}, noon);
    CHECK(second.budget == Budget::tokens);
    CHECK(second.remaining == 40);
    CHECK(second.tier == Tier::client);
    const Decision refused = guard.check(client, {.queries = 7, .tokens = 41}, noon);
    CHECK_FALSE(refused.allowed);
    CHECK(refused.budget == Budget::tokens);
    CHECK(refused.window == 160);
    CHECK(refused.remaining == 40);
    CHECK(refused.retry_after > seconds(159));
    CHECK(refused.refused_by == (1U << 0 | 1U << 1));
}

TEST_CASE("HTTP is told the status, when to retry, and what is left") {
    Guard guard(only({queries(2, 60), concurrency(5)}));
    const ClientKey client = named(guard, 1);
    const HttpFields admitted = http_fields(guard.check(client, {}, noon));
    CHECK(admitted.status == 200);
    CHECK(std::string(admitted.retry_after.data()).empty());
    CHECK(std::string(admitted.rate_limit_policy.data()) == R"("client-queries";q=2;w=60)");
    CHECK(std::string(admitted.rate_limit.data()).starts_with(R"("client-queries";r=1;t=6)"));
    static_cast<void>(guard.check(client, {}, noon));
    const Decision refusal = guard.check(client, {}, noon);
    const HttpFields refused = http_fields(refusal);
    CHECK(refused.status == 429);
    const std::string retry(refused.retry_after.data());
    CHECK(seconds(std::stod(retry)) >= refusal.retry_after);
    CHECK(seconds(std::stod(retry) - 1) < refusal.retry_after);
    CHECK(std::string(refused.rate_limit.data()) == R"("client-queries";r=0;t=)" + retry);

    const HttpFields never = http_fields(guard.check(client, {.queries = 3}, noon));
    CHECK(never.status == 429);
    CHECK(std::string(never.retry_after.data()).empty());

    Guard slots(only({concurrency(5)}));
    CHECK(std::string(http_fields(slots.check(named(slots, 1), {}, noon)).rate_limit_policy.data()) ==
          R"("client-concurrency";q=5;qu="concurrent-requests")");
    Decision both;
    both.reason = Reason::logprobs_with_logit_bias;
    CHECK(http_fields(both).status == 400);
    CHECK(std::string(http_fields(both).rate_limit.data()).empty());
    // The longest texts there are fit.
    Decision longest;
    longest.tier = Tier::network_56;
    longest.budget = Budget::logit_bias_entries;
    longest.limit = longest.remaining = max_limit;
    longest.window = max_window;
    longest.retry_after = seconds(1e6);
    CHECK(std::string(http_fields(longest).rate_limit_policy.data()) ==
          R"("network_56-logit_bias_entries";q=1000000000000;w=2678400)");
    CHECK(std::string(http_fields(longest).rate_limit.data()).ends_with("t=1000000"));
}

TEST_CASE("a streak of refusals is one event, which tells whom it was and what was used") {
    Guard guard(only({queries(2, 16)}));
    std::vector<GuardEvent> events(100);
    for (int streak = 0; streak < 3; ++streak) {
        const nanoseconds now = noon + seconds(20 * streak);
        for (int i = 0; i < 10; ++i)
            static_cast<void>(guard.check(named(guard, 1), {}, now));
        REQUIRE(guard.take_events(events) == 1);
        CHECK(events[0].kind == GuardEventKind::limit_reached);
        CHECK(events[0].client == named(guard, 1).hashes[0]);
        CHECK(events[0].used == 2);
        CHECK(events[0].limit == 2);
        CHECK(events[0].window == 16);
        CHECK(events[0].now == now);
    }
}

TEST_CASE("a clock that was set back and a change of limits are events") {
    Guard guard(only({queries(2, 16)}));
    std::vector<GuardEvent> events(100);
    static_cast<void>(guard.check(named(guard, 1), {}, noon));
    static_cast<void>(guard.check(named(guard, 1), {}, noon - seconds(100)));
    guard.configure(only({queries(3, 16)}), noon - seconds(100));
    REQUIRE(guard.take_events(events) == 2);
    CHECK(events[0].kind == GuardEventKind::clock_stepped_back);
    CHECK(events[0].now == noon - seconds(100));
    CHECK(events[1].kind == GuardEventKind::limits_changed);
}

TEST_CASE("events that nobody takes are counted, and the oldest stay") {
    Guard guard(only({queries(1, 16)}, 100'000));
    for (std::uint64_t i = 0; i < 10'000; ++i)
        for (int query = 0; query < 2; ++query)
            static_cast<void>(guard.check(named(guard, i), {}, noon));
    std::vector<GuardEvent> events(10'000);
    const std::size_t taken = guard.take_events(events);
    CHECK(taken == 4096);
    CHECK(events[0].client == named(guard, 0).hashes[0]);
    CHECK(guard.counters().dropped_events == 10'000 - taken);
}

TEST_CASE("counters tell what happened") {
    Guard guard(only({queries(2, 16)}));
    for (std::uint64_t i = 0; i < 5; ++i)
        for (int query = 0; query < 3; ++query)
            static_cast<void>(guard.check(named(guard, i), {}, noon));
    const GuardCounters counters = guard.counters();
    CHECK(counters.admitted == 10);
    CHECK(counters.refused == 5);
    CHECK(counters.inserted == 5);
    CHECK(counters.evicted == 0);
    CHECK(counters.overflow == 0);
}

TEST_CASE("guards with one secret give a client one hash, others and other guards do not know it") {
    std::array<std::byte, secret_size> bytes{std::byte{7}};
    const Secret secret = Secret::copy_of(bytes);
    const Limits limits = only({queries(5, 60)});
    const Guard a(limits, secret), b(limits, secret), c(limits), d(limits);
    CHECK(named(a, 1) == named(b, 1));
    CHECK_FALSE(named(a, 1) == named(a, 2));
    CHECK_FALSE(named(a, 1) == named(c, 1));
    CHECK_FALSE(named(c, 1) == named(d, 1));
}

} // namespace weightseal::testing

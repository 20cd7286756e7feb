// Tickets: what was reserved, refunds, debts, expiry, requests in progress.

#include "support/guard.hpp"

#include <deque>
#include <set>

namespace weightseal::testing {
namespace {

Decision ask(Guard& guard, std::uint64_t tokens, nanoseconds now, std::uint64_t client = 1) {
    return guard.check(named(guard, client), {.tokens = tokens}, now);
}

} // namespace

TEST_CASE("settling below the reservation gives the rest back, to the time of the check") {
    Guard guard(only({tokens(100, 160)})); // sub-buckets of 10 s
    const Decision first = ask(guard, 60, noon);
    const Decision second = ask(guard, 40, noon + seconds(50));
    REQUIRE(first.allowed);
    REQUIRE(second.allowed);
    CHECK_FALSE(ask(guard, 1, noon + seconds(60)).allowed);
    CHECK(guard.settle(first.ticket, {.tokens = 10}, noon + seconds(60)) == Settlement::settled);
    CHECK_FALSE(ask(guard, 51, noon + seconds(60)).allowed);
    CHECK(ask(guard, 50, noon + seconds(60)).allowed);
    // The 10 that are left of the first leave with it, not with the settlement.
    CHECK_FALSE(ask(guard, 10, noon + seconds(150)).allowed);
    CHECK(ask(guard, 10, noon + seconds(171)).allowed);
    CHECK_FALSE(ask(guard, 1, noon + seconds(171)).allowed);
}

TEST_CASE("what was refunded can be spent, and no more: against a sum, at one moment") {
    Random random(31);
    for (std::uint64_t round = 0; round < 20 * effort; ++round) {
        const std::uint64_t limit = round % 2 == 0 ? 10'000 : 1'000'000'000'000;
        Guard guard(only({tokens(limit, 60)}));
        std::deque<std::pair<Ticket, std::uint64_t>> open;
        std::uint64_t used = 0;
        for (int i = 0; i < 300; ++i) {
            if (!open.empty() && random.once_in(2)) {
                const auto [ticket, reserved] = open.front();
                open.pop_front();
                const std::uint64_t spent = random.below(reserved + 1);
                REQUIRE(guard.settle(ticket, {.tokens = spent}, noon) == Settlement::settled);
                used -= reserved - spent;
                continue;
            }
            const std::uint64_t cost = random.between(1, limit / 20);
            const Decision decision = ask(guard, cost, noon);
            REQUIRE(decision.allowed == (used + cost <= limit));
            CHECK(decision.remaining == limit - used - (decision.allowed ? cost : 0));
            if (!decision.allowed) continue;
            used += cost;
            open.emplace_back(decision.ticket, cost);
        }
    }
}

TEST_CASE("a ticket settles once, and only a ticket that was given does") {
    Guard guard(only({tokens(100, 60)}));
    const Ticket ticket = ask(guard, 60, noon).ticket;
    REQUIRE(ticket != 0);
    CHECK(guard.settle(ticket, {.tokens = 10}, noon) == Settlement::settled);
    for (int i = 0; i < 3; ++i)
        CHECK(guard.settle(ticket, {.tokens = 0}, noon) == Settlement::unknown);
    CHECK(guard.settle(0, {}, noon) == Settlement::unknown);
    CHECK(guard.settle(UINT64_MAX, {}, noon) == Settlement::unknown);
    const Ticket next = ask(guard, 60, noon).ticket;
    CHECK(guard.settle(next + 1, {}, noon) == Settlement::unknown);
    CHECK(guard.settle(next + (Ticket{1} << 24), {}, noon) == Settlement::unknown);
    CHECK_FALSE(ask(guard, 31, noon).allowed);
    CHECK(ask(guard, 30, noon).allowed);
}

TEST_CASE("an expired ticket keeps its full charge") {
    Limits limits = only({tokens(100, 3600)});
    limits.ticket_lifetime = 16; // sub-buckets of a second
    Guard guard(limits);
    const Decision first = ask(guard, 60, noon);
    const Decision second = ask(guard, 20, noon);
    CHECK(guard.settle(second.ticket, {}, noon + seconds(15.9)) == Settlement::settled);
    CHECK(guard.settle(first.ticket, {}, noon + seconds(17)) == Settlement::expired);
    CHECK(guard.settle(first.ticket, {}, noon + seconds(17)) == Settlement::unknown);
    CHECK_FALSE(ask(guard, 41, noon + seconds(17)).allowed);
    CHECK(ask(guard, 40, noon + seconds(17)).allowed);
}

TEST_CASE("settling above is a debt: an event, and nothing is admitted until it has left the window") {
    Guard guard(only({tokens(100, 160), tokens(1000, 16)}));
    const Decision decision = ask(guard, 10, noon);
    CHECK(guard.settle(decision.ticket, {.tokens = 11}, noon + seconds(5)) == Settlement::in_debt);
    const std::vector<GuardEvent> events = events_of(guard);
    REQUIRE(events.size() == 2); // one for each window
    for (const GuardEvent& event : events) {
        CHECK(event.kind == GuardEventKind::in_debt);
        CHECK(event.budget == Budget::tokens);
        CHECK(event.used == 11);
        CHECK(event.client == named(guard, 1).hashes[0]);
    }
    for (double time = 6; time < 160; time += 7.3) {
        const Decision refused = ask(guard, 0, noon + seconds(time));
        CHECK_FALSE(refused.allowed);
        CHECK(refused.reason == Reason::in_debt);
        CHECK(refused.window == 160);
        CHECK(ask(guard, 1, noon + seconds(time), 2).allowed); // nobody else
    }
    const Decision last = ask(guard, 1, noon + seconds(160));
    CHECK(ask(guard, 1, noon + seconds(160) + last.retry_after).allowed);
    CHECK(last.retry_after <= seconds(10));
}

TEST_CASE("a debt above the limit is the one way past it, and usage that overflows is one") {
    for (const std::uint64_t used : {std::uint64_t{101}, std::uint64_t{1} << 40, UINT64_MAX}) {
        Guard guard(only({tokens(100, 10)}));
        CHECK(guard.settle(ask(guard, 50, noon).ticket, {.tokens = used}, noon) == Settlement::in_debt);
        CHECK(ask(guard, 1, noon + seconds(9.9)).remaining == 0);
        CHECK(ask(guard, 100, noon + seconds(10.7)).allowed);
    }
}

TEST_CASE("a debt older than its window is none") {
    Guard guard(only({tokens(100, 10)}));
    const Decision decision = ask(guard, 50, noon);
    CHECK(guard.settle(decision.ticket, {.tokens = 500}, noon + seconds(11)) == Settlement::settled);
    CHECK(ask(guard, 100, noon + seconds(11)).allowed);
}

TEST_CASE("concurrency counts open tickets: settling frees the slot, and so does expiry") {
    Limits limits = only({concurrency(3)});
    limits.ticket_lifetime = 16;
    Guard guard(limits);
    Random random(32);
    std::set<Ticket> open;
    nanoseconds now = noon;
    for (std::uint64_t i = 0; i < 20'000 * effort; ++i) {
        if (!open.empty() && random.once_in(2)) {
            REQUIRE(guard.settle(*open.begin(), {}, now) == Settlement::settled);
            open.erase(open.begin());
        } else {
            const Decision decision = ask(guard, 0, now);
            REQUIRE(decision.allowed == (open.size() < 3));
            if (decision.allowed) open.insert(decision.ticket);
        }
        if (random.once_in(300)) { // all that are open expire
            now += seconds(17);
            for (const Ticket ticket : open)
                REQUIRE(guard.settle(ticket, {}, now) == Settlement::expired);
            open.clear();
        }
    }
}

TEST_CASE("without a free ticket a request is admitted with its full charge, and that is an event") {
    Limits limits = only({tokens(1000, 3600), concurrency(100)});
    limits.tickets = 4;
    Guard guard(limits);
    std::vector<Ticket> tickets;
    for (int i = 0; i < 6; ++i) {
        const Decision decision = ask(guard, 10, noon);
        REQUIRE(decision.allowed);
        tickets.push_back(decision.ticket);
    }
    CHECK(std::ranges::count(tickets, Ticket{0}) == 2);
    const std::vector<GuardEvent> events = events_of(guard);
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == GuardEventKind::tickets_exhausted);
    for (const Ticket ticket : tickets)
        CHECK(guard.settle(ticket, {}, noon) == (ticket == 0 ? Settlement::unknown : Settlement::settled));
    CHECK(ask(guard, 980, noon).allowed);
    CHECK_FALSE(ask(guard, 1, noon).allowed);
    // One more is in use. Expired tickets are used again.
    for (int i = 0; i < 3; ++i)
        CHECK(ask(guard, 0, noon, 7).ticket != 0);
    CHECK(ask(guard, 0, noon, 7).ticket == 0);
    CHECK(ask(guard, 0, noon + seconds(700), 7).ticket != 0);
}

TEST_CASE("a reservation covers input and the most that may come out, capped at the lowest limit") {
    Guard guard(only(
        {tokens(10'000, 60), tokens(50'000, 3600), {.budget = Budget::logprob_tokens, .limit = 600, .window = 60}}));
    const Costs costs = guard.costs_of({.prompts = 2, .n = 3, .best_of = 5, .input_tokens = 70, .max_tokens = 100});
    CHECK(costs.queries == 10);
    CHECK(costs.tokens == 1070);
    CHECK(costs.logprob_tokens == 0);
    CHECK(guard.costs_of({.max_tokens = 100, .logprobs = true}).logprob_tokens == 100);
    CHECK(guard.costs_of({.max_tokens = 1000, .logprobs = true}).logprob_tokens == 600);
    CHECK(guard.costs_of({.max_tokens = 1'000'000}).tokens == 10'000);
    CHECK(guard.costs_of({.n = 0, .best_of = 0}).queries == 1);
    CHECK(guard.costs_of({.logit_bias_entries = 300}).logit_bias_entries == 300);
    // Numbers whose products do not fit are as large as numbers can be.
    const Costs huge =
        guard.costs_of({.prompts = UINT64_MAX, .n = UINT64_MAX, .input_tokens = UINT64_MAX, .max_tokens = UINT64_MAX});
    CHECK(huge.queries == UINT64_MAX);
    CHECK(huge.tokens == 10'000);
}

TEST_CASE("log-probabilities have a budget of their own, and beside logit_bias they can be forbidden") {
    Limits limits = only({{.budget = Budget::logprob_tokens, .limit = 100, .window = 60},
                          {.budget = Budget::logit_bias_entries, .limit = 50, .window = 60}});
    limits.logprobs_or_logit_bias = true;
    Guard guard(limits);
    const ClientKey client = named(guard, 1);
    const Decision both = guard.check(client, {.logprob_tokens = 1, .logit_bias_entries = 1}, noon);
    CHECK_FALSE(both.allowed);
    CHECK(both.reason == Reason::logprobs_with_logit_bias);
    CHECK(both.retry_after.count() == 0);
    const Decision logprobs = guard.check(client, {.logprob_tokens = 100}, noon);
    CHECK(logprobs.allowed);
    CHECK(guard.check(client, {.logit_bias_entries = 50}, noon).allowed);
    CHECK_FALSE(guard.check(client, {.logprob_tokens = 1}, noon).allowed);
    CHECK_FALSE(guard.check(client, {.logit_bias_entries = 1}, noon).allowed);
    CHECK(guard.check(client, {}, noon).allowed);
    CHECK(guard.settle(logprobs.ticket, {.logprob_tokens = 30}, noon) == Settlement::settled);
    CHECK(guard.check(client, {.logprob_tokens = 70}, noon).allowed);
    limits.logprobs_or_logit_bias = false;
    guard.configure(limits, noon + seconds(70));
    CHECK(guard.check(client, {.logprob_tokens = 1, .logit_bias_entries = 1}, noon + seconds(70)).allowed);
}

} // namespace weightseal::testing

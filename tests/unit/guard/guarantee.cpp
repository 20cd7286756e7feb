// The guarantee: what is admitted in any window, against a log of every admission.

#include "support/guard.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

namespace weightseal::testing {
namespace {

/// Guard time as the documentation tells it, in nanoseconds.
class GuardTime {
  public:
    explicit GuardTime(std::uint32_t shortest_window) : step_back_(shortest_window * 1'000'000'000LL / 16) {}

    std::int64_t advance(std::int64_t now) {
        if (!started_) time_ = now;
        started_ = true;
        if (time_ - (now + offset_) > step_back_) offset_ = time_ - now;
        return time_ = std::max(time_, now + offset_);
    }

  private:
    std::int64_t step_back_;
    std::int64_t time_ = 0;
    std::int64_t offset_ = 0;
    bool started_ = false;
};

struct Admission {
    std::int64_t time;
    std::array<std::uint64_t, budget_count> cost;
    Ticket ticket;
};

/// Everything one client was admitted.
class Log {
  public:
    std::deque<Admission> admissions;

    [[nodiscard]] std::uint64_t since(std::int64_t time, Budget budget) const {
        std::uint64_t sum = 0;
        for (auto at = admissions.rbegin(); at != admissions.rend() && at->time > time; ++at)
            sum += at->cost[static_cast<std::size_t>(budget)];
        return sum;
    }
};

/// Steps of a clock: mostly small, some as long as a window, some backwards, some of a day.
std::int64_t step(Random& random, bool hostile) {
    const auto some = [&](double most) {
        return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most * 1e9)));
    };
    if (hostile && random.once_in(2000)) return (random.once_in(2) ? 1 : -1) * some(86'400);
    if (hostile && random.once_in(50)) return -some(2);
    if (random.once_in(200)) return some(200);
    return random.once_in(2) ? some(0.02) : some(2);
}

void check_windows(const std::vector<Limit>& limits, bool hostile_clock, std::uint64_t seed, std::uint64_t operations) {
    Guard guard(only(limits));
    Random random(seed);
    std::uint32_t shortest = 600, longest = 0;
    for (const Limit& limit : limits)
        if (limit.budget != Budget::concurrency)
            shortest = std::min(shortest, limit.window), longest = std::max(longest, limit.window);
    GuardTime guard_time(shortest);
    std::map<std::uint64_t, Log> logs;
    std::int64_t now = noon.count();
    std::uint64_t admitted = 0, refused = 0;
    const bool reserves = std::ranges::any_of(limits, [](const Limit& l) { return l.budget == Budget::tokens; });
    for (std::uint64_t i = 0; i < operations; ++i) {
        now += step(random, hostile_clock);
        const std::uint64_t number = random.below(4);
        const ClientKey client = named(guard, number);
        Log& log = logs[number];
        if (reserves && random.once_in(3) && !log.admissions.empty()) {
            Admission& old = log.admissions[random.below(log.admissions.size())];
            const std::uint64_t used = random.below(old.cost[1] + 1);
            guard_time.advance(now);
            if (guard.settle(old.ticket, {.tokens = used}, nanoseconds(now)) != Settlement::settled) continue;
            old.cost[1] = used;
            old.cost[2] = 0;
            continue;
        }
        const Costs costs{.queries = random.below(12), .tokens = reserves ? random.below(3000) : 0};
        const Decision decision = guard.check(client, costs, nanoseconds(now));
        const std::int64_t time = guard_time.advance(now);
        ++(decision.allowed ? admitted : refused);
        if (!decision.allowed) continue;
        log.admissions.push_back({time, {costs.queries, costs.tokens, 1, 0, 0}, decision.ticket});
        for (const Limit& limit : limits) {
            // Tickets expire after their lifetime; what they hold then no longer counts.
            const std::int64_t window = (limit.budget == Budget::concurrency ? 600 : limit.window) * 1'000'000'000LL;
            const std::uint64_t sum = log.since(time - window, limit.budget);
            if (sum > limit.limit) FAIL(budget_name(limit.budget) << ": " << sum << " in " << limit.window << " s");
        }
        const std::int64_t gone = time - std::max<std::int64_t>(longest, 600) * 1'000'000'000LL;
        while (log.admissions.front().time <= gone)
            log.admissions.pop_front();
    }
    CHECK(admitted > operations / 100);
    CHECK(refused > operations / 100);
}

} // namespace

TEST_CASE("admitted cost in every window is at most the limit: one window") {
    check_windows({queries(50, 10)}, false, 11, 200'000 * effort);
    check_windows({queries(500, 3600)}, false, 12, 200'000 * effort);
    check_windows({queries(11, 1)}, false, 13, 200'000 * effort);
}

TEST_CASE("admitted cost in every window is at most the limit: several windows at once") {
    check_windows({queries(40, 5), queries(200, 60), queries(900, 600)}, false, 14, 200'000 * effort);
}

TEST_CASE("admitted cost in every window is at most the limit: reservations that are settled or expire") {
    check_windows({tokens(9000, 7), tokens(30'000, 90), queries(300, 60), concurrency(9)}, false, 15, 200'000 * effort);
}

TEST_CASE("admitted cost in every window is at most the limit: a clock that steps back and forth") {
    check_windows({queries(50, 10)}, true, 16, 200'000 * effort);
    check_windows({tokens(9000, 7), queries(300, 60), concurrency(9)}, true, 17, 200'000 * effort);
}

TEST_CASE("nothing is admitted while a debt is in a window, and everything else holds beside debts, against a log") {
    constexpr std::array<std::uint32_t, 2> windows{5, 40};
    constexpr std::array<std::uint64_t, 2> most{3000, 12'000};
    Guard guard(only({tokens(most[0], windows[0]), tokens(most[1], windows[1])}));
    Random random(22);
    std::map<std::uint64_t, Log> logs;
    std::map<std::uint64_t, std::vector<std::int64_t>> debts; // times of their checks
    std::int64_t now = noon.count();
    std::uint64_t admitted = 0, in_debt = 0;
    for (std::uint64_t i = 0; i < 200'000 * effort; ++i) {
        now += static_cast<std::int64_t>(random.below(random.once_in(300) ? 60'000'000'000 : 600'000'000));
        const std::uint64_t client = random.below(3);
        std::deque<Admission>& admissions = logs[client].admissions;
        if (!admissions.empty() && random.once_in(2)) {
            Admission& old = admissions.back();
            const std::uint64_t used =
                random.once_in(30) ? old.cost[1] + random.between(1, 50'000) : random.below(old.cost[1] + 1);
            const Settlement settlement = guard.settle(old.ticket, {.tokens = used}, nanoseconds(now));
            if (settlement == Settlement::unknown) continue;
            const bool counts = now - old.time < windows[1] * 1'000'000'000LL;
            if (counts) CHECK((settlement == Settlement::in_debt) == (used > old.cost[1]));
            if (counts && used > old.cost[1]) debts[client].push_back(old.time);
            old.cost[1] = used;
            old.ticket = 0;
            continue;
        }
        const std::uint64_t cost = random.below(1000);
        const Decision decision = guard.check(named(guard, client), {.tokens = cost}, nanoseconds(now));
        if (!decision.allowed) {
            in_debt += decision.reason == Reason::in_debt;
            continue;
        }
        ++admitted;
        admissions.push_back({now, {1, cost, 1, 0, 0}, decision.ticket});
        for (std::size_t w = 0; w < windows.size(); ++w) {
            const std::int64_t start = now - windows[w] * 1'000'000'000LL;
            if (std::ranges::any_of(debts[client], [&](std::int64_t at) { return at > start; }))
                FAIL("admitted beside a debt in " << windows[w] << " s");
            if (logs[client].since(start, Budget::tokens) > most[w]) FAIL("more than " << most[w]);
        }
        while (admissions.front().time <= now - windows[1] * 1'000'000'000LL)
            admissions.pop_front();
    }
    CHECK(admitted > 10'000 * effort);
    CHECK(in_debt > 1000 * effort);
}

TEST_CASE("bursts around every boundary find no window with more than the limit") {
    // All at once, wait, all at once again: what fixed and sliding counters fall for.
    for (int wait_ms = 100; wait_ms <= 12'000; wait_ms += 370 / static_cast<int>(effort)) {
        Guard guard(only({queries(500, 10)}));
        const ClientKey client = named(guard, 1);
        std::vector<std::int64_t> times;
        std::int64_t now = noon.count();
        for (int burst = 0; burst < 6; ++burst) {
            for (int i = 0; i < 600; ++i)
                if (guard.check(client, {}, nanoseconds(now)).allowed) times.push_back(now);
            now += wait_ms * 1'000'000LL;
        }
        for (std::size_t i = 500; i < times.size(); ++i)
            REQUIRE(times[i] - times[i - 500] >= 10'000'000'000);
    }
}

TEST_CASE("a step forward of the clock frees at most one window") {
    // In true time, with steps of a day forward and back, a window holds one limit more for each step forward in it.
    Random random(18);
    for (std::uint64_t round = 0; round < 30 * effort; ++round) {
        Guard guard(only({queries(20, 10)}));
        const ClientKey client = named(guard, 1);
        std::int64_t truth = noon.count(), clock_error = 0;
        std::vector<std::int64_t> times, steps;
        for (int i = 0; i < 400; ++i) {
            truth += static_cast<std::int64_t>(random.below(200'000'000));
            if (random.once_in(60)) {
                const std::int64_t day = 86'400'000'000'000;
                clock_error += random.once_in(2) ? day : -day;
                steps.push_back(truth);
            }
            if (guard.check(client, {}, nanoseconds(truth + clock_error)).allowed) times.push_back(truth);
        }
        for (std::size_t i = 0; i < times.size(); ++i) {
            const std::int64_t end = times[i] + 10'000'000'000;
            const auto count = std::ranges::count_if(times, [&](std::int64_t t) { return t >= times[i] && t < end; });
            const auto stepped = std::ranges::count_if(steps, [&](std::int64_t t) { return t >= times[i] && t < end; });
            REQUIRE(count <= 20 * (1 + stepped));
        }
    }
}

TEST_CASE("after a clock was set back a day, clients go on as if nothing had happened") {
    Guard guard(only({queries(10, 10)}));
    const ClientKey client = named(guard, 1);
    for (int i = 0; i < 10; ++i)
        REQUIRE(guard.check(client, {}, noon).allowed);
    const nanoseconds yesterday = noon - seconds(86'400);
    CHECK_FALSE(guard.check(client, {}, yesterday).allowed);
    CHECK_FALSE(guard.check(client, {}, yesterday + seconds(9)).allowed);
    CHECK(guard.check(client, {}, yesterday + seconds(10.7)).allowed);
}

TEST_CASE("extreme clocks are no way around a limit") {
    for (const std::int64_t now : {INT64_MIN, INT64_MIN + 1, std::int64_t{-1}, std::int64_t{0}, INT64_MAX}) {
        Guard guard(only({queries(3, 10)}));
        const ClientKey client = named(guard, 1);
        for (int i = 0; i < 3; ++i)
            CHECK(guard.check(client, {}, nanoseconds(now)).allowed);
        const Decision decision = guard.check(client, {}, nanoseconds(now));
        CHECK_FALSE(decision.allowed);
        CHECK(decision.retry_after > seconds(9));
        CHECK(decision.retry_after < seconds(11));
    }
}

TEST_CASE("a refusal tells when a retry succeeds, and with nothing in between it does") {
    Random random(19);
    std::uint64_t retried = 0;
    Guard guard(only({queries(40, 5), tokens(9000, 60), queries(200, 100), concurrency(12)}, 500));
    std::int64_t now = noon.count();
    for (std::uint64_t i = 0; i < 60'000 * effort; ++i) {
        now += step(random, false);
        const ClientKey client = named(guard, random.below(4));
        const Costs costs{.queries = random.between(1, 40), .tokens = random.below(4000)};
        const Decision decision = guard.check(client, costs, nanoseconds(now));
        if (decision.allowed) continue;
        REQUIRE(decision.retry_after.count() > 0);
        if (!random.once_in(4)) continue;
        ++retried;
        const Decision early = guard.check(client, costs, nanoseconds(now) + decision.retry_after - nanoseconds(1));
        if (early.allowed) FAIL("a nanosecond too early, and admitted");
        now += decision.retry_after.count();
        if (!guard.check(client, costs, nanoseconds(now)).allowed) FAIL("refused at the time that was told");
    }
    CHECK(retried > 1000);
}

TEST_CASE("a cost above a limit is refused as such, without a time to retry") {
    Guard guard(only({queries(40, 5), queries(20, 100)}));
    const ClientKey client = named(guard, 1);
    const Decision decision = guard.check(client, {.queries = 21}, noon);
    CHECK_FALSE(decision.allowed);
    CHECK(decision.reason == Reason::cost_exceeds_limit);
    CHECK(decision.retry_after.count() == 0);
    CHECK(decision.limit == 20);
    CHECK(guard.check(client, {.queries = UINT64_MAX}, noon).reason == Reason::cost_exceeds_limit);
    CHECK(guard.check(client, {.queries = 20}, noon).allowed); // refused requests cost nothing
}

TEST_CASE("refused requests cost nothing") {
    Guard guard(only({queries(10, 10)}));
    const ClientKey client = named(guard, 1);
    CHECK(guard.check(client, {.queries = 6}, noon).allowed);
    for (int i = 0; i < 1000; ++i)
        CHECK_FALSE(guard.check(client, {.queries = 5}, noon + seconds(i * 0.009)).allowed);
    CHECK(guard.check(client, {.queries = 4}, noon + seconds(9)).allowed);
    CHECK(guard.check(client, {.queries = 6}, noon + seconds(10.7)).allowed);
}

TEST_CASE("all budgets, windows and tiers admit, or none is charged") {
    Limits limits = only({queries(10, 10), tokens(100, 10), concurrency(5)});
    limits.limits.push_back({.tier = Tier::address, .budget = Budget::queries, .limit = 12, .window = 10});
    limits.limits.push_back({.tier = Tier::network_48, .budget = Budget::tokens, .limit = 150, .window = 10});
    limits.limits.push_back({.tier = Tier::pool, .budget = Budget::queries, .limit = 14, .window = 10});
    Guard guard(limits);
    Random random(20);
    for (int round = 0; round < 400; ++round) {
        // At one moment, the model of a limit is a sum.
        const nanoseconds now = noon + seconds(1000 * round);
        std::map<std::string, std::array<std::uint64_t, 3>> used;
        for (int i = 0; i < 60; ++i) {
            const std::string name = "n" + std::to_string(random.below(3));
            const std::string address =
                "2001:db8:" + std::to_string(random.below(2)) + ':' + std::to_string(random.below(3)) + "::1";
            const std::string pool = "p" + std::to_string(random.below(2));
            const ClientKey client = guard.identify({.name = name, .address = Address::parse(address), .pool = pool});
            const Costs costs{.queries = random.below(4), .tokens = random.below(40)};
            auto& by_name = used[name];
            auto& by_address = used[address];
            auto& by_network = used[address.substr(0, 10)];
            auto& by_pool = used[pool];
            const bool fits = by_name[0] + costs.queries <= 10 && by_name[1] + costs.tokens <= 100 &&
                              by_name[2] + 1 <= 5 && by_address[0] + costs.queries <= 12 &&
                              by_network[1] + costs.tokens <= 150 && by_pool[0] + costs.queries <= 14;
            const Decision decision = guard.check(client, costs, now);
            REQUIRE(decision.allowed == fits);
            CHECK((decision.refused_by == 0) == fits);
            if (!fits) continue;
            for (auto* const counts : {&by_name, &by_address, &by_network, &by_pool}) {
                (*counts)[0] += costs.queries;
                (*counts)[1] += costs.tokens;
                (*counts)[2] += 1;
            }
        }
    }
}

TEST_CASE("a steady client that stays below nine tenths of its limit is never refused") {
    Random random(21);
    for (std::uint64_t round = 0; round < 40 * effort; ++round) {
        const std::uint64_t limit = round % 2 == 0 ? random.between(25, 2000) : random.between(1'000'000, max_limit);
        const auto window = static_cast<std::uint32_t>(random.between(1, 4000));
        Guard guard(only({tokens(limit, window)}, 1));
        const ClientKey client = named(guard, 1);
        const std::uint64_t piece = random.between(1, limit / 25);
        // Evenly paced: at most 0.9 limit a window, rounded to the safe side.
        const double pace = static_cast<double>(piece) / (0.9 * static_cast<double>(limit)) * window;
        const auto gap = static_cast<std::int64_t>(pace * 1e9) + 1;
        std::int64_t now = noon.count() + static_cast<std::int64_t>(random.below(4'000'000'000'000));
        const std::uint64_t pieces = std::min<std::uint64_t>(limit / piece * 3, 3000);
        for (std::uint64_t i = 0; i < pieces; ++i, now += gap)
            if (!guard.check(client, {.tokens = piece}, nanoseconds(now)).allowed)
                FAIL("limit " << limit << ", window " << window << ", piece " << piece << ", number " << i);
    }
}

} // namespace weightseal::testing

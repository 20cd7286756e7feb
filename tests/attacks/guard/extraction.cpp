// Ways around a budget: rotating addresses, laundering counts through a full table, numbers that overflow.

#include "support/guard.hpp"

#include <cstring>
#include <map>

namespace weightseal::testing {
namespace {

ClientKey at(const Guard& guard, std::uint64_t high, std::uint64_t low) {
    Address address;
    address.is_v6 = true;
    for (std::size_t i = 0; i < 8; ++i) {
        address.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
        address.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
    }
    return guard.identify({.address = address});
}

constexpr std::uint64_t documentation_48 = 0x20010DB8'00010000; // 2001:db8:1::/48

} // namespace

TEST_CASE("whoever has a /48 of IPv6 has one limit, however it changes its address") {
    Limits limits = only({}, 1000);
    limits.limits = {{.tier = Tier::address, .limit = 50, .window = 3600},
                     {.tier = Tier::network_56, .limit = 200, .window = 3600},
                     {.tier = Tier::network_48, .limit = 800, .window = 3600}};
    Guard guard(limits);
    Random random(81);
    std::uint64_t admitted = 0;
    std::array<std::uint64_t, 256> of_56{};
    for (std::uint64_t i = 0; i < 20'000 * effort; ++i) {
        const std::uint64_t subnet = random.below(65'536);
        const ClientKey client = at(guard, documentation_48 | subnet, random.next());
        if (!guard.check(client, {}, noon + seconds(static_cast<double>(i) * 0.001)).allowed) continue;
        ++admitted;
        ++of_56[subnet >> 8];
    }
    CHECK(admitted == 800);
    for (const std::uint64_t count : of_56)
        CHECK(count <= 200);
    // The neighbour does not notice.
    CHECK(guard.check(at(guard, documentation_48 + 0x10000, 1), {}, noon + seconds(200)).allowed);
}

TEST_CASE("a client does not get rid of its counts by flooding the table with others of its own") {
    // It stops short of its limit, where it may lose its place, drives itself out, and comes back: again and again.
    Guard guard(only({queries(100, 3600)}, 256));
    std::map<std::uint64_t, AdmissionLog> log;
    std::int64_t now = noon.count();
    Random random(82);
    std::uint64_t fresh = 1000;
    for (std::uint64_t round = 0; round < 100 * effort; ++round) {
        for (std::uint64_t client = 0; client < 4; ++client)
            for (std::uint64_t i = random.below(30); i-- != 0;) {
                now += 10'000'000;
                if (!guard.check(named(guard, client), {}, nanoseconds(now)).allowed) break;
                log[client].add(now, 1);
                if (log[client].in_window(now, 3'600'000'000'000) > 100) FAIL("more than 100 in an hour");
            }
        for (int i = 0; i < 1500; ++i)
            static_cast<void>(guard.check(named(guard, fresh++), {}, nanoseconds(now)));
        now += static_cast<std::int64_t>(random.below(200'000'000'000));
    }
    CHECK(guard.counters().evicted > 100'000);
}

TEST_CASE("numbers that overflow are refused or charged in full, never wrapped") {
    Random random(83);
    const auto number = [&] {
        switch (random.below(4)) {
        case 0: return random.below(3);
        case 1: return UINT64_MAX - random.below(3);
        case 2: return std::uint64_t{1} << random.below(64);
        default: return random.next() >> random.below(64);
        }
    };
    Guard guard(only({queries(1000, 60),
                      tokens(max_limit, 60),
                      concurrency(50),
                      {.budget = Budget::logprob_tokens, .limit = 1, .window = 60},
                      {.budget = Budget::logit_bias_entries, .limit = max_limit, .window = 60}}));
    std::map<std::uint64_t, std::array<__uint128_t, 4>> used;
    for (std::uint64_t i = 0; i < 20'000 * effort; ++i) {
        const CompletionRequest request{number(), number(), number(), number(), number(), random.once_in(2), number()};
        const Costs costs = random.once_in(2) ? Costs{number(), number(), number(), number()} : guard.costs_of(request);
        const std::uint64_t client = random.below(50);
        const Decision decision = guard.check(named(guard, client), costs, noon);
        if (!decision.allowed) continue;
        auto& sums = used[client];
        const std::array all{costs.queries, costs.tokens, costs.logprob_tokens, costs.logit_bias_entries};
        constexpr std::array<std::uint64_t, 4> limits{1000, max_limit, 1, max_limit};
        for (std::size_t budget = 0; budget < all.size(); ++budget)
            if ((sums[budget] += all[budget]) > limits[budget]) FAIL("client " << client << ", budget " << budget);
        // A ticket of another time that its slot was used does nothing.
        const Ticket forged = decision.ticket + ((number() | 1) << 24);
        CHECK(guard.settle(forged, {number(), number()}, noon) == Settlement::unknown);
    }
    CHECK(used.size() == 50);
}

TEST_CASE("a client that uses more than it reserved gains nothing over one that reserves it") {
    // It always reserves one token and uses many.
    Guard guard(only({tokens(1000, 160)}));
    const ClientKey liar = named(guard, 1);
    std::uint64_t used = 0;
    for (int second = 0; second < 1600; ++second) {
        const nanoseconds now = noon + seconds(second);
        const Decision decision = guard.check(liar, {.tokens = 1}, now);
        if (!decision.allowed) continue;
        CHECK(guard.settle(decision.ticket, {.tokens = 900}, now) == Settlement::in_debt);
        used += 900;
    }
    CHECK(used <= 10 * 1000);
}

TEST_CASE("a request without any name is not a request without a limit") {
    Limits limits = only({queries(5, 60)});
    limits.limits.push_back({.tier = Tier::network_56, .limit = 5, .window = 60});
    Guard guard(limits);
    int admitted = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) { // IPv4 addresses have no /56, and nobody has a name
        Address address;
        std::memcpy(address.bytes.data(), &i, 4);
        admitted += guard.check(guard.identify({.address = address, .pool = "p"}), {}, noon).allowed;
    }
    CHECK(admitted == 5);
}

} // namespace weightseal::testing

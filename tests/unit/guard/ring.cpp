// A ring against a list of everything that was charged.

#include "guard/ring.hpp"

#include "support/guard.hpp"

#include <map>

namespace weightseal::testing {
namespace {

using guard::Ring;

/// What a ring should count: everything charged to the running sub-bucket and the sixteen before it.
class Exact {
  public:
    std::uint64_t bucket = 100;
    std::map<std::uint64_t, std::uint64_t> counts;

    [[nodiscard]] std::uint64_t used() const {
        std::uint64_t sum = 0;
        for (auto at = counts.lower_bound(bucket - Ring::parts); at != counts.end(); ++at)
            sum += at->second;
        return sum;
    }
};

} // namespace

TEST_CASE("a ring counts the running sub-bucket and sixteen before it, exactly while counts are small") {
    Random random(1);
    Ring ring;
    Exact exact;
    ring.reset(exact.bucket);
    for (std::uint64_t i = 0; i < 200'000 * effort; ++i) {
        if (random.once_in(4)) exact.bucket += random.once_in(50) ? random.below(60) : random.below(3);
        ring.advance(exact.bucket);
        const auto age = static_cast<unsigned>(random.below(Ring::slots));
        std::uint64_t& count = exact.counts[exact.bucket - age];
        if (random.once_in(3)) {
            const std::uint64_t back = random.below(count + 1);
            ring.refund(exact.bucket, age, back);
            count -= back;
        } else {
            const std::uint64_t cost = random.below(200);
            ring.charge(exact.bucket, age, cost);
            count += cost;
        }
        if (ring.used() != exact.used()) FAIL("after " << i << ": " << ring.used() << " != " << exact.used());
        exact.counts.erase(exact.counts.begin(), exact.counts.lower_bound(exact.bucket - Ring::parts));
    }
}

TEST_CASE("large counts are rounded up, by less than a part in 30,000 of what was charged") {
    Random random(2);
    for (int round = 0; round < 200; ++round) {
        Ring ring;
        Exact exact;
        ring.reset(exact.bucket);
        std::uint64_t largest = 0;
        for (int i = 0; i < 500; ++i) {
            if (random.once_in(20)) ring.advance(exact.bucket += random.below(4));
            const std::uint64_t cost = random.below(std::uint64_t{1} << random.below(36));
            ring.charge(exact.bucket, 0, cost);
            exact.counts[exact.bucket] += cost;
            const std::uint64_t used = exact.used();
            largest = std::max(largest, used);
            REQUIRE(ring.used() >= used);
            REQUIRE(ring.used() - used <= largest / 30'000);
        }
    }
}

TEST_CASE("the running sub-bucket is exact however large its counts: small pieces are not rounded one by one") {
    Ring ring;
    ring.reset(5);
    ring.charge(5, 0, 700'000'000'000);
    for (std::uint64_t i = 1; i <= 100'000; ++i) {
        ring.charge(5, 0, 7);
        if (ring.used() != 700'000'000'000 + 7 * i) FAIL(ring.used());
    }
    ring.refund(5, 0, 699'999'999'999);
    CHECK(ring.used() == 700'001);
}

TEST_CASE("refunds never take more than what is there, nor leave less than the truth") {
    Random random(3);
    for (int round = 0; round < 2000; ++round) {
        Ring ring;
        Exact exact;
        ring.reset(exact.bucket);
        for (int i = 0; i < 60; ++i) {
            ring.advance(exact.bucket += random.below(2));
            const auto age = static_cast<unsigned>(random.below(Ring::slots));
            std::uint64_t& count = exact.counts[exact.bucket - age];
            const std::uint64_t cost = random.below(std::uint64_t{1} << random.below(33));
            ring.charge(exact.bucket, age, cost);
            count += cost;
            const std::uint64_t back = random.below(cost + 1);
            ring.refund(exact.bucket, age, back);
            count -= back;
            REQUIRE(ring.used() >= exact.used());
        }
    }
    Ring ring;
    ring.reset(5);
    ring.charge(5, 0, 10);
    ring.refund(5, 0, 11);
    ring.refund(5, 3, 11);
    CHECK(ring.used() == 0);
}

TEST_CASE("the wait is the smallest number of sub-buckets after which the cost is admitted") {
    Random random(4);
    std::uint64_t waited = 0;
    for (std::uint64_t i = 0; i < 20'000 * effort; ++i) {
        Ring ring;
        std::uint64_t bucket = 1000;
        ring.reset(bucket);
        const std::uint64_t limit = random.between(1, 1000);
        for (std::uint64_t charges = random.below(12); charges-- != 0;) {
            ring.advance(bucket += random.below(4));
            const std::uint64_t cost = random.between(1, limit);
            if (ring.admits(cost, limit)) ring.charge(bucket, 0, cost);
        }
        if (random.once_in(5)) ring.add_debt(bucket, static_cast<unsigned>(random.below(Ring::slots)), 1);
        const std::uint64_t cost = random.below(limit + 1);
        if (ring.admits(cost, limit)) continue;
        ++waited;
        const unsigned wait = ring.wait(bucket, cost, limit);
        Ring before = ring;
        before.advance(bucket + wait - 1);
        REQUIRE((wait == 1 || !before.admits(cost, limit)));
        ring.advance(bucket + wait);
        REQUIRE(ring.admits(cost, limit));
    }
    CHECK(waited > 2000);
}

TEST_CASE("counts beyond all limits stay there: they neither wrap around nor disappear") {
    Ring ring;
    ring.reset(5);
    ring.add_debt(5, 0, UINT64_MAX);
    ring.charge(5, 0, UINT64_MAX);
    ring.add_debt(5, 16, UINT64_MAX);
    CHECK(ring.used() >= max_limit);
    CHECK(ring.in_debt());
    ring.advance(5 + 16);
    CHECK(ring.used() >= max_limit);
    CHECK_FALSE(ring.admits(0, max_limit));
    ring.advance(5 + 17);
    CHECK(ring.used() == 0);
    CHECK(ring.admits(max_limit, max_limit));
}

TEST_CASE("the number of a sub-bucket may pass 2^32") {
    Ring ring;
    const std::uint64_t start = (std::uint64_t{1} << 32) - 3;
    ring.reset(start);
    for (std::uint64_t i = 0; i < 40; ++i) {
        ring.advance(start + i);
        ring.charge(start + i, 0, 1);
        REQUIRE(ring.used() == std::min<std::uint64_t>(i + 1, Ring::slots));
    }
}

TEST_CASE("a streak of refusals is reported once") {
    Ring ring;
    ring.reset(5);
    ring.charge(5, 0, 3);
    CHECK(ring.report_refusal());
    CHECK_FALSE(ring.report_refusal());
    ring.advance(6);
    CHECK_FALSE(ring.report_refusal());
    ring.end_refusals();
    CHECK(ring.report_refusal());
    CHECK(ring.used() == 3);
    CHECK_FALSE(ring.in_debt());
}

} // namespace weightseal::testing

// Guard time.

#include "guard/clock.hpp"

#include "support/guard.hpp"

namespace weightseal::testing {
namespace {

using guard::Clock;
using guard::tick_ns;

constexpr std::uint64_t step_back = 100;
constexpr std::uint64_t everything = 10'000;

} // namespace

TEST_CASE("guard time follows the clock") {
    guard::GuardTime time;
    Clock clock(time);
    clock.set(step_back, everything);
    const std::uint64_t start = clock.advance(noon.count()).tick;
    for (std::int64_t ticks = 0; ticks < 5000; ticks += 7)
        CHECK(clock.advance(noon.count() + ticks * tick_ns).tick == start + static_cast<std::uint64_t>(ticks));
}

TEST_CASE("guard time is the running maximum: small steps back hold it, and it goes on from there") {
    guard::GuardTime time;
    Clock clock(time);
    clock.set(step_back, everything);
    const std::uint64_t start = clock.advance(noon.count()).tick;
    const auto back = static_cast<std::int64_t>(step_back) * tick_ns;
    CHECK(clock.advance(noon.count() - back).tick == start);
    CHECK_FALSE(clock.advance(noon.count() - back).stepped_back);
    CHECK(clock.advance(noon.count()).tick == start);
    CHECK(clock.advance(noon.count() + 3 * tick_ns).tick == start + 3);
}

TEST_CASE("a clock that was set back does not stop guard time") {
    guard::GuardTime time;
    Clock clock(time);
    clock.set(step_back, everything);
    const std::uint64_t start = clock.advance(noon.count()).tick;
    for (const std::int64_t back : {86'400'000'000'000, 1'000'000'000'000'000'000}) {
        CHECK(clock.advance(noon.count() - back).stepped_back);
        const std::uint64_t now = clock.advance(noon.count() - back + 50 * tick_ns).tick;
        CHECK(now >= start + 50);
        CHECK(clock.advance(noon.count() - back + 90 * tick_ns).tick == now + 40);
    }
}

TEST_CASE("a step forward moves guard time by what empties all windows, and no further") {
    guard::GuardTime time;
    Clock clock(time);
    clock.set(step_back, everything);
    const std::uint64_t start = clock.advance(noon.count()).tick;
    const std::int64_t day = 86'400'000'000'000;
    CHECK(clock.advance(noon.count() + day).tick == start + everything);
    CHECK(clock.advance(noon.count() + day + 7 * tick_ns).tick == start + everything + 7);
}

TEST_CASE("guard time never falls, whatever the clock says") {
    guard::GuardTime time;
    Clock clock(time);
    clock.set(step_back, everything);
    Random random(5);
    std::uint64_t last = 0;
    std::int64_t now = 0;
    for (std::uint64_t i = 0; i < 100'000 * effort; ++i) {
        const auto some = static_cast<std::int64_t>(random.below(1'000'000'000));
        switch (random.below(8)) {
        case 0: now = static_cast<std::int64_t>(random.next()); break;
        case 1: now = random.once_in(2) ? INT64_MAX : INT64_MIN; break;
        case 2: now -= now > INT64_MIN / 2 ? some : 0; break;
        default: now += now < INT64_MAX / 2 ? some : 0; break;
        }
        const std::uint64_t tick = clock.advance(now).tick;
        if (tick < last || tick > last + everything) FAIL("from " << last << " to " << tick << " at " << now);
        last = tick;
    }
}

TEST_CASE("the time until a tick is exact to the nanosecond") {
    guard::GuardTime time;
    Clock clock(time);
    clock.set(step_back, everything);
    Random random(6);
    std::int64_t now = noon.count();
    for (int i = 0; i < 10'000; ++i) {
        now += static_cast<std::int64_t>(random.below(50'000'000));
        const guard::Moment moment = clock.advance(now);
        const std::uint64_t goal = moment.tick + random.between(1, 5000);
        const std::int64_t wait = moment.until(goal);
        REQUIRE(clock.advance(now + wait - 1).tick == goal - 1);
        REQUIRE(clock.advance(now + wait).tick == goal);
        now += wait;
    }
}

} // namespace weightseal::testing

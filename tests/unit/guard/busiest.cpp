// Records of the busiest clients, in a table that is too small for all.

#include "guard/busiest.hpp"
#include "support/guard.hpp"

namespace weightseal::testing {
namespace {

using guard::Busiest;

struct Count {
    std::uint64_t value = 0;
};

std::uint64_t counted(Busiest<Count>& table, std::uint64_t hash, std::uint64_t day = 0) {
    std::uint64_t value = 0;
    table.count(hash, day, [&](Count& count) { value = ++count.value; });
    return value;
}

} // namespace

TEST_CASE("as long as there is room, every client has a record from its first request") {
    Busiest<Count> table(64, 1);
    Random random(3);
    std::vector<std::uint64_t> hashes(64);
    for (std::uint64_t& hash : hashes)
        CHECK(counted(table, hash = random.next()) == 1);
    for (const std::uint64_t hash : hashes)
        CHECK(counted(table, hash) == 2);
    CHECK(table.memory() < 4096);
}

TEST_CASE("clients that come once do not push out busy ones") {
    Busiest<Count> table(256, 1);
    Random random(4);
    std::vector<std::uint64_t> busy(32);
    for (std::uint64_t& hash : busy) {
        hash = random.next();
        for (int i = 0; i < 300; ++i)
            counted(table, hash);
    }
    for (std::uint64_t i = 0; i < 100'000 * effort; ++i)
        counted(table, random.next());
    for (const std::uint64_t hash : busy)
        CHECK(counted(table, hash) == 301);
}

TEST_CASE("a client that becomes busy gets a record in a full table") {
    Busiest<Count> table(64, 1);
    Random random(5);
    for (int i = 0; i < 10'000; ++i)
        counted(table, random.next());
    const std::uint64_t hash = random.next();
    std::uint64_t requests = 0;
    while (counted(table, hash) == 0)
        REQUIRE(++requests < 1000);
    CHECK(counted(table, hash) == 2);
}

TEST_CASE("who was busy once makes room in time") {
    Busiest<Count> table(64, 1);
    Random random(6);
    for (int i = 0; i < 64; ++i) {
        const std::uint64_t hash = random.next();
        for (int j = 0; j < 100'000; ++j)
            counted(table, hash);
    }
    const auto admitted = [&](std::uint64_t day) {
        const std::uint64_t hash = random.next();
        for (int i = 0; i < 200; ++i)
            if (counted(table, hash, day) != 0) return true;
        return false;
    };
    CHECK_FALSE(admitted(0));
    CHECK(admitted(20)); // 100,000 halved twenty times
    CHECK(admitted(19)); // a day that is over counts as the newest
}

} // namespace weightseal::testing

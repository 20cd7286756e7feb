// Reading by the engine's own I/O.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "unit/container/fixture.hpp"

#include <thread>

namespace weightseal::testing {
namespace {

constexpr std::uint64_t chunk = 65536;

struct Fixture {
    MemoryModel source;
    Sealed sealed;
    SealedModel model;
    Fixture() : source(make()), sealed(source), model(sealed.open()) {}
    static MemoryModel make() {
        MemoryModel source;
        source.add_tensor(make_tensor("small", "U8", {100}, 1));
        const auto big = source.add_tensor(make_tensor("big", "BF16", {500, 1000}, 2));
        source.add_alias("tied", "BF16", {1000, 500}, big);
        source.add_tensor(make_tensor("none", "F32", {0}));
        return source;
    }
    [[nodiscard]] Bytes fetch(const PlanItem& item) const {
        return Bytes(sealed.file).subspan(item.file_offset, item.length);
    }
};

} // namespace

TEST_CASE("items are in the order of the file, within the body, and no longer than asked for") {
    const Fixture f;
    const std::uint64_t body = f.sealed.file.size() - f.model.facts().index_size - f.model.facts().body_size;
    for (const std::uint64_t max_item : {std::uint64_t{1}, chunk, chunk + 1, 3 * chunk, std::uint64_t{1} << 40}) {
        const Plan plan = f.model.plan({whole(1), whole(0)}, max_item);
        std::uint64_t end = body;
        std::uint64_t chunks = 0;
        std::uint64_t bytes = 0;
        for (const PlanItem& item : plan.items) {
            CHECK(item.file_offset >= end);
            end = item.file_offset + item.length;
            CHECK(item.length > 0);
            CHECK(item.length < max_item + chunk);
            chunks += item.chunks;
            bytes += item.length;
        }
        CHECK(end <= body + f.model.facts().body_size);
        CHECK(bytes == 1'000'100);
        CHECK(chunks ==
              1 + 1'000'000 / chunk + 1); // big starts within the first cell and spans 16 more borders at most
        CHECK(plan.items.front().selection == 1);
    }
    CHECK(f.model.plan({whole(1)}, 1 << 30).items.size() == 1);
    CHECK(f.model.plan({whole(3)}).items.empty());
    CHECK(f.model.plan({}).items.empty());
}

TEST_CASE("big tensors can be fetched by O_DIRECT: their bytes start on 4096") {
    const Fixture f;
    for (const PlanItem& item : f.model.plan({whole(1)}, 3 * chunk).items)
        CHECK(item.file_offset % 4096 == 0);
    for (const PlanItem& item : f.model.plan({whole(0)}).items)
        CHECK(item.file_offset % 64 == 0);
}

TEST_CASE("a whole tensor that is one item is decrypted where it was fetched") {
    const Fixture f;
    const Plan plan = f.model.plan({whole(1)}, std::uint64_t{1} << 30);
    REQUIRE(plan.items.size() == 1);
    for (const bool staged : {false, true}) {
        const Bytes fetched = f.fetch(plan.items[0]);
        Data memory(fetched.begin(), fetched.end());
        f.model.decrypt(plan, 0, memory, memory, staged);
        CHECK(memory == tensors_of(f.source)[1]);
    }
}

TEST_CASE("items of one selection are decrypted in any order, at once") {
    const Fixture f;
    const Selection selection{1, {{100, 400}, {10, 990}}};
    const Plan plan = f.model.plan({selection}, chunk);
    REQUIRE(plan.items.size() > 4);
    Data destination(f.model.selection_bytes(selection), std::byte{0xEE});
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = plan.items.size(); i > 0; --i)
            threads.emplace_back([&, i] { f.model.decrypt(plan, i - 1, f.fetch(plan.items[i - 1]), destination); });
    }
    CHECK(equal(std::as_const(f.model).read(selection).bytes(), destination));
}

TEST_CASE("a damaged item zeroes its own part of the destination and nothing else") {
    const Fixture f;
    const Plan plan = f.model.plan({whole(1)}, 2 * chunk);
    for (const bool staged : {false, true}) {
        Data destination(1'000'000, std::byte{0xEE});
        const Bytes fetched = f.fetch(plan.items[1]);
        Data damaged(fetched.begin(), fetched.end());
        damaged.back() ^= std::byte{1};
        CHECK(refusal_code([&] { f.model.decrypt(plan, 1, damaged, destination, staged); }) == "corrupt_data");
        const std::uint64_t begin = plan.items[0].length;
        CHECK(all_zero(Bytes(destination).subspan(begin, plan.items[1].length)));
        CHECK(std::ranges::all_of(Bytes(destination).first(begin), [](std::byte b) { return b == std::byte{0xEE}; }));
        CHECK(std::ranges::all_of(Bytes(destination).subspan(begin + plan.items[1].length),
                                  [](std::byte b) { return b == std::byte{0xEE}; }));
    }
}

TEST_CASE("an item in the place of another, or of another file, does not authenticate") {
    const Fixture f;
    const Plan plan = f.model.plan({whole(1)}, chunk);
    Data destination(1'000'000);
    REQUIRE(plan.items[1].length == plan.items[2].length);
    CHECK(refusal_code([&] { f.model.decrypt(plan, 1, f.fetch(plan.items[2]), destination); }) == "corrupt_data");
    const Fixture other;
    CHECK(refusal_code([&] { f.model.decrypt(plan, 1, other.fetch(plan.items[1]), destination); }) == "corrupt_data");
}

TEST_CASE("misuse of a plan is refused") {
    const Fixture f;
    Plan plan = f.model.plan({whole(1)}, chunk);
    Data destination(1'000'000);
    const Bytes fetched = f.fetch(plan.items[0]);
    CHECK(refusal([&] { f.model.decrypt(plan, plan.items.size(), fetched, destination); }) == "invalid_argument");
    CHECK(refusal([&] { f.model.decrypt(plan, 0, fetched.first(10), destination); }) == "invalid_argument");
    CHECK(refusal([&] { f.model.decrypt(plan, 0, fetched, MutableBytes(destination).first(999)); }) ==
          "destination_size");
    for (const auto& [first, count] : {std::pair<std::uint64_t, std::uint64_t>{0, 0},
                                       {0, 1000},
                                       {1000, 1},
                                       {~std::uint64_t{0}, 2},
                                       {1, ~std::uint64_t{0}}}) {
        plan.items[0].first_chunk = first;
        plan.items[0].chunks = count;
        CHECK(refusal([&] { f.model.decrypt(plan, 0, fetched, destination); }) == "invalid_argument");
    }
    plan.items[0].selection = 7;
    CHECK(refusal([&] { f.model.decrypt(plan, 0, fetched, destination); }) == "invalid_argument");
}

} // namespace weightseal::testing

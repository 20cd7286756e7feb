// Loading into one arena: places, alignment, shared aliases, and telling when a tensor is there.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "unit/container/fixture.hpp"

#include <atomic>
#include <mutex>

namespace weightseal::testing {
namespace {

MemoryModel mixed_model() {
    MemoryModel model;
    model.add_file("config.json", to_data("{}"));
    model.add_tensor(make_tensor("a", "U8", {10}, 1));
    model.add_tensor(make_tensor("empty", "F32", {0, 3}));
    const auto big = model.add_tensor(make_tensor("big", "F32", {300, 300}, 2));
    model.add_alias("big again", "F32", {90'000}, big);
    model.add_tensor(make_tensor("b", "BF16", {100, 100}, 3));
    model.add_tensor(make_tensor("border", "U8", {65'536}, 4));
    return model;
}

} // namespace

TEST_CASE("an arena holds the tensors in the order of the file, each at its alignment, without overlap") {
    const MemoryModel source = mixed_model();
    const Sealed sealed(source);
    const SealedModel model = sealed.open();
    for (const std::size_t alignment : {std::size_t{64}, std::size_t{512}, std::size_t{16384}}) {
        ReadOptions options;
        options.buffer.alignment = alignment;
        const Arena arena = model.load(options);
        REQUIRE(arena.offsets.size() == 6);
        REQUIRE(arena.sizes.size() == 6);
        std::uint64_t end = 0;
        for (const std::size_t i : {0U, 2U, 4U, 5U}) {
            INFO("tensor " << i << ", alignment " << alignment);
            CHECK(arena.offsets[i] % std::max<std::uint64_t>(alignment, arena.sizes[i] >= 65'536 ? 4096 : 64) == 0);
            CHECK(reinterpret_cast<std::uintptr_t>(arena.buffer.data() + arena.offsets[i]) % alignment == 0);
            CHECK(arena.offsets[i] >= end);
            CHECK(arena.offsets[i] - end < std::max<std::uint64_t>(alignment, 4096));
            end = arena.offsets[i] + arena.sizes[i];
        }
        CHECK(arena.buffer.size() == end);
        CHECK(arena.sizes[1] == 0);
        CHECK(arena.offsets[3] == arena.offsets[2]);
    }
}

TEST_CASE("tied tensors share their memory") {
    MemoryModel source;
    const auto first = source.add_tensor(make_tensor("first", "U8", {1000}, 1));
    source.add_tensor(make_tensor("none", "U8", {0}));
    source.add_alias("tied to first", "U8", {1000}, first);
    const auto second = source.add_tensor(make_tensor("second", "U8", {100'000}, 2));
    source.add_alias("tied to second", "U8", {50, 2000}, second);
    const Sealed sealed(source);
    const SealedModel model = sealed.open();
    CHECK_FALSE(model.alias_of(0));
    CHECK(model.alias_of(2) == 0);
    CHECK(model.alias_of(4) == 3);
    const Arena arena = model.load();
    CHECK(arena.offsets[2] == arena.offsets[0]);
    CHECK(arena.offsets[4] == arena.offsets[3]);
    CHECK(arena.buffer.size() < 110'000);
    CHECK(equal(arena.buffer.bytes().subspan(arena.offsets[4], 100'000), tensors_of(source)[4]));
}

TEST_CASE("selections may repeat, come in any order, and mix slices with whole tensors") {
    const MemoryModel source = mixed_model();
    const std::vector<Data> tensors = tensors_of(source);
    const Sealed sealed(source);
    const SealedModel model = sealed.open();
    const std::vector<Selection> selections{whole(5),        {2, {{10, 20}}}, whole(2),     whole(0),
                                            {2, {{0, 300}}}, whole(5),        {4, {{5, 6}}}};
    const Arena arena = model.load(selections);
    const auto at = [&](std::size_t i) { return arena.buffer.bytes().subspan(arena.offsets[i], arena.sizes[i]); };
    CHECK(equal(at(0), tensors[5]));
    CHECK(equal(at(1), Bytes(tensors[2]).subspan(12'000, 12'000)));
    CHECK(equal(at(2), tensors[2]));
    CHECK(equal(at(3), tensors[0]));
    CHECK(equal(at(4), tensors[2]));
    CHECK(equal(at(5), tensors[5]));
    CHECK(equal(at(6), Bytes(tensors[4]).subspan(1000, 200)));
    CHECK(arena.offsets[0] == arena.offsets[5]);
    CHECK(arena.offsets[2] == arena.offsets[4]); // a slice that is all of it
    CHECK(arena.offsets[1] != arena.offsets[2]);
}

TEST_CASE("nothing to load is an empty arena") {
    const Sealed sealed(mixed_model());
    const Arena arena = sealed.open().load(std::span<const Selection>());
    CHECK(arena.buffer.size() == 0);
    CHECK(arena.offsets.empty());
}

TEST_CASE("on_tensor fires once for each selection, with all of its data, aliases and empty ones too") {
    const MemoryModel source = mixed_model();
    const std::vector<Data> tensors = tensors_of(source);
    const Sealed sealed(source);
    const SealedModel model = sealed.open();
    for (const bool staged : {false, true})
        for (const Parallel& parallel : {Parallel{1, {}}, Parallel{4, {}}, engine_pool(3)}) {
            std::mutex mutex;
            std::vector<int> fired(tensors.size());
            std::vector<bool> right(tensors.size());
            ReadOptions options;
            options.parallel = parallel;
            options.staged = staged;
            options.on_tensor = [&](std::size_t selection, Bytes data) {
                const std::lock_guard lock(mutex);
                ++fired.at(selection);
                right[selection] = equal(data, tensors[selection]);
            };
            (void)model.load(options);
            CHECK(fired == std::vector<int>(tensors.size(), 1));
            CHECK(right == std::vector<bool>(tensors.size(), true));
        }
}

TEST_CASE("on_tensor of read_into gives the caller's own memory, and the position in the caller's list") {
    const MemoryModel source = mixed_model();
    const std::vector<Data> tensors = tensors_of(source);
    const Sealed sealed(source);
    const SealedModel model = sealed.open();
    Data big(tensors[2].size());
    Data row(1200);
    const std::vector<ReadItem> items{{whole(2), big}, {{2, {{7, 8}}}, row}};
    std::vector<const std::byte*> memory(2);
    ReadOptions options;
    options.on_tensor = [&](std::size_t selection, Bytes data) {
        memory.at(selection) = data.data();
        CHECK(equal(data, selection == 0 ? Bytes(tensors[2]) : Bytes(tensors[2]).subspan(8400, 1200)));
    };
    options.parallel.threads = 1;
    model.read_into(items, options);
    CHECK(memory == std::vector<const std::byte*>{big.data(), row.data()});
}

TEST_CASE("an exception of on_tensor ends the call and comes out") {
    const Sealed sealed(mixed_model());
    ReadOptions options;
    options.on_tensor = [](std::size_t, Bytes) { throw std::runtime_error("device lost"); };
    CHECK_THROWS_WITH(sealed.open().load(options), "device lost");
}

TEST_CASE("buffers come from the caller's allocator, with the caller's alignment") {
    const Sealed sealed(mixed_model());
    const SealedModel model = sealed.open();
    std::vector<std::pair<std::size_t, std::size_t>> asked;
    int released = 0;
    ReadOptions options;
    options.buffer.alignment = 256;
    options.buffer.allocator = {[&](std::size_t size, std::size_t alignment) {
                                    asked.emplace_back(size, alignment);
                                    return std::aligned_alloc(alignment, align_up(size, alignment));
                                },
                                [&](void* data, std::size_t) {
                                    ++released;
                                    std::free(data);
                                }};
    { const AlignedBuffer buffer = model.read(whole(0), options); }
    { const AlignedBuffer buffer = model.read_file(0, options); }
    { const Arena arena = model.load(options); }
    REQUIRE(asked.size() == 3);
    CHECK(asked[0] == std::pair<std::size_t, std::size_t>{10, 256});
    CHECK(asked[1] == std::pair<std::size_t, std::size_t>{2, 256});
    CHECK(asked[2].first >= 360'000 + 20'000 + 65'536 + 10);
    CHECK(released == 3);
}

TEST_CASE("a destination of another size is refused, and so is what does not exist") {
    const Sealed sealed(mixed_model());
    const SealedModel model = sealed.open();
    for (const std::size_t size : {std::size_t{0}, std::size_t{9}, std::size_t{11}}) {
        Data destination(size);
        const ReadItem item{whole(0), destination};
        CHECK(refusal([&] { model.read_into({&item, 1}); }) == "destination_size");
    }
    CHECK(refusal([&] { (void)model.read_file(1); }) == "invalid_argument");
    CHECK(refusal([&] { (void)model.tensor(6); }) == "invalid_argument");
    CHECK(refusal([&] { (void)model.file(1); }) == "invalid_argument");
    CHECK(refusal([&] { (void)model.alias_of(6); }) == "invalid_argument");
    CHECK(refusal([&] { (void)model.find_tensor("A"); }) == "no_such_tensor");
    CHECK(refusal([&] { (void)model.find_tensor("config.json"); }) == "no_such_tensor");
    CHECK(refusal([&] { (void)model.find_file("a"); }) == "no_such_file_entry");
}

} // namespace weightseal::testing

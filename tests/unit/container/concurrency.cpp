// One handle, many threads; processes that fork; keys that go away.

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/refusal.hpp"
#include "unit/container/fixture.hpp"

#include <random>
#include <thread>

namespace weightseal::testing {
namespace {

MemoryModel several_tensors() {
    MemoryModel model;
    for (std::uint64_t i = 0; i < 10; ++i)
        model.add_tensor(make_tensor("t" + std::to_string(i), "U8", {100'000 + i}, i));
    model.add_file("config.json", patterned(5000, 99));
    return model;
}

} // namespace

TEST_CASE("four threads read from one handle at once, each with workers of its own") {
    const MemoryModel source = several_tensors();
    const std::vector<Data> tensors = tensors_of(source);
    const Sealed sealed(source);
    const TemporaryFolder folder;
    write_file(folder / "m", sealed.file);
    const SealedModel model = SealedModel::open(folder / "m", sealed.key);
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned thread = 0; thread < 4; ++thread)
            threads.emplace_back([&, thread] {
                std::mt19937_64 engine(thread);
                ReadOptions options{.parallel = {2, {}}, .staged = thread % 2 == 1};
                for (int i = 0; i < 25; ++i) {
                    const std::size_t t = engine() % tensors.size();
                    if (model.find_tensor("t" + std::to_string(t)) != t) ++wrong;
                    const std::uint64_t begin = engine() % 50'000;
                    const AlignedBuffer slice = model.read({t, {{begin, begin + 40'000}}}, options);
                    if (!equal(slice.bytes(), Bytes(tensors[t]).subspan(begin, 40'000))) ++wrong;
                    const AlignedBuffer file = model.read_file(0, options);
                    if (!equal(file.bytes(), patterned(5000, 99))) ++wrong;
                    if (i % 10 == 0) model.verify(options);
                }
            });
    }
    CHECK(wrong == 0);
}

TEST_CASE("after a fork parent and child read from the same handle") {
    const MemoryModel source = several_tensors();
    const std::vector<Data> tensors = tensors_of(source);
    const Sealed sealed(source);
    const TemporaryFolder folder;
    write_file(folder / "m", sealed.file);
    const SealedModel model = SealedModel::open(folder / "m", sealed.key);
    const auto reads_right = [&] {
        const Arena arena = model.load({.parallel = {2, {}}});
        for (std::size_t i = 0; i < tensors.size(); ++i)
            if (!equal(arena.buffer.bytes().subspan(arena.offsets[i], arena.sizes[i]), tensors[i])) return false;
        return true;
    };
    CHECK(reads_right()); // threads came and went before the fork
    CHECK(in_child([&] { return reads_right() ? 0 : 1; }) == 0);
    CHECK(reads_right());
}

TEST_CASE("keys dropped before a fork are in neither process") {
    const Sealed sealed(several_tensors());
    SealedModel model = sealed.open();
    model.drop_keys();
    const auto dropped = static_cast<int>(Errc::keys_dropped);
    CHECK(errc_in_child([&] { (void)model.read(whole(0)); }) == dropped);
}

TEST_CASE("without its keys a handle lists and nothing else, buffers stay") {
    const MemoryModel source = several_tensors();
    const Sealed sealed(source);
    SealedModel model = sealed.open();
    const Plan plan = model.plan({whole(1)});
    const AlignedBuffer buffer = model.read(whole(1));
    model.drop_keys();
    CHECK(equal(buffer.bytes(), tensors_of(source)[1]));
    CHECK(model.tensor_count() == 10);
    CHECK(model.find_tensor("t3") == 3);
    CHECK(model.file(0).name == "config.json");
    CHECK(model.plan({whole(1)}).items.size() == plan.items.size());

    const auto dropped = [](const auto& call) { return refusal(call) == "keys_dropped"; };
    Data destination(100'001);
    const ReadItem item{whole(1), destination};
    CHECK(dropped([&] { (void)model.read(whole(1)); }));
    CHECK(dropped([&] { model.read_into({&item, 1}); }));
    CHECK(dropped([&] { (void)model.load(); }));
    CHECK(dropped([&] { (void)model.read_file(0); }));
    CHECK(dropped([&] { model.verify(); }));
    const Bytes fetched = Bytes(sealed.file).subspan(plan.items[0].file_offset, plan.items[0].length);
    CHECK(dropped([&] { model.decrypt(plan, 0, fetched, destination); }));
    model.drop_keys();
}

TEST_CASE("a read in progress finishes when the keys are dropped") {
    const MemoryModel source = several_tensors();
    const Sealed sealed(source);
    SealedModel* handle = nullptr;
    int reads = -1000; // opening takes fewer
    const auto file = callback_source(sealed.file.size(), [&](std::uint64_t offset, MutableBytes to) {
        if (reads++ == 3) handle->drop_keys();
        std::copy_n(sealed.file.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
        return true;
    });
    SealedModel model = SealedModel::open(file, sealed.key);
    handle = &model;
    reads = 0;
    const Arena arena = model.load({.parallel = {1, {}}});
    CHECK(reads > 4);
    CHECK(equal(arena.buffer.bytes().subspan(arena.offsets[9], arena.sizes[9]), tensors_of(source)[9]));
    CHECK(refusal([&] { (void)model.read(whole(0)); }) == "keys_dropped");
}

TEST_CASE("a refused read leaves no old bytes in its destination, whatever the reason") {
    const Sealed sealed(several_tensors());
    SealedModel model = sealed.open();
    const auto zeroed = [&](const Selection& selection, std::size_t size) {
        Data destination(size, std::byte{0xEE});
        const ReadItem item{selection, destination};
        CHECK(refusal([&] { model.read_into({&item, 1}); }) != "nothing refused");
        return all_zero(destination);
    };
    CHECK(zeroed(whole(0), 99));
    CHECK(zeroed({0, {{0, 200'000}}}, 100));
    CHECK(zeroed(whole(77), 100));
    model.drop_keys();
    CHECK(zeroed(whole(0), 100'000));
}

} // namespace weightseal::testing

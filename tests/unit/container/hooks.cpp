// Progress, cancelling, and the engine's pool, for everything that takes long.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "unit/container/fixture.hpp"
#include "weightseal/container/unseal.hpp"

#include <atomic>
#include <mutex>

namespace weightseal::testing {
namespace {

// All that a progress hook was told.
struct Progress {
    std::mutex mutex;
    std::vector<std::uint64_t> done;
    std::vector<std::uint64_t> totals;
    [[nodiscard]] Hooks hooks() {
        Hooks hooks;
        hooks.progress = [this](std::uint64_t now, std::uint64_t total) {
            const std::lock_guard lock(mutex);
            done.push_back(now);
            totals.push_back(total);
        };
        return hooks;
    }
    // Every value is another one, none is beyond the total, and the total itself is among them.
    void check(std::uint64_t total, bool in_order) {
        REQUIRE_FALSE(done.empty());
        for (const std::uint64_t t : totals)
            REQUIRE(t == total);
        if (in_order) CHECK(std::ranges::is_sorted(done));
        std::ranges::sort(done);
        CHECK(std::ranges::adjacent_find(done) == done.end());
        CHECK(done.back() == total);
    }
};

MemoryModel some_model() {
    MemoryModel model;
    model.add_file("config.json", patterned(100, 1));
    for (std::uint64_t i = 0; i < 12; ++i)
        model.add_tensor(make_tensor("t" + std::to_string(i), "U8", {150'000 + i * 1000}, i));
    return model;
}

// The same as files, so that it can be unsealed.
void write_model(const std::filesystem::path& folder) {
    std::vector<TensorData> tensors;
    for (std::uint64_t i = 0; i < 12; ++i)
        tensors.push_back(make_tensor("t" + std::to_string(i), "U8", {150'000}, i));
    write_file(folder / "model.safetensors", safetensors_file(tensors));
    write_file(folder / "other.bin", patterned(300'000, 9));
}

std::uint64_t tensor_bytes_of(const SealedModel& model) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < model.tensor_count(); ++i)
        sum += model.tensor(i).bytes;
    return sum;
}

} // namespace

TEST_CASE("progress counts every byte once and ends at the total") {
    const Sealed sealed(some_model());
    const SealedModel model = sealed.open();
    for (const unsigned threads : {1U, 4U}) {
        const bool in_order = threads == 1;
        {
            Progress progress;
            ReadOptions options{.parallel = {threads, {}}, .hooks = progress.hooks()};
            (void)model.load(options);
            progress.check(tensor_bytes_of(model), in_order);
        }
        {
            Progress progress;
            ReadOptions options{.parallel = {threads, {}}, .hooks = progress.hooks()};
            (void)model.read({3, {{1000, 90'000}}}, options);
            progress.check(89'000, in_order);
        }
        {
            Progress progress;
            ReadOptions options{.parallel = {threads, {}}, .hooks = progress.hooks()};
            model.verify(options);
            progress.check(model.facts().body_size, in_order);
        }
    }
}

TEST_CASE("progress of seal and unseal ends at the total") {
    for (const unsigned threads : {1U, 4U}) {
        const TemporaryFolder folder;
        write_model(folder / "model");
        const Key key = Key::generate(KeyKind::seal);
        Progress sealing;
        seal(folder / "model", folder / "sealed", key,
             {.chunk_log2 = 16, .parallel = {threads, {}}, .hooks = sealing.hooks()});
        const SealedModel model = SealedModel::open(folder / "sealed", key);
        sealing.check(model.facts().body_size, threads == 1);

        Progress unsealing;
        unseal(model, folder / "out", {.parallel = {threads, {}}, .hooks = unsealing.hooks()});
        const std::uint64_t size = std::filesystem::file_size(folder / "model/model.safetensors") +
                                   std::filesystem::file_size(folder / "model/other.bin");
        unsealing.check(size, threads == 1);
    }
}

TEST_CASE("a cancelled read ends with cancelled, and its destination is zeros") {
    const Sealed sealed(some_model());
    const SealedModel model = sealed.open();
    for (const bool staged : {false, true})
        for (const Parallel& parallel : {Parallel{1, {}}, Parallel{4, {}}, engine_pool(4)})
            for (const int polls : {0, 1, 7}) {
                std::atomic<int> left{polls};
                ReadOptions options;
                options.parallel = parallel;
                options.staged = staged;
                options.hooks.cancelled = [&] { return left-- <= 0; };
                std::vector<Data> destinations(model.tensor_count());
                std::vector<ReadItem> items;
                for (std::size_t i = 0; i < destinations.size(); ++i) {
                    destinations[i].assign(model.tensor(i).bytes, std::byte{0xEE});
                    items.push_back({whole(i), destinations[i]});
                }
                CHECK(refusal([&] { model.read_into(items, options); }) == "cancelled");
                for (const Data& destination : destinations)
                    REQUIRE(all_zero(destination));
            }
}

TEST_CASE("load, read_file and verify can be cancelled") {
    const Sealed sealed(some_model());
    const SealedModel model = sealed.open();
    ReadOptions options;
    options.hooks.cancelled = [] { return true; };
    CHECK(refusal([&] { (void)model.load(options); }) == "cancelled");
    CHECK(refusal([&] { (void)model.read_file(0, options); }) == "cancelled");
    CHECK(refusal([&] { model.verify(options); }) == "cancelled");
}

TEST_CASE("a cancelled seal or unseal leaves nothing behind, and an old output as it was") {
    const TemporaryFolder folder;
    write_model(folder / "model");
    const Key key = Key::generate(KeyKind::seal);
    const auto names = [&] {
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
            found.push_back(entry.path().filename());
        std::ranges::sort(found);
        return found;
    };
    Hooks after_some;
    std::atomic<int> left{5};
    after_some.cancelled = [&] { return left-- <= 0; };
    const SealOptions sealing{.chunk_log2 = 16, .overwrite = true, .parallel = {2, {}}, .hooks = after_some};
    CHECK(refusal([&] { seal(folder / "model", folder / "sealed", key, sealing); }) == "cancelled");
    CHECK(names() == std::vector<std::string>{"model"});

    write_file(folder / "sealed", "old");
    left = 5;
    CHECK(refusal([&] { seal(folder / "model", folder / "sealed", key, sealing); }) == "cancelled");
    CHECK(read_file(folder / "sealed") == to_data("old"));

    seal(folder / "model", folder / "sealed", key, {.chunk_log2 = 16, .overwrite = true});
    const SealedModel model = SealedModel::open(folder / "sealed", key);
    left = 5;
    CHECK(refusal([&] { unseal(model, folder / "out", {.parallel = {2, {}}, .hooks = after_some}); }) == "cancelled");
    CHECK(names() == std::vector<std::string>{"model", "sealed"});
}

TEST_CASE("an engine's pool does the work of every long call") {
    const TemporaryFolder folder;
    write_model(folder / "model");
    const Key key = Key::generate(KeyKind::seal);
    std::size_t calls = 0;
    std::size_t workers = 0;
    const Parallel pool{4, [&](std::size_t count, const std::function<void(std::size_t)>& body) {
                            ++calls;
                            workers = std::max(workers, count);
                            for (std::size_t i = 0; i < count; ++i)
                                body(i);
                        }};
    seal(folder / "model", folder / "sealed", key, {.chunk_log2 = 16, .parallel = pool});
    CHECK(std::exchange(calls, 0) == 1);
    const SealedModel model = SealedModel::open(folder / "sealed", key);
    ReadOptions options{.parallel = pool};
    (void)model.load(options);
    CHECK(std::exchange(calls, 0) == 1);
    model.verify(options);
    CHECK(std::exchange(calls, 0) == 1);
    (void)model.read_file(0, options);
    CHECK(std::exchange(calls, 0) == 1);
    unseal(model, folder / "out", {.parallel = pool});
    CHECK(calls == 2); // one for each file
    CHECK(workers > 1);
    CHECK(workers <= 4);
}

} // namespace weightseal::testing

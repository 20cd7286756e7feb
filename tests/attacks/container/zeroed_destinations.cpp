// Whatever ends a read, the caller's memory holds zeros afterwards, and all workers have returned.

#include "support/catch.hpp"
#include "support/forge.hpp"
#include "support/models.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace weightseal::testing {
namespace {

constexpr std::size_t tensor_count = 5;
constexpr std::size_t tensor_size = 3 << 20; // several claims of a worker

struct Sealed {
    Key key = Key::generate(KeyKind::seal);
    Data file;
    std::vector<Data> tensors;
    Sealed() {
        MemoryModel model(false);
        for (std::size_t i = 0; i < tensor_count; ++i) {
            model.add_tensor(make_tensor("t" + std::to_string(i), "U8", {tensor_size}, i));
            tensors.push_back(model.data(i));
        }
        const TemporaryFolder folder;
        seal(model, folder / "sealed", key, {.chunk_log2 = 16});
        file = read_file(folder / "sealed");
    }
    // The last byte of the last tensor.
    void damage_the_end() {
        const Facts facts = inspect(*memory_source(file));
        file[facts.file_size - facts.index_size - 1] ^= std::byte{1};
    }
};

const Sealed& pristine() {
    static const Sealed sealed;
    return sealed;
}

// Destinations for all tensors, filled with something that is neither zeros nor the tensors.
class Destinations {
  public:
    explicit Destinations(std::size_t size = tensor_size) {
        for (std::size_t i = 0; i < tensor_count; ++i) {
            buffers_.emplace_back(i == 1 ? size : tensor_size, std::byte{0xAA});
            items_.push_back({{i, {}}, buffers_.back()});
        }
    }
    [[nodiscard]] std::vector<ReadItem>& items() { return items_; }
    [[nodiscard]] bool all_zeros() const {
        return std::ranges::all_of(buffers_, [](const Data& data) { return all_zero(data); });
    }
    [[nodiscard]] bool holds(const std::vector<Data>& tensors) const { return buffers_ == tensors; }

  private:
    std::vector<Data> buffers_;
    std::vector<ReadItem> items_;
};

struct Stop : std::runtime_error {
    Stop() : std::runtime_error("the caller's own exception") {}
};

ReadOptions threads(unsigned count) {
    return {.parallel = {.threads = count}};
}

} // namespace

TEST_CASE("zeros: a damaged chunk at the end of the last tensor") {
    Sealed sealed = pristine();
    sealed.damage_the_end();
    const SealedModel model = SealedModel::open(memory_source(sealed.file), sealed.key);
    const Facts& facts = model.facts();
    const std::uint64_t chunk = facts.file_size - facts.index_size - (64 << 10);
    const std::string expected = "corrupt_data at " + std::to_string(chunk);
    const bool staged = GENERATE(false, true);
    const unsigned count = GENERATE(1U, 2U, 4U);
    ReadOptions options = threads(count);
    options.staged = staged;
    Destinations destinations;
    CHECK(refusal([&] { model.read_into(destinations.items(), options); }) == expected);
    CHECK(destinations.all_zeros());
    // The other tensors alone are fine.
    destinations.items().pop_back();
    model.read_into(destinations.items(), options);
    CHECK(std::ranges::equal(destinations.items()[0].destination, sealed.tensors[0]));
}

TEST_CASE("zeros: without a failure, the same destinations hold the tensors") {
    const SealedModel model = SealedModel::open(memory_source(pristine().file), pristine().key);
    Destinations destinations;
    model.read_into(destinations.items(), threads(2));
    CHECK(destinations.holds(pristine().tensors));
}

TEST_CASE("zeros: cancelled at the first poll, in the middle, at the last") {
    const SealedModel model = SealedModel::open(memory_source(pristine().file), pristine().key);
    std::atomic<unsigned> polls{0};
    ReadOptions counting = threads(1);
    counting.hooks.cancelled = [&] { return ++polls == 0; };
    Destinations whole;
    model.read_into(whole.items(), counting);
    const unsigned last = polls;
    REQUIRE(last > 10);

    const unsigned count = GENERATE(1U, 4U);
    for (const unsigned n : {1U, last / 2, last}) {
        polls = 0;
        ReadOptions options = threads(count);
        options.hooks.cancelled = [&] { return ++polls >= n; };
        Destinations destinations;
        CHECK(refusal([&] { model.read_into(destinations.items(), options); }) == "cancelled");
        CHECK(destinations.all_zeros());
    }
}

TEST_CASE("zeros: an exception of the caller's hooks ends the read and comes out as it is") {
    const SealedModel model = SealedModel::open(memory_source(pristine().file), pristine().key);
    const unsigned count = GENERATE(1U, 4U);
    std::atomic<unsigned> calls{0};
    const auto stop_at = [&](unsigned n) {
        if (++calls == n) throw Stop();
    };
    for (int hook = 0; hook < 3; ++hook) {
        calls = 0;
        ReadOptions options = threads(count);
        if (hook == 0) options.on_tensor = [&](std::size_t, Bytes) { stop_at(tensor_count); };
        if (hook == 1) options.hooks.progress = [&](std::uint64_t, std::uint64_t) { stop_at(20); };
        if (hook == 2)
            options.hooks.cancelled = [&] {
                stop_at(20);
                return false;
            };
        Destinations destinations;
        CAPTURE(hook, count);
        CHECK_THROWS_AS(model.read_into(destinations.items(), options), Stop);
        CHECK(destinations.all_zeros());
        CHECK(calls > 0);
    }
}

TEST_CASE("zeros: the byte source fails in the middle") {
    const Sealed& sealed = pristine();
    std::atomic<int> reads_left{0};
    const int how = GENERATE(0, 1);
    const auto source = callback_source(sealed.file.size(), [&](std::uint64_t offset, MutableBytes to) {
        if (reads_left-- == 0) {
            if (how == 0) return false;
            throw Stop();
        }
        std::copy_n(sealed.file.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
        return true;
    });
    reads_left = 1000;
    const SealedModel model = SealedModel::open(source, sealed.key);
    for (const unsigned count : {1U, 4U}) {
        for (const int n : {0, 1, 100}) {
            reads_left = n;
            Destinations destinations;
            if (how == 0)
                CHECK(refusal_code([&] { model.read_into(destinations.items(), threads(count)); }) == "io_failed");
            else
                CHECK_THROWS_AS(model.read_into(destinations.items(), threads(count)), Stop);
            CHECK(destinations.all_zeros());
        }
    }
}

TEST_CASE("zeros: an engine's parallel_for that does not do what it should") {
    const SealedModel model = SealedModel::open(memory_source(pristine().file), pristine().key);
    const auto reading = [&](ParallelFor run) {
        ReadOptions options = threads(4);
        options.parallel.run = std::move(run);
        Destinations destinations;
        std::string result;
        try {
            result = refusal([&] { model.read_into(destinations.items(), options); });
        } catch (const Stop&) {
            result = "stop";
        }
        CHECK((result == "nothing refused" ? destinations.holds(pristine().tensors) : destinations.all_zeros()));
        return result;
    };
    using Body = std::function<void(std::size_t)>;
    CHECK(reading([](std::size_t, const Body&) {}) == "callback_failed");
    CHECK(reading([](std::size_t, const Body& body) { body(0); }) == "callback_failed");
    CHECK(reading([](std::size_t count, const Body& body) {
              for (std::size_t i = 0; i < count; ++i)
                  body(0);
          }) == "nothing refused"); // numbers do not matter: work is taken in turn
    CHECK(reading([](std::size_t count, const Body& body) {
              for (std::size_t i = 0; i < 2 * count; ++i)
                  body(i);
          }) == "callback_failed");
    CHECK(reading([](std::size_t, const Body&) { throw Stop(); }) == "stop");
    CHECK(reading([](std::size_t count, const Body& body) {
              for (std::size_t i = 0; i < count; ++i)
                  body(i);
              throw Stop();
          }) == "stop");
    CHECK(reading([](std::size_t count, const Body& body) {
              for (std::size_t i = count; i > 0; --i)
                  body(i - 1);
          }) == "nothing refused");
}

TEST_CASE("zeros: an allocator that fails, misaligns or throws") {
    const SealedModel model = SealedModel::open(memory_source(pristine().file), pristine().key);
    std::size_t released = 0;
    alignas(64) static std::byte misaligned[tensor_size + 64];
    const auto reading = [&](std::function<void*(std::size_t, std::size_t)> allocate) {
        ReadOptions options = threads(1);
        options.buffer.allocator = {std::move(allocate), [&](void*, std::size_t) { ++released; }};
        return refusal([&] { (void)model.read({0, {}}, options); });
    };
    CHECK(reading([](std::size_t, std::size_t) -> void* { return nullptr; }) == "out_of_memory");
    CHECK(released == 0);
    CHECK(reading([](std::size_t, std::size_t) -> void* { return misaligned + 1; }) == "callback_failed");
    CHECK(released == 1);
    CHECK_THROWS_AS(reading([](std::size_t, std::size_t) -> void* { throw Stop(); }), Stop);
    CHECK(released == 1);
}

TEST_CASE("zeros: memory goes back to the caller's allocator without plaintext after a failure") {
    Sealed sealed = pristine();
    sealed.damage_the_end();
    const SealedModel model = SealedModel::open(memory_source(sealed.file), sealed.key);
    std::size_t allocated = 0;
    std::size_t zeros = 0;
    for (const unsigned count : {1U, 4U}) {
        ReadOptions options = threads(count);
        options.buffer.allocator = {[&](std::size_t size, std::size_t alignment) {
                                        ++allocated;
                                        return std::aligned_alloc(alignment, align_up(size, alignment));
                                    },
                                    [&](void* data, std::size_t size) {
                                        zeros += all_zero({static_cast<const std::byte*>(data), size});
                                        std::free(data);
                                    }};
        CHECK(refusal_code([&] { (void)model.read({tensor_count - 1, {}}, options); }) == "corrupt_data");
        CHECK(refusal_code([&] { (void)model.load(options); }) == "corrupt_data");
    }
    CHECK(allocated == 4);
    CHECK(zeros == 4);
}

TEST_CASE("zeros: requests that are refused before anything is read") {
    SealedModel model = SealedModel::open(memory_source(pristine().file), pristine().key);
    const auto reading = [&](Destinations destinations) {
        const std::string result = refusal([&] { model.read_into(destinations.items()); });
        CHECK(destinations.all_zeros());
        return result;
    };
    CHECK(reading(Destinations(tensor_size - 1)) == "destination_size");
    CHECK(reading(Destinations(tensor_size + 1)) == "destination_size");
    CHECK(reading(Destinations(0)) == "destination_size");
    Destinations missing;
    missing.items()[3].selection.tensor = tensor_count;
    CHECK(refusal([&] { model.read_into(missing.items()); }) == "invalid_argument");
    CHECK(missing.all_zeros());
    Destinations outside;
    outside.items()[4].selection.slice = {{0, tensor_size + 1}};
    CHECK(refusal([&] { model.read_into(outside.items()); }) == "slice_out_of_range");
    CHECK(outside.all_zeros());
    model.drop_keys();
    CHECK(reading(Destinations()) == "keys_dropped");
}

} // namespace weightseal::testing

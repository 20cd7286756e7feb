// What a read takes from the file: only the chunks it touches, each byte once.

#include "support/catch.hpp"
#include "unit/container/fixture.hpp"

#include <mutex>

namespace weightseal::testing {
namespace {

// Counts every byte that is read.
class CountingSource {
  public:
    explicit CountingSource(const Data& file) : reads_(file.size()) {
        source_ = callback_source(file.size(), [this, &file](std::uint64_t offset, MutableBytes to) {
            const std::lock_guard lock(mutex_);
            for (std::size_t i = 0; i < to.size(); ++i) {
                to[i] = file[offset + i];
                ++reads_[offset + i];
            }
            return true;
        });
    }
    [[nodiscard]] std::shared_ptr<const ByteSource> source() const { return source_; }
    void reset() { std::ranges::fill(reads_, std::uint8_t{0}); }
    [[nodiscard]] std::uint64_t total() const {
        std::uint64_t sum = 0;
        for (const std::uint8_t n : reads_)
            sum += n;
        return sum;
    }
    [[nodiscard]] bool each_byte_at_most_once() const { return *std::ranges::max_element(reads_) <= 1; }

  private:
    std::mutex mutex_;
    std::vector<std::uint8_t> reads_;
    std::shared_ptr<const ByteSource> source_;
};

constexpr std::uint64_t chunk = 65536;

struct Case {
    Slice slice;
    std::uint64_t runs;
};

} // namespace

TEST_CASE("a slice reads at most what was asked for and two chunks a contiguous run") {
    MemoryModel source;
    source.add_tensor(make_tensor("before", "U8", {1000}));
    source.add_tensor(make_tensor("w", "BF16", {40, 100'000}, 1)); // a row spans three chunks and more
    const Sealed sealed(source);
    CountingSource counting(sealed.file);
    const SealedModel model = SealedModel::open(counting.source(), sealed.key);
    for (const Case& c :
         {Case{{{3, 4}}, 1}, Case{{{5, 9}}, 1}, Case{{{0, 40}, {0, 10}}, 40}, Case{{{0, 40}, {50'000, 90'000}}, 40},
          Case{{{7, 8}, {99'999, 100'000}}, 1}, Case{{{0, 40}}, 1}, Case{{{2, 3}, {0, 0}}, 0}}) {
        const Selection selection{1, c.slice};
        const std::uint64_t asked = model.selection_bytes(selection);
        counting.reset();
        (void)model.read(selection);
        INFO("asked " << asked << ", read " << counting.total());
        CHECK(counting.total() >= asked);
        CHECK(counting.total() <= asked + 2 * chunk * c.runs);
        CHECK(counting.each_byte_at_most_once());

        std::uint64_t planned = 0;
        for (const PlanItem& item : model.plan({selection}).items)
            planned += item.length;
        CHECK(planned == counting.total());
    }
}

TEST_CASE("a read of one tensor leaves the others alone") {
    MemoryModel source;
    for (int i = 0; i < 50; ++i)
        source.add_tensor(make_tensor("t" + std::to_string(i), "U8", {100'000}));
    const Sealed sealed(source);
    CountingSource counting(sealed.file);
    const SealedModel model = SealedModel::open(counting.source(), sealed.key);
    counting.reset();
    (void)model.read(whole(20));
    CHECK(counting.total() == 100'000);
}

TEST_CASE("opening reads prelude, slots and index once, and nothing of the body") {
    MemoryModel source;
    source.add_tensor(make_tensor("w", "U8", {500'000}));
    const Sealed sealed(source);
    CountingSource counting(sealed.file);
    const SealedModel model = SealedModel::open(counting.source(), sealed.key);
    CHECK(counting.each_byte_at_most_once());
    CHECK(counting.total() == sealed.file.size() - model.facts().body_size);
}

TEST_CASE("load and verify read the body once") {
    MemoryModel source;
    for (int i = 0; i < 300; ++i)
        source.add_tensor(make_tensor("t" + std::to_string(i), "U8", {static_cast<std::uint64_t>(i * 37 + 1)}));
    source.add_tensor(make_tensor("big", "U8", {700'000}));
    const Sealed sealed(source);
    CountingSource counting(sealed.file);
    const SealedModel model = SealedModel::open(counting.source(), sealed.key);
    counting.reset();
    (void)model.load();
    CHECK(counting.each_byte_at_most_once());
    CHECK(counting.total() <= model.facts().body_size);
    counting.reset();
    model.verify();
    CHECK(counting.each_byte_at_most_once());
    CHECK(counting.total() == sealed.file.size());
}

TEST_CASE("tied tensors are read once by load") {
    MemoryModel source;
    const auto target = source.add_tensor(make_tensor("w", "U8", {200'000}));
    source.add_alias("tied", "U8", {200'000}, target);
    source.add_alias("bound", "I8", {2, 100'000}, target);
    const Sealed sealed(source);
    CountingSource counting(sealed.file);
    const SealedModel model = SealedModel::open(counting.source(), sealed.key);
    counting.reset();
    (void)model.load();
    CHECK(counting.total() == 200'000);
}

} // namespace weightseal::testing

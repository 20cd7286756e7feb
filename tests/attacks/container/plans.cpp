// Reading by the engine's own I/O: plans and fetched bytes that are not what they should be.

#include "support/catch.hpp"
#include "support/forge.hpp"
#include "support/models.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <algorithm>

namespace weightseal::testing {
namespace {

struct Sealed {
    Key key = Key::generate(KeyKind::seal);
    MemoryModel model{false};
    Data file;
    explicit Sealed(std::uint64_t seed = 1) {
        model.add_tensor(make_tensor("a", "U8", {400'000}, seed));
        model.add_tensor(make_tensor("b", "F32", {300, 500}, seed + 1));
        const TemporaryFolder folder;
        seal(model, folder / "sealed", key, {.chunk_log2 = 16});
        file = read_file(folder / "sealed");
    }
    [[nodiscard]] SealedModel open() const { return SealedModel::open(memory_source(file), key); }
    [[nodiscard]] Data fetch(const PlanItem& item) const {
        const Bytes bytes = Bytes(file).subspan(item.file_offset, item.length);
        return {bytes.begin(), bytes.end()};
    }
};

constexpr std::uint64_t small_item = 100'000; // two chunks at most

std::string decrypting(const SealedModel& model, const Plan& plan, std::size_t item, Bytes fetched,
                       MutableBytes destination) {
    return refusal([&] { model.decrypt(plan, item, fetched, destination); });
}

} // namespace

TEST_CASE("plan: fetched bytes decrypt to the tensor, item by item, in any order") {
    const Sealed sealed;
    const SealedModel model = sealed.open();
    const Plan plan = model.plan({{0, {}}, {1, {}}}, small_item);
    REQUIRE(plan.items.size() > 4);
    std::vector<Data> destinations{Data(400'000), Data(600'000)};
    for (std::size_t i = plan.items.size(); i > 0; --i)
        model.decrypt(plan, i - 1, sealed.fetch(plan.items[i - 1]), destinations[plan.items[i - 1].selection]);
    CHECK(destinations[0] == sealed.model.data(0));
    CHECK(destinations[1] == sealed.model.data(1));
}

TEST_CASE("plan: altered fetched bytes zero the item's part of the destination and leave the rest alone") {
    const Sealed sealed;
    const SealedModel model = sealed.open();
    const Plan plan = model.plan({{0, {}}}, small_item);
    REQUIRE(plan.items.size() >= 3);
    const PlanItem& item = plan.items[1];
    const std::uint64_t begin = item.file_offset - plan.items[0].file_offset;
    for (const std::uint64_t at : {std::uint64_t{0}, item.length / 2, item.length - 1}) {
        Data fetched = sealed.fetch(item);
        fetched[at] ^= std::byte{1};
        Data destination(400'000, std::byte{0xAA});
        const std::uint64_t chunk = at < (64 << 10) ? 0 : 64 << 10;
        CHECK(decrypting(model, plan, 1, fetched, destination) ==
              "corrupt_data at " + std::to_string(item.file_offset + chunk));
        for (std::size_t i = 0; i < destination.size(); ++i) {
            const bool inside = i >= begin && i < begin + item.length;
            if (destination[i] != (inside ? std::byte{0} : std::byte{0xAA})) {
                CAPTURE(i, inside);
                REQUIRE(destination[i] == (inside ? std::byte{0} : std::byte{0xAA}));
            }
        }
    }
}

TEST_CASE("plan: altered bytes of a slice zero its part, in place of its runs") {
    const Sealed sealed;
    const SealedModel model = sealed.open();
    const Plan plan = model.plan({{1, {{0, 300}, {100, 200}}}}); // [:, 100:200]
    REQUIRE(plan.items.size() == 1);
    Data fetched = sealed.fetch(plan.items[0]);
    Data destination(300 * 100 * 4, std::byte{0xAA});
    model.decrypt(plan, 0, fetched, destination);
    for (std::size_t row = 0; row < 300; ++row)
        REQUIRE(std::equal(destination.begin() + static_cast<std::ptrdiff_t>(row * 400),
                           destination.begin() + static_cast<std::ptrdiff_t>((row + 1) * 400),
                           sealed.model.data(1).begin() + static_cast<std::ptrdiff_t>(row * 2000 + 400)));
    fetched.back() ^= std::byte{1};
    std::ranges::fill(destination, std::byte{0xAA});
    CHECK(decrypting(model, plan, 0, fetched, destination).starts_with("corrupt_data"));
    CHECK(all_zero(destination));
}

TEST_CASE("plan: fetched bytes of another length") {
    const Sealed sealed;
    const SealedModel model = sealed.open();
    const Plan plan = model.plan({{0, {}}});
    const Data fetched = sealed.fetch(plan.items[0]);
    Data longer = fetched;
    longer.push_back(std::byte{0});
    for (const Bytes bytes : {Bytes{}, Bytes(fetched).first(fetched.size() - 1), Bytes(longer)}) {
        Data destination(400'000, std::byte{0xAA});
        CHECK(decrypting(model, plan, 0, bytes, destination) == "invalid_argument");
        CHECK(all_zero(destination));
    }
}

TEST_CASE("plan: a destination of another length is refused and zeroed") {
    const Sealed sealed;
    const SealedModel model = sealed.open();
    const Plan plan = model.plan({{0, {}}});
    for (const std::size_t size : {0U, 399'999U, 400'001U}) {
        Data destination(size, std::byte{0xAA});
        CHECK(decrypting(model, plan, 0, sealed.fetch(plan.items[0]), destination) == "destination_size");
        CHECK(all_zero(destination));
    }
}

TEST_CASE("plan: an item or a selection that does not exist") {
    const Sealed sealed;
    const SealedModel model = sealed.open();
    const Plan good = model.plan({{0, {}}}, small_item);
    const Data fetched = sealed.fetch(good.items[0]);
    Data destination(400'000);
    CHECK(decrypting(model, good, good.items.size(), fetched, destination) == "invalid_argument");
    CHECK(decrypting(model, good, ~std::size_t{0}, fetched, destination) == "invalid_argument");
    CHECK(decrypting(model, {}, 0, fetched, destination) == "invalid_argument");
    Plan plan = good;
    plan.items[0].selection = 1;
    CHECK(decrypting(model, plan, 0, fetched, destination) == "invalid_argument");
    plan = good;
    plan.selections[0].tensor = 2;
    CHECK(decrypting(model, plan, 0, fetched, destination) == "invalid_argument");
    for (const std::uint64_t chunk : {std::uint64_t{6}, std::uint64_t{7}, ~std::uint64_t{0}}) {
        plan = good;
        plan.items[0].first_chunk = chunk;
        CHECK(decrypting(model, plan, 0, fetched, destination) == "invalid_argument");
    }
    for (const std::uint64_t chunks : {std::uint64_t{0}, std::uint64_t{8}, ~std::uint64_t{0}}) {
        plan = good;
        plan.items[0].chunks = chunks;
        CHECK(decrypting(model, plan, 0, fetched, destination) == "invalid_argument");
    }
    CHECK(refusal([&] { (void)model.plan({{2, {}}}); }) == "invalid_argument");
    CHECK(refusal([&] { (void)model.plan({{0, {{0, 400'001}}}}); }) == "slice_out_of_range");
    CHECK(refusal([&] { (void)model.plan({{0, {{5, 4}}}}); }) == "slice_out_of_range");
    CHECK(refusal([&] { (void)model.plan({{0, {{0, 1}, {0, 1}}}}); }) == "slice_out_of_range");
}

TEST_CASE("plan: made for another container, or with another item's bytes") {
    const Sealed sealed;
    const Sealed other(7); // the same names and shapes
    const SealedModel model = sealed.open();
    const Plan plan = other.open().plan({{0, {}}}, small_item);
    Data destination(400'000, std::byte{0xAA});
    CHECK(decrypting(model, plan, 0, other.fetch(plan.items[0]), destination).starts_with("corrupt_data"));
    CHECK(all_zero(MutableBytes(destination).first(plan.items[0].length)));
    // Positions are the same in both: this is the right ciphertext, whoever made the plan.
    model.decrypt(plan, 0, sealed.fetch(plan.items[0]), destination);
    // The bytes of another item of the same length.
    REQUIRE(plan.items[0].length == plan.items[1].length);
    CHECK(decrypting(model, plan, 0, sealed.fetch(plan.items[1]), destination).starts_with("corrupt_data"));
    // A smaller container, which has no such chunks.
    const Key key = Key::generate(KeyKind::seal);
    const Data small = minimal_container(key);
    CHECK(decrypting(SealedModel::open(memory_source(small), key), plan, 1, sealed.fetch(plan.items[1]), destination) ==
          "invalid_argument");
}

TEST_CASE("plan: decrypting in place, and failing in place") {
    const Sealed sealed;
    const SealedModel model = sealed.open();
    const Plan plan = model.plan({{0, {}}});
    REQUIRE(plan.items.size() == 1);
    for (const bool staged : {false, true}) {
        Data bytes = sealed.fetch(plan.items[0]);
        model.decrypt(plan, 0, bytes, bytes, staged);
        CHECK(bytes == sealed.model.data(0));
        bytes = sealed.fetch(plan.items[0]);
        bytes.back() ^= std::byte{1};
        CHECK(refusal_code([&] { model.decrypt(plan, 0, bytes, bytes, staged); }) == "corrupt_data");
        CHECK(all_zero(bytes));
    }
}

TEST_CASE("plan: dropped keys") {
    const Sealed sealed;
    SealedModel model = sealed.open();
    const Plan plan = model.plan({{0, {}}});
    model.drop_keys();
    Data destination(400'000, std::byte{0xAA});
    CHECK(decrypting(model, plan, 0, sealed.fetch(plan.items[0]), destination) == "keys_dropped");
    CHECK(all_zero(destination));
}

} // namespace weightseal::testing

// Damage found while reading: what the destination holds then, and what it never held in staged mode.

#include "container/reader.hpp"
#include "container/state.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "unit/container/fixture.hpp"

namespace weightseal::testing {
namespace {

constexpr std::size_t chunk = 65536;
constexpr std::byte sentinel{0xEE};

// A tensor of eight chunks, chunk 5 of it damaged. It stands at the start of the body.
struct Damaged {
    TensorData tensor = make_tensor("w", "U8", {8 * chunk}, 1);
    Sealed sealed;
    std::uint64_t damaged_at = 0; ///< byte of the file where the damaged chunk begins
    Damaged() : sealed(model_of(tensor)) {
        const Plan plan = sealed.open().plan({whole(0)}, 1);
        damaged_at = plan.items.at(5).file_offset;
        sealed.file[damaged_at + 1000] ^= std::byte{4};
    }
    static MemoryModel model_of(const TensorData& tensor) {
        MemoryModel model;
        model.add_tensor(tensor);
        return model;
    }
    [[nodiscard]] bool holds_plaintext(Bytes destination, std::size_t number) const {
        return equal(destination.subspan(number * chunk, chunk), Bytes(tensor.data).subspan(number * chunk, chunk));
    }
};

bool is_filled(Bytes bytes, std::byte value) {
    return std::ranges::all_of(bytes, [value](std::byte b) { return b == value; });
}

// One worker of an engine's pool, and a look at the destination when it has ended: after the damage was
// found, before the library zeroes everything.
Parallel watched(Bytes destination, Data& seen) {
    return {1, [destination, &seen](std::size_t count, const std::function<void(std::size_t)>& body) {
                for (std::size_t i = 0; i < count; ++i)
                    body(i);
                seen.assign(destination.begin(), destination.end());
            }};
}

} // namespace

TEST_CASE("after a damaged chunk the whole destination of the call is zeros") {
    const Damaged damaged;
    const SealedModel model = damaged.sealed.open();
    for (const bool staged : {false, true})
        for (const unsigned threads : {1U, 4U}) {
            Data destination(damaged.tensor.data.size(), sentinel);
            const ReadItem item{whole(0), destination};
            ReadOptions options{.parallel = {threads, {}}, .staged = staged};
            int fired = 0;
            options.on_tensor = [&](std::size_t, Bytes) { ++fired; };
            CHECK(refusal([&] {
                      model.read_into({&item, 1}, options);
                  }) == "corrupt_data at " + std::to_string(damaged.damaged_at));
            CHECK(all_zero(destination));
            CHECK(fired == 0);
        }
}

TEST_CASE("staged: a damaged chunk never touches its destination, and undamaged ones arrive verified") {
    const Damaged damaged;
    const SealedModel model = damaged.sealed.open();
    Data destination(damaged.tensor.data.size(), sentinel);
    Data seen;
    const ReadItem item{whole(0), destination};
    ReadOptions options{.parallel = watched(destination, seen), .staged = true};
    CHECK(refusal_code([&] { model.read_into({&item, 1}, options); }) == "corrupt_data");
    REQUIRE(seen.size() == destination.size());
    for (std::size_t number = 0; number < 5; ++number)
        CHECK(damaged.holds_plaintext(seen, number));
    CHECK(is_filled(Bytes(seen).subspan(5 * chunk), sentinel));
}

TEST_CASE("not staged: of a damaged chunk no plaintext is left, even before the call returns") {
    const Damaged damaged;
    const SealedModel model = damaged.sealed.open();
    Data destination(damaged.tensor.data.size(), sentinel);
    Data seen;
    const ReadItem item{whole(0), destination};
    ReadOptions options{.parallel = watched(destination, seen)};
    CHECK(refusal_code([&] { model.read_into({&item, 1}, options); }) == "corrupt_data");
    REQUIRE(seen.size() == destination.size());
    CHECK(is_filled(Bytes(seen).subspan(5 * chunk, chunk), std::byte{0}));
    CHECK(is_filled(Bytes(seen).subspan(6 * chunk), sentinel));
}

TEST_CASE("a slice that covers no chunk is decrypted apart: damage never touches its destination") {
    const Damaged damaged;
    const SealedModel model = damaged.sealed.open();
    Data destination(100, sentinel);
    Data seen;
    const ReadItem item{{0, {{5 * chunk + 10, 5 * chunk + 110}}}, destination};
    ReadOptions options{.parallel = watched(destination, seen)};
    CHECK(refusal_code([&] { model.read_into({&item, 1}, options); }) == "corrupt_data");
    CHECK(is_filled(seen, sentinel));
    CHECK(all_zero(destination));
}

TEST_CASE("decrypting one chunk: staged leaves the destination alone when the tag is wrong") {
    const Damaged damaged;
    const SealedModel model = damaged.sealed.open();
    const auto& state = StateAccess::of(model);
    const auto keys = state.keys();
    const container::Source source = state.source(*keys);
    container::EntryCipher cipher(*keys, crypto::Direction::decrypt);
    Data destination(damaged.tensor.data.size(), sentinel);
    Data scratch(chunk);
    const container::Target target{state.view(whole(0)), destination.data(), 0};
    const Bytes cipher_bytes = Bytes(damaged.sealed.file).subspan(damaged.damaged_at, chunk);
    const auto decrypt = [&](bool staged) {
        return refusal_code(
            [&] { container::decrypt_chunk(cipher, source, target, 5, cipher_bytes, scratch, staged); });
    };
    CHECK(decrypt(true) == "corrupt_data");
    CHECK(is_filled(destination, sentinel));
    CHECK(all_zero(scratch));
    CHECK(decrypt(false) == "corrupt_data");
    CHECK(is_filled(Bytes(destination).subspan(5 * chunk, chunk), std::byte{0}));
    CHECK(is_filled(Bytes(destination).first(5 * chunk), sentinel));
}

TEST_CASE("undamaged tensors of a damaged file are read, and selections beside a damaged one are zeroed") {
    MemoryModel source;
    source.add_tensor(make_tensor("good", "U8", {100'000}, 1));
    source.add_tensor(make_tensor("bad", "U8", {100'000}, 2));
    Sealed sealed(source);
    sealed.file[sealed.open().plan({whole(1)}).items.at(0).file_offset] ^= std::byte{1};
    const SealedModel model = sealed.open();
    CHECK(equal(std::as_const(model).read(whole(0)).bytes(), tensors_of(source)[0]));
    Data good(100'000, sentinel);
    Data bad(100'000, sentinel);
    const std::vector<ReadItem> items{{whole(0), good}, {whole(1), bad}};
    CHECK(refusal_code([&] { model.read_into(items); }) == "corrupt_data");
    CHECK(all_zero(good));
    CHECK(all_zero(bad));
    CHECK(refusal_code([&] { model.verify(); }) == "corrupt_data");
}

TEST_CASE("a source that fails or throws in the middle: zeros, and its own error") {
    const Damaged fixture;
    const Data& file = fixture.sealed.file;
    int body_reads = -100; // opening takes fewer
    const auto source = callback_source(file.size(), [&](std::uint64_t offset, MutableBytes to) {
        if (body_reads++ == 3) return false;
        std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
        return true;
    });
    const SealedModel model = SealedModel::open(source, fixture.sealed.key);
    Data destination(fixture.tensor.data.size(), sentinel);
    const ReadItem item{whole(0), destination};
    body_reads = 0;
    CHECK(refusal_code([&] { model.read_into({&item, 1}, {.parallel = {1, {}}}); }) == "io_failed");
    CHECK(all_zero(destination));
}

} // namespace weightseal::testing

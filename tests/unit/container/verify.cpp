// Verifying: gaps, stale slot blocks, the leaf table. Damage anywhere else: attacks/container.

#include "support/catch.hpp"
#include "support/forge.hpp"
#include "support/refusal.hpp"
#include "unit/container/fixture.hpp"

namespace weightseal::testing {
namespace {

std::string verifying(const Data& file, const Key& key) {
    return refusal([&] { SealedModel::open(memory_source(file), key).verify(); });
}

// A container with a leaf table, of two tensors in three cells.
struct WithLeaves {
    Key key = Key::generate(KeyKind::seal);
    std::vector<Data> data{patterned(70'000, 1), patterned(80'000, 2)};
    Data file;
    WithLeaves() {
        container::Draft draft;
        draft.is_folder = true;
        draft.with_leaf_table = true;
        for (const char* const name : {"a", "b"})
            draft.entries.push_back({.kind = container::EntryKind::tensor, .dtype = Dtype::u8, .name = name});
        for (std::size_t i = 0; i < 2; ++i) {
            draft.entries[i].shape = {data[i].size()};
            draft.entries[i].length = data[i].size();
        }
        file = forge(draft, data, key, {.chunk_log2 = 16});
    }
};

} // namespace

TEST_CASE("a file with a leaf table opens, reads and verifies") {
    const WithLeaves f;
    const SealedModel model = SealedModel::open(memory_source(f.file), f.key);
    CHECK(model.facts().is_signed);
    CHECK(model.facts().file_size == f.file.size());
    CHECK(f.file.size() == 4096 + 2 * 8192 + model.facts().body_size + 3 * 32 + model.facts().index_size);
    CHECK(equal(std::as_const(model).read(whole(1)).bytes(), f.data[1]));
    model.verify();
}

TEST_CASE("a damaged leaf is refused at its offset by verify, and does not stop reading") {
    const WithLeaves f;
    const std::size_t table = 4096 + 2 * 8192 + inspect(*memory_source(f.file)).body_size;
    for (std::size_t leaf = 0; leaf < 3; ++leaf)
        for (const std::size_t byte : {std::size_t{0}, std::size_t{31}}) {
            Data file = f.file;
            file[table + 32 * leaf + byte] ^= std::byte{1};
            CHECK(verifying(file, f.key) == "corrupt_leaf_table at " + std::to_string(table + 32 * leaf));
            const SealedModel model = SealedModel::open(memory_source(file), f.key);
            CHECK(equal(std::as_const(model).read(whole(0)).bytes(), f.data[0]));
        }
}

TEST_CASE("a damaged gap is refused at its offset by verify, and does not stop reading") {
    MemoryModel source;
    source.add_tensor(make_tensor("small", "U8", {100}, 1));
    source.add_tensor(make_tensor("big", "U8", {70'001}, 2));
    for (const Suite suite : {Suite::aes_256_gcm, Suite::chacha20_poly1305}) {
        const Sealed sealed(source, {.suite = suite, .chunk_log2 = 16});
        constexpr std::size_t body = 4096 + 2 * 8192;
        // [100, 4096) between the tensors, [74097, 74112) after the last.
        for (const std::size_t at : {std::size_t{100}, std::size_t{4095}, std::size_t{74'097}, std::size_t{74'111}}) {
            Data file = sealed.file;
            file[body + at] ^= std::byte{0x40};
            CHECK(verifying(file, sealed.key).starts_with("corrupt_gap at "));
            const SealedModel model = SealedModel::open(memory_source(file), sealed.key);
            CHECK(equal(std::as_const(model).read(whole(1)).bytes(), tensors_of(source)[1]));
        }
        CHECK(verifying(sealed.file, sealed.key) == "nothing refused");
    }
}

TEST_CASE("verify reads the file anew: damage that came after opening is found") {
    MemoryModel source;
    source.add_tensor(make_tensor("w", "U8", {1000}, 1));
    Sealed sealed(source);
    const SealedModel model = sealed.open();
    model.verify();
    for (const std::size_t at : {std::size_t{100}, std::size_t{4096 + 100}, std::size_t{4096 + 8192 + 100},
                                 std::size_t{4096 + 16384 + 5}, sealed.file.size() - 1}) {
        sealed.file[at] ^= std::byte{1};
        CHECK(refusal([&] { model.verify(); }) != "nothing refused");
        sealed.file[at] ^= std::byte{1};
    }
    model.verify();
}

} // namespace weightseal::testing

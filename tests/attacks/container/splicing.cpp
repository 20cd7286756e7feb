// Authentic bytes in the wrong place: everything an attacker without the key can put together from sealed
// files.

#include "support/catch.hpp"
#include "support/forge.hpp"
#include "support/models.hpp"
#include "support/parts.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <algorithm>

namespace weightseal::testing {
namespace {

constexpr std::uint64_t body = layout::prelude::size + 2 * layout::slots::default_block_size;
constexpr std::uint64_t chunk = 64 << 10;

// Two tensors of three whole chunks each, of one shape and dtype.
Data two_tensors(const Key& key, Suite suite) {
    const TemporaryFolder folder;
    MemoryModel model;
    model.add_tensor(make_tensor("a", "U8", {3 * chunk}, 1));
    model.add_tensor(make_tensor("b", "U8", {3 * chunk}, 2));
    seal(model, folder / "sealed", key, {.suite = suite, .chunk_log2 = 16});
    return read_file(folder / "sealed");
}

void swap_bytes(Data& file, std::uint64_t a, std::uint64_t b, std::uint64_t size) {
    const auto at = [&](std::uint64_t offset) { return file.begin() + static_cast<std::ptrdiff_t>(offset); };
    std::swap_ranges(at(a), at(a + size), at(b));
}

void copy_bytes(const Data& from, Data& to, std::uint64_t begin, std::uint64_t size) {
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(begin), size,
                to.begin() + static_cast<std::ptrdiff_t>(begin));
}

std::string reading(const Data& file, const Key& key, std::string_view tensor) {
    const SealedModel model = SealedModel::open(memory_source(file), key);
    const std::size_t position = model.find_tensor(tensor);
    Data destination(model.tensor(position).bytes, std::byte{0xAA});
    const ReadItem item{{position, {}}, destination};
    const std::string result = refusal([&] { model.read_into({&item, 1}, {.parallel = {.threads = 1}}); });
    if (result != "nothing refused") REQUIRE(all_zero(destination));
    return result;
}

std::string verifying(const Data& file, const Key& key) {
    return refusal([&] { SealedModel::open(memory_source(file), key).verify({.parallel = {.threads = 1}}); });
}

std::string at(const char* code, std::uint64_t offset) {
    return code + (" at " + std::to_string(offset));
}

const auto suites = {Suite::aes_256_gcm, Suite::chacha20_poly1305};

} // namespace

TEST_CASE("chunks of two tensors swapped") {
    const Key key = Key::generate(KeyKind::seal);
    for (const Suite suite : suites) {
        Data file = two_tensors(key, suite);
        swap_bytes(file, body + chunk, body + 4 * chunk, chunk); // chunk 1 of each
        CHECK(reading(file, key, "a") == at("corrupt_data", body + chunk));
        CHECK(reading(file, key, "b") == at("corrupt_data", body + 4 * chunk));
        CHECK(verifying(file, key) == at("corrupt_data", body + chunk));
    }
}

TEST_CASE("chunks of one tensor swapped, and one repeated") {
    const Key key = Key::generate(KeyKind::seal);
    for (const Suite suite : suites) {
        Data file = two_tensors(key, suite);
        swap_bytes(file, body, body + chunk, chunk);
        CHECK(reading(file, key, "a") == at("corrupt_data", body));
        CHECK(reading(file, key, "b") == "nothing refused");
        file = two_tensors(key, suite);
        std::copy_n(file.begin() + body, chunk, file.begin() + body + 2 * chunk);
        CHECK(reading(file, key, "a") == at("corrupt_data", body + 2 * chunk));
    }
}

TEST_CASE("a chunk moved between files sealed with the same key") {
    const Key key = Key::generate(KeyKind::seal);
    for (const Suite suite : suites) {
        Data file = two_tensors(key, suite);
        const Data other = two_tensors(key, suite);
        REQUIRE(file.size() == other.size());
        copy_bytes(other, file, body + chunk, chunk);
        CHECK(reading(file, key, "a") == at("corrupt_data", body + chunk));
        CHECK(verifying(file, key) == at("corrupt_data", body + chunk));
    }
}

TEST_CASE("an index from another file sealed with the same key") {
    const Key key = Key::generate(KeyKind::seal);
    for (const Suite suite : suites) {
        const Data original = two_tensors(key, suite);
        const Data other = two_tensors(key, suite);
        const Facts facts = inspect(*memory_source(original));
        const std::uint64_t index = facts.file_size - facts.index_size;
        Data file = original;
        copy_bytes(other, file, index, facts.index_size);
        CHECK(verifying(file, key) == at("corrupt_index", index));
        // With its tag, which the prelude's MAC covers.
        copy_bytes(other, file, layout::prelude::at_index_tag, layout::tag_size);
        refresh_checksum(MutableBytes(file).first(layout::prelude::size));
        CHECK(verifying(file, key) == at("corrupt_prelude", layout::prelude::at_mac));
    }
}

TEST_CASE("a prelude or a slot block from another file sealed with the same key") {
    const Key key = Key::generate(KeyKind::seal);
    const Data original = two_tensors(key, Suite::aes_256_gcm);
    const Data other = two_tensors(key, Suite::aes_256_gcm);
    constexpr std::uint64_t block = layout::slots::default_block_size;

    Data file = original;
    copy_bytes(other, file, 0, layout::prelude::size); // another salt: the slots do not fit
    CHECK(verifying(file, key) == "wrong_key");

    file = original;
    copy_bytes(other, file, layout::prelude::size, block);
    const SealedModel model = SealedModel::open(memory_source(file), key);
    CHECK(model.damaged_slot_block() == 'A');
    CHECK(verifying(file, key) == at("damaged_slot_block", layout::prelude::size));

    copy_bytes(other, file, layout::prelude::size + block, block);
    CHECK(verifying(file, key) == "wrong_key");

    file = original;
    copy_bytes(other, file, 0, layout::prelude::size + 2 * block); // all but index and body
    CHECK(verifying(file, key) == at("corrupt_index", inspect(*memory_source(original)).file_size -
                                                          inspect(*memory_source(original)).index_size));
}

TEST_CASE("a commitment of another file key") {
    const Key key = Key::generate(KeyKind::seal);
    Data file = minimal_container(key);
    const Data other = minimal_container(key);
    copy_bytes(other, file, layout::prelude::at_commitment, 32);
    refresh_checksum(MutableBytes(file).first(layout::prelude::size));
    CHECK(verifying(file, key) == at("corrupt_prelude", layout::prelude::at_commitment));
}

TEST_CASE("an entry's record changed by a holder of the key: its data no longer decrypt") {
    const Key key = Key::generate(KeyKind::seal);
    Parts parts = take_apart(two_tensors(key, Suite::aes_256_gcm), key);
    // Another dtype of the same size: BOOL in place of U8. The record is part of the entry's key.
    parts.index[layout::index::header_size + layout::index::at_dtype] = std::byte{1};
    const Data file = put_together(parts);
    REQUIRE(SealedModel::open(memory_source(file), key).tensor(0).dtype == Dtype::boolean);
    CHECK(reading(file, key, "a") == at("corrupt_data", body));
    CHECK(reading(file, key, "b") == "nothing refused");
}

TEST_CASE("another suite or chunk size in the prelude, with a right checksum") {
    const Key key = Key::generate(KeyKind::seal);
    const std::size_t field = GENERATE(layout::prelude::at_suite, layout::prelude::at_chunk_log2);
    Data file = minimal_container(key, {.suite = Suite::aes_256_gcm, .chunk_log2 = 16});
    file[field] = field == layout::prelude::at_suite ? std::byte{2} : std::byte{17};
    refresh_checksum(MutableBytes(file).first(layout::prelude::size));
    CHECK(verifying(file, key) == at("corrupt_prelude", layout::prelude::at_commitment));
}

TEST_CASE("bytes between entries are part of what verifying authenticates") {
    const Key key = Key::generate(KeyKind::seal);
    for (const Suite suite : suites) {
        Data file = minimal_container(key, {.suite = suite});
        file[body + 2] ^= std::byte{1}; // after the two bytes of config.json
        CHECK(reading(file, key, "w") == "nothing refused");
        CHECK(verifying(file, key) == at("corrupt_gap", body + 2));
    }
}

} // namespace weightseal::testing

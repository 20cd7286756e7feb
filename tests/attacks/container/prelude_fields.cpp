// Fields of the prelude at their extremes, with a right checksum: an attacker without the key can write that
// much.

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/forge.hpp"
#include "support/parts.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <limits>

namespace weightseal::testing {
namespace {

namespace at = layout::prelude;

// Memory that refusing any of these files may take: a few times the largest of them.
constexpr std::size_t enough = 16 << 20;

template <class T>
Data with_field(Data file, std::size_t offset, T value) {
    store_le(MutableBytes(file), offset, value);
    refresh_checksum(MutableBytes(file).first(at::size));
    return file;
}

std::string opening(const Data& file, const Key& key) {
    const std::string opened = refusal([&] { (void)SealedModel::open(memory_source(file), key); });
    const std::string inspected = refusal([&] { (void)inspect(*memory_source(file)); });
    CHECK(opened == inspected);
    // The same with little memory: nothing is reserved before the sizes are known to fit the file.
    const int code = errc_in_child([&] {
        limit_memory(enough);
        (void)SealedModel::open(memory_source(file), key);
    });
    CHECK(opened.substr(0, opened.find(' ')) == errc_name(static_cast<Errc>(code)));
    return opened;
}

std::string at_byte(const char* code, std::size_t offset) {
    return code + (" at " + std::to_string(offset));
}

constexpr auto max32 = std::numeric_limits<std::uint32_t>::max();
constexpr auto max64 = std::numeric_limits<std::uint64_t>::max();

} // namespace

TEST_CASE("prelude: chunk size at its extremes") {
    const Key key = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key);
    for (const int log2 : {0, 1, 15, 23, 31, 32, 63, 64, 65, 128, 255}) {
        CAPTURE(log2);
        CHECK(opening(with_field(file, at::at_chunk_log2, static_cast<std::uint8_t>(log2)), key) ==
              at_byte("bad_prelude", at::at_chunk_log2));
    }
}

TEST_CASE("prelude: slot block size at its extremes") {
    const Key key = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key);
    for (const std::uint32_t size :
         {0U, 1U, 64U, 4095U, 4097U, 8191U, (1U << 20) + 4096, 1U << 31, max32 - 4095, max32})
        CHECK(opening(with_field(file, at::at_slot_block_size, size), key) ==
              at_byte("bad_prelude", at::at_slot_block_size));
    CHECK(opening(with_field(file, at::at_slot_block_size, 1U << 20), key) == at_byte("truncated", file.size()));
    // Smaller ones leave bytes over.
    CHECK(opening(with_field(file, at::at_slot_block_size, 4096U), key) ==
          at_byte("trailing_bytes", file.size() - 2 * 4096));
}

TEST_CASE("prelude: body size at its extremes") {
    const Key key = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key);
    for (const std::uint64_t size :
         {std::uint64_t{1}, std::uint64_t{63}, std::uint64_t{1} << 62, std::uint64_t{1} << 63, max64 - 63, max64})
        CHECK(opening(with_field(file, at::at_body_size, size), key) == at_byte("bad_prelude", at::at_body_size));
    for (const std::uint64_t size : {std::uint64_t{1} << 40, (std::uint64_t{1} << 62) - 64})
        CHECK(opening(with_field(file, at::at_body_size, size), key) == at_byte("truncated", file.size()));
    const std::uint64_t body = inspect(*memory_source(file)).body_size;
    CHECK(opening(with_field(file, at::at_body_size, body + 64), key) == at_byte("truncated", file.size()));
    CHECK(opening(with_field(file, at::at_body_size, std::uint64_t{0}), key) ==
          at_byte("trailing_bytes", file.size() - body));
}

TEST_CASE("prelude: index size at its extremes") {
    const Key key = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key);
    const std::uint64_t largest = layout::index::max_size;
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{31}, largest + 1, std::uint64_t{1} << 63, max64})
        CHECK(opening(with_field(file, at::at_index_size, size), key) == at_byte("bad_prelude", at::at_index_size));
    CHECK(opening(with_field(file, at::at_index_size, largest), key) == at_byte("truncated", file.size()));
    CHECK(opening(with_field(file, at::at_index_size, std::uint64_t{32}), key) ==
          at_byte("trailing_bytes", file.size() - inspect(*memory_source(file)).index_size + 32));
}

TEST_CASE("prelude: sizes that trade bytes between body and index keep the file's size and fail authentication") {
    const Key key = Key::generate(KeyKind::seal);
    Data file = minimal_container(key);
    const Facts facts = inspect(*memory_source(file));
    store_le(MutableBytes(file), at::at_body_size, facts.body_size + 64);
    file = with_field(std::move(file), at::at_index_size, facts.index_size - 64);
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(file), key); }) ==
          at_byte("corrupt_prelude", at::at_mac));
}

TEST_CASE("prelude: unknown versions and suites are named as such") {
    const Key key = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key);
    for (const int version : {0, 2, 0x0100, 0xFFFF}) {
        // Whatever else the file holds: a later version may keep its checksum elsewhere.
        Data other = file;
        store_le(MutableBytes(other), at::at_version, static_cast<std::uint16_t>(version));
        CHECK(opening(other, key) == at_byte("unknown_version", at::at_version));
    }
    for (const int suite : {0, 3, 4, 255})
        CHECK(opening(with_field(file, at::at_suite, static_cast<std::uint8_t>(suite)), key) ==
              at_byte("unknown_suite", at::at_suite));
}

TEST_CASE("prelude: unknown flags") {
    const Key key = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key);
    for (unsigned bit = 1; bit < 32; ++bit)
        REQUIRE(opening(with_field(file, at::at_flags, std::uint32_t{1} << bit), key) ==
                at_byte("bad_prelude", at::at_flags));
    // The flag "signed" asks for a leaf table, which this file does not have.
    CHECK(opening(with_field(file, at::at_flags, at::flag_signed), key) == at_byte("truncated", file.size()));
}

TEST_CASE("prelude: every reserved byte must be zero") {
    const Key key = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key);
    const auto reserved = [&](std::size_t begin, std::size_t end, std::size_t field) {
        for (std::size_t i = begin; i < end; ++i) {
            const Data other = with_field(file, i, std::uint8_t{1});
            const std::string result = refusal([&] { (void)SealedModel::open(memory_source(other), key); });
            if (result != at_byte("bad_prelude", field)) {
                CAPTURE(i);
                REQUIRE(result == at_byte("bad_prelude", field));
            }
        }
    };
    reserved(at::at_reserved_20, at::at_body_size, at::at_reserved_20);
    reserved(at::at_reserved_56, at::at_file_salt, at::at_reserved_56);
    reserved(at::at_reserved_128, at::at_signer, at::at_reserved_128);
    reserved(at::at_signer, at::at_reserved_352, at::at_signer); // not signed
    reserved(at::at_reserved_352, at::at_mac, at::at_reserved_352);
}

TEST_CASE("prelude: a holder of the key sets the flag signed without a leaf table that matches") {
    const Key key = Key::generate(KeyKind::seal);
    Parts parts = take_apart(minimal_container(key), key);
    store_le(parts.prelude, at::at_flags, at::flag_signed);
    const std::size_t leaf = at::size + 2 * layout::slots::default_block_size + parts.body.size();
    parts.body.resize(parts.body.size() + layout::hash_size, std::byte{0x5A});
    const Data file = put_together(parts);
    const SealedModel model = SealedModel::open(memory_source(file), key);
    CHECK(model.facts().is_signed);
    CHECK(refusal([&] { model.verify(); }) == at_byte("corrupt_leaf_table", leaf));
}

TEST_CASE("prelude: opening a small file whose prelude names the largest sizes takes little memory") {
    // The limit itself works: without it, this would take more than is allowed.
    const int code = errc_in_child([] {
        limit_memory(enough);
        (void)AlignedBuffer(4 * enough, {});
    });
#ifdef WEIGHTSEAL_SANITIZED
    CHECK(code == 0);
#else
    CHECK(code == static_cast<int>(Errc::out_of_memory));
#endif
}

} // namespace weightseal::testing

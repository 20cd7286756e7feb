// Fields of the index at their extremes, encrypted and authenticated by a hostile holder of the key.

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/forge.hpp"
#include "support/parts.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <functional>
#include <limits>

namespace weightseal::testing {
namespace {

namespace at = layout::index;

constexpr std::size_t enough = 16 << 20;
constexpr auto max32 = std::numeric_limits<std::uint32_t>::max();
constexpr auto max64 = std::numeric_limits<std::uint64_t>::max();

// In the index of the minimal container: config.json of 2 bytes, then w, F32 [4, 8], at body offset 64.
constexpr std::size_t file_record = at::header_size;
constexpr std::size_t tensor_record = file_record + at::entry_size + 16;
constexpr std::size_t tensor_shape = tensor_record + at::entry_size;
constexpr std::size_t tensor_name = tensor_shape + 2 * 8;
constexpr std::size_t tags = tensor_name + 8;
constexpr std::size_t padding = tags + 2 * layout::tag_size;

// How opening refuses the minimal container with its index altered.
std::string altered(const std::function<void(Data& index)>& alter) {
    const Key key = Key::generate(KeyKind::seal);
    Parts parts = take_apart(minimal_container(key), key);
    alter(parts.index);
    const Data file = put_together(parts);
    const int code = errc_in_child([&] {
        limit_memory(enough);
        (void)SealedModel::open(memory_source(file), key);
    });
    const std::string refused = refusal([&] { (void)SealedModel::open(memory_source(file), key); });
    CHECK(refused == (code == 0 ? "nothing refused" : errc_name(static_cast<Errc>(code))));
    return refused;
}

template <class T>
std::string with_field(std::size_t offset, T value) {
    return altered([=](Data& index) { store_le(MutableBytes(index), offset, value); });
}

} // namespace

TEST_CASE("index: the fixture is laid out as these tests say") {
    const Key key = Key::generate(KeyKind::seal);
    const Data index = take_apart(minimal_container(key), key).index;
    CHECK(as_text(Bytes(index).subspan(file_record + at::entry_size, 11)) == "config.json");
    CHECK(as_text(Bytes(index).subspan(tensor_name, 2)) == std::string_view("w\0", 2));
    CHECK(load_le<std::uint64_t>(index, tensor_record + at::at_offset) == 64);
    CHECK(all_zero(Bytes(index).subspan(padding)));
    CHECK_FALSE(all_zero(Bytes(index).subspan(padding - 8, 8)));
    CHECK(altered([](Data&) {}) == "nothing refused");
}

TEST_CASE("index: counts and sizes of its header at their extremes") {
    for (const std::uint32_t count : {0U, 1U, 3U, max_entries, max_entries + 1, max32})
        CHECK(with_field(at::at_entry_count, count) == "bad_index");
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{63}, std::uint64_t{992}, std::uint64_t{1024},
                                     std::uint64_t{1} << 62, max64 - 31, max64})
        CHECK(with_field(at::at_entries_size, size) == "bad_index");
    for (const std::uint64_t count :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{1} << 60, max64 / 16 + 1, max64})
        CHECK(with_field(at::at_tag_count, count) == "bad_index");
}

TEST_CASE("index: an index of the smallest size says that it holds the largest") {
    for (const std::size_t size : {std::size_t{32}, std::size_t{40}, std::size_t{64}})
        CHECK(altered([=](Data& index) {
                  index.resize(size);
                  store_le(MutableBytes(index), at::at_entry_count, max_entries);
              }) == "bad_index");
}

TEST_CASE("index: flags and reserved bytes") {
    CHECK(with_field(at::at_flags, 2U) == "unsupported"); // the manifest of a set
    for (unsigned bit = 2; bit < 32; ++bit)
        REQUIRE(with_field(at::at_flags, std::uint32_t{1} << bit) == "bad_index");
    CHECK(with_field(at::at_reserved_24, std::uint64_t{1}) == "bad_index");
    CHECK(with_field(at::at_reserved_24 + 7, std::uint8_t{0x80}) == "bad_index");
    CHECK(with_field(padding, std::uint8_t{1}) == "bad_index");
    CHECK(altered([](Data& index) { index.back() = std::byte{1}; }) == "bad_index");
    for (const std::size_t record : {file_record, tensor_record}) {
        CHECK(with_field(record + at::at_reserved_6, std::uint16_t{1}) == "bad_index");
        CHECK(with_field(record + at::at_reserved_12, std::uint32_t{0x80000000}) == "bad_index");
    }
    CHECK(with_field(file_record + at::entry_size + 11, std::uint8_t{1}) == "bad_index"); // after the name
    CHECK(with_field(tensor_name + 7, std::uint8_t{1}) == "bad_index");
}

TEST_CASE("index: kinds, dtypes, ranks and roles outside the format") {
    for (const int kind : {3, 4, 255})
        CHECK(with_field(tensor_record, static_cast<std::uint8_t>(kind)) == "bad_index");
    for (const int dtype : {0, 23, 255})
        CHECK(with_field(tensor_record + at::at_dtype, static_cast<std::uint8_t>(dtype)) == "bad_index");
    for (const int rank : {0, 1, 3, 32, 33, 255})
        CHECK(with_field(tensor_record + at::at_rank, static_cast<std::uint8_t>(rank)) == "bad_index");
    for (const int role : {1, 2, 255})
        CHECK(with_field(tensor_record + at::at_role, static_cast<std::uint8_t>(role)) == "bad_index");
    for (const int role : {2, 3, 255})
        CHECK(with_field(file_record + at::at_role, static_cast<std::uint8_t>(role)) == "bad_index");
    CHECK(with_field(file_record + at::at_dtype, std::uint8_t{1}) == "bad_index");
    CHECK(with_field(file_record + at::at_rank, std::uint8_t{1}) == "bad_index");
    CHECK(with_field(file_record, std::uint8_t{0}) == "bad_index"); // a tensor without a dtype
}

TEST_CASE("index: names that run over their record") {
    for (const int size : {9, 200, 65535})
        CHECK(with_field(tensor_record + at::at_name_size, static_cast<std::uint16_t>(size)) == "bad_index");
    for (const int size : {200, 65535})
        CHECK(with_field(file_record + at::at_name_size, static_cast<std::uint16_t>(size)) == "bad_index");
    CHECK(with_field(file_record + at::at_name_size, std::uint16_t{25}) ==
          "unsafe_name"); // with the next record's NULs
}

TEST_CASE("index: links that point nowhere, to itself, ahead, or to something else") {
    for (const std::uint32_t link : {2U, 3U, 1000U, max32})
        CHECK(with_field(tensor_record + at::at_link, link) == "bad_index");
    CHECK(with_field(tensor_record + at::at_link, 1U) == "bad_index"); // config.json is no head
    CHECK(with_field(file_record + at::at_link, 1U) == "bad_index");
    CHECK(with_field(tensor_record, std::uint8_t{2}) == "bad_index"); // an alias of nothing
    CHECK(altered([](Data& index) {                                   // an alias of a file
              store_le(MutableBytes(index), tensor_record, std::uint8_t{2});
              store_le(MutableBytes(index), tensor_record + at::at_link, 1U);
          }) == "bad_index");
}

TEST_CASE("index: offsets at their extremes") {
    for (const std::uint64_t offset :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{63}, std::uint64_t{65}, std::uint64_t{128},
          std::uint64_t{4096}, std::uint64_t{8192}, std::uint64_t{1} << 62, max64 - 127, max64 - 63, max64})
        CHECK(with_field(tensor_record + at::at_offset, offset) == "bad_index");
    for (const std::uint64_t offset : {std::uint64_t{1}, std::uint64_t{64}, std::uint64_t{4096}, max64 - 1, max64})
        CHECK(with_field(file_record + at::at_offset, offset) == "bad_index");
}

TEST_CASE("index: lengths at their extremes") {
    for (const std::uint64_t length :
         {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{129}, std::uint64_t{1} << 62, max64 - 63, max64})
        CHECK(with_field(tensor_record + at::at_length, length) == "bad_index");
    for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{65}, std::uint64_t{192}, std::uint64_t{193},
                                       std::uint64_t{1} << 60, max64 - 1, max64})
        CHECK(with_field(file_record + at::at_length, length) == "bad_index");
}

TEST_CASE("index: shapes whose product overflows or disagrees with the length") {
    for (const std::uint64_t extent : {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{5}, std::uint64_t{1} << 32,
                                       (std::uint64_t{1} << 59) + 4, std::uint64_t{1} << 63, max64})
        CHECK(with_field(tensor_shape, extent) == "bad_index");
    CHECK(altered([](Data& index) { // 2^64 + 128 bytes
              store_le(MutableBytes(index), tensor_shape, (std::uint64_t{1} << 62) + 32);
              store_le(MutableBytes(index), tensor_shape + 8, std::uint64_t{4});
          }) == "bad_index");
    CHECK(altered([](Data& index) { // four bits: no whole number of bytes
              store_le(MutableBytes(index), tensor_record + at::at_dtype, Dtype::f4);
              store_le(MutableBytes(index), tensor_shape, std::uint64_t{257});
              store_le(MutableBytes(index), tensor_shape + 8, std::uint64_t{1});
          }) == "bad_index");
}

TEST_CASE("index: two entries in one place") {
    CHECK(altered([](Data& index) {
              store_le(MutableBytes(index), file_record + at::at_length, std::uint64_t{128});
              store_le(MutableBytes(index), file_record + at::at_offset, std::uint64_t{64});
          }) == "bad_index");
    CHECK(altered([](Data& index) { store_le(MutableBytes(index), file_record + at::at_length, std::uint64_t{66}); }) ==
          "bad_index");
}

TEST_CASE("index: a gap as long as the format allows, and one byte of alignment more") {
    // An entry of 64 KiB stands at a multiple of 4096: after one byte, the gap is 4095 bytes.
    const Key key = Key::generate(KeyKind::seal);
    container::Draft draft;
    draft.entries.push_back({.name = "f", .length = 1});
    draft.entries.push_back({.name = "g", .length = 65536});
    const std::vector<Data> data{Data(1, std::byte{7}), patterned(65536, 3)};
    const Data file = forge(draft, data, key, {.chunk_log2 = 16});
    CHECK(refusal([&] { SealedModel::open(memory_source(file), key).verify(); }) == "nothing refused");

    draft.entries[0].length = 0; // the gap becomes 4096 bytes
    draft.entries[1].offset = 4096;
    draft.body_size = 4096 + 65536;
    Parts parts = take_apart(file, key);
    std::size_t tags_offset = 0;
    parts.index = container::encode_index(draft.entries, false, 16, tags_offset);
    CHECK(parts.body.size() == draft.body_size);
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(put_together(parts)), key); }) == "bad_index");
}

TEST_CASE("index: rank 32 opens, rank 33 does not") {
    const Key key = Key::generate(KeyKind::seal);
    for (const std::size_t rank : {32U, 33U}) {
        container::Draft draft;
        container::EntryDraft tensor;
        tensor.kind = container::EntryKind::tensor;
        tensor.dtype = Dtype::u8;
        tensor.name = "w";
        tensor.shape.assign(rank, 1);
        tensor.length = 1;
        draft.entries.push_back(tensor);
        const Data file = forge(draft, {Data(1, std::byte{9})}, key);
        CHECK(refusal([&] { (void)SealedModel::open(memory_source(file), key); }) ==
              (rank == 32 ? "nothing refused" : "bad_index"));
    }
}

TEST_CASE("index: an alias that does not match its tensor") {
    const Key key = Key::generate(KeyKind::seal);
    container::Draft draft;
    container::EntryDraft tensor;
    tensor.kind = container::EntryKind::tensor;
    tensor.dtype = Dtype::u8;
    tensor.name = "w";
    tensor.shape = {64};
    tensor.length = 64;
    container::EntryDraft alias = tensor;
    alias.kind = container::EntryKind::alias;
    alias.name = "tied";
    alias.link = 0;
    draft.entries = {tensor, alias};
    const std::vector<Data> data{patterned(64, 1), {}};
    const auto opening = [&](const container::Draft& changed, bool placed = false) {
        const Data file = forge(changed, data, key, {}, placed);
        return refusal([&] { (void)SealedModel::open(memory_source(file), key); });
    };
    CHECK(opening(draft) == "nothing refused");

    container::Draft other = draft;
    other.entries[1].shape = {32};
    other.entries[1].length = 32;
    CHECK(opening(other) == "bad_index");
    other = draft;
    other.body_size = 64;
    other.entries[1].offset = 64;
    CHECK(opening(other, true) == "bad_index");
    other = draft;
    other.entries.push_back(alias); // an alias of an alias
    other.entries[2].name = "again";
    other.entries[2].link = 1;
    CHECK(opening(other) == "bad_index");
}

TEST_CASE("index: what it refuses names the place in the decrypted index") {
    const Key key = Key::generate(KeyKind::seal);
    Parts parts = take_apart(minimal_container(key), key);
    parts.index[tensor_record] = std::byte{9};
    const Data file = put_together(parts);
    try {
        (void)SealedModel::open(memory_source(file), key);
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK_THAT(error.what(), ContainsSubstring("byte " + std::to_string(tensor_record) + " of the decrypted"));
    }
}

TEST_CASE("index: an altered index without the key is corrupt") {
    const Key key = Key::generate(KeyKind::seal);
    Data file = minimal_container(key);
    const Facts facts = inspect(*memory_source(file));
    const std::uint64_t index = facts.file_size - facts.index_size;
    file[index + 40] ^= std::byte{1};
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(file), key); }) ==
          "corrupt_index at " + std::to_string(index));
}

} // namespace weightseal::testing

// Slot blocks: lengths and counts at their extremes, generations, and the states an interrupted change
// leaves.

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/forge.hpp"
#include "support/parts.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <limits>
#include <optional>

namespace weightseal::testing {
namespace {

namespace at = layout::slots;

constexpr std::size_t block_size = at::default_block_size;
constexpr auto max32 = std::numeric_limits<std::uint32_t>::max();
constexpr auto max64 = std::numeric_limits<std::uint64_t>::max();

std::size_t offset_of(std::size_t block) {
    return layout::prelude::size + block * block_size;
}

MutableBytes block_of(Data& file, std::size_t block) {
    return MutableBytes(file).subspan(offset_of(block), block_size);
}

// Alters one field of a block and makes its checksum right; its MAC becomes wrong.
template <class T>
void alter(Data& file, std::size_t block, std::size_t field, T value) {
    store_le(block_of(file, block), field, value);
    refresh_checksum(block_of(file, block));
}

struct Opened {
    std::string refused;
    std::optional<char> damaged;
    std::string verified;
};

Opened open(const Data& file, const Key& key) {
    Opened result;
    result.refused = refusal([&] {
        const SealedModel model = SealedModel::open(memory_source(file), key);
        result.damaged = model.damaged_slot_block();
        result.verified = refusal([&] { model.verify(); });
        CHECK(model.read({model.find_tensor("w"), {}}).size() == 128);
    });
    return result;
}

std::string damaged_at(std::size_t block) {
    return "damaged_slot_block at " + std::to_string(offset_of(block));
}
const std::string corrupt_slots = "corrupt_slots at " + std::to_string(layout::prelude::size);

template <class T>
void check_field(std::size_t field, T value) {
    CAPTURE(field, value);
    const Key key = Key::generate(KeyKind::seal);
    const Data original = minimal_container(key);
    for (const std::size_t block : {0U, 1U}) {
        Data file = original;
        alter(file, block, field, value);
        const Opened opened = open(file, key);
        CHECK(opened.refused == "nothing refused");
        CHECK(opened.damaged == (block == 0 ? 'A' : 'B'));
        CHECK(opened.verified == damaged_at(block));
    }
    Data file = original;
    alter(file, 0, field, value);
    alter(file, 1, field, value);
    CHECK(open(file, key).refused == corrupt_slots);
    // With a MAC of a holder of the key, too: such a block breaks the format.
    Parts parts = take_apart(original, key);
    for (Data& block : parts.blocks)
        store_le(MutableBytes(block), field, value);
    CHECK(open(put_together(parts), key).refused == corrupt_slots);
}

} // namespace

TEST_CASE("slot block: slot count at its extremes") {
    const auto count = GENERATE(std::uint32_t{2}, std::uint32_t{255}, std::uint32_t{256}, max32 / 120, max32);
    check_field(at::at_count, count);
}

TEST_CASE("slot block: size of all slots at its extremes") {
    const auto size = GENERATE(std::uint32_t{0}, std::uint32_t{119}, std::uint32_t{121}, std::uint32_t{240},
                               std::uint32_t{block_size - 64}, std::uint32_t{block_size}, max32 - 63, max32);
    check_field(at::at_slots_size, size);
}

TEST_CASE("slot block: directory size at its extremes") {
    const auto size = GENERATE(std::uint32_t{0}, std::uint32_t{3}, std::uint32_t{5}, std::uint32_t{block_size - 264},
                               std::uint32_t{block_size - 263}, std::uint32_t{block_size}, max32 - 127, max32);
    check_field(at::at_directory_size, size);
}

TEST_CASE("slot block: size of a slot at its extremes") {
    const auto size = GENERATE(0, 8, 112, 119, 121, 128, 8192, 65528, 65535);
    check_field(at::at_slots + at::at_size, static_cast<std::uint16_t>(size));
}

TEST_CASE("slot block: generation zero, another magic, reserved bytes that are not zero") {
    check_field(at::at_generation, std::uint64_t{0});
    check_field(at::at_magic, std::uint8_t{0});
    check_field(at::at_reserved_28, std::uint32_t{1});
    check_field(at::at_slots + at::at_reserved_4, std::uint32_t{0x80000000});
    check_field(at::at_slots + at::min_slot_size + 4 + 16, std::uint8_t{1}); // after the directory's tag
    check_field(block_size - at::mac_from_end - 1, std::uint8_t{1});
}

TEST_CASE("slot block: an altered directory, salt or directory tag") {
    check_field(at::at_salt, std::uint64_t{0x77});
    check_field(at::at_slots + at::min_slot_size, std::uint32_t{0x12345678});
    check_field(at::at_slots + at::min_slot_size + 4, std::uint64_t{0});
}

TEST_CASE("slot block: an authentic directory whose texts do not add up") {
    const Key key = Key::generate(KeyKind::seal);
    Parts parts = take_apart(minimal_container(key), key);
    const container::KeySchedule keys = keys_of(parts);
    const Data directory = GENERATE(to_data(std::string("\x01\0\0\0", 4)), to_data(std::string("\xFF\xFF\0\0", 4)),
                                    to_data(std::string("\0\0\x01\0", 4)));
    for (Data& block : parts.blocks) {
        container::Salt salt;
        std::copy_n(block.begin() + at::at_salt, salt.size(), salt.begin());
        container::BriefKey directory_key;
        keys.directory_key(salt, directory_key);
        const auto aead = crypto::make_aead(keys.suite(), crypto::Direction::encrypt);
        aead->set_key(directory_key.bytes());
        const MutableBytes place = MutableBytes(block).subspan(at::at_slots + at::min_slot_size);
        aead->encrypt({}, directory, place.data(), place.subspan(directory.size()).first<layout::tag_size>());
    }
    CHECK(open(put_together(parts), key).refused == corrupt_slots);
}

TEST_CASE("slot block: a block without slots is refused by name") {
    const Key key = Key::generate(KeyKind::seal);
    Parts parts = take_apart(minimal_container(key), key);
    for (Data& block : parts.blocks) {
        store_le(MutableBytes(block), at::at_count, std::uint32_t{0});
        store_le(MutableBytes(block), at::at_slots_size, std::uint32_t{0});
    }
    CHECK(open(put_together(parts), key).refused == "unsupported");
}

TEST_CASE("slot block: slots of unknown kinds are passed over") {
    const Key key = Key::generate(KeyKind::seal);
    Parts parts = take_apart(minimal_container(key), key);
    for (Data& block : parts.blocks)
        store_le(MutableBytes(block), at::at_slots, std::uint16_t{0x0909});
    const Data file = put_together(parts);
    CHECK(open(file, key).refused == "wrong_key");
    CHECK(inspect(*memory_source(file)).slot_blocks[0].slot_kinds == std::vector<std::uint16_t>{0x0909});
}

TEST_CASE("slot block: an altered wrapped key, which the commitment says is for this key") {
    const Key key = Key::generate(KeyKind::seal);
    const Data original = minimal_container(key);
    const std::size_t field =
        at::at_slots + at::at_wrapped + GENERATE(std::size_t{0}, std::size_t{31}, std::size_t{32}, std::size_t{47});
    Data file = original;
    alter(file, 0, field, std::uint8_t(block_of(file, 0)[field] ^ std::byte{1}));
    CHECK(open(file, key).damaged == 'A');
    alter(file, 1, field, std::uint8_t(block_of(file, 1)[field] ^ std::byte{1}));
    CHECK(open(file, key).refused == corrupt_slots);
}

TEST_CASE("slot blocks: both damaged") {
    const Key key = Key::generate(KeyKind::seal);
    Data file = minimal_container(key);
    for (const std::size_t block : {0U, 1U})
        block_of(file, block)[700] ^= std::byte{1};
    CHECK(open(file, key).refused == corrupt_slots);
    // No key tells more.
    CHECK(open(file, Key::generate(KeyKind::seal)).refused == corrupt_slots);
    const Facts facts = inspect(*memory_source(file));
    CHECK_FALSE(facts.slot_blocks[0].intact);
    CHECK_FALSE(facts.slot_blocks[1].intact);
}

TEST_CASE("slot blocks: one MAC wrong under a right checksum, then both") {
    const Key key = Key::generate(KeyKind::seal);
    Data file = minimal_container(key);
    const std::size_t field = block_size - at::mac_from_end;
    alter(file, 0, field, std::uint64_t{1});
    Opened opened = open(file, key);
    CHECK(opened.damaged == 'A');
    CHECK(opened.verified == damaged_at(0));
    alter(file, 1, field, std::uint64_t{1});
    CHECK(open(file, key).refused == corrupt_slots);
}

TEST_CASE("slot blocks: a generation raised without the key does not win") {
    const Key key = Key::generate(KeyKind::seal);
    for (const std::size_t block : {0U, 1U}) {
        Data file = minimal_container(key);
        alter(file, block, at::at_generation, max64);
        const Opened opened = open(file, key);
        CHECK(opened.refused == "nothing refused");
        CHECK(opened.damaged == (block == 0 ? 'A' : 'B'));
        CHECK(opened.verified == damaged_at(block));
    }
}

TEST_CASE("slot blocks: one older than the other opens, is reported, and is refused by verify") {
    const Key key = Key::generate(KeyKind::seal);
    const Parts original = take_apart(minimal_container(key), key);
    for (const std::size_t newer : {0U, 1U}) {
        Parts parts = original;
        store_le(MutableBytes(parts.blocks[newer]), at::at_generation, std::uint64_t{2});
        const Opened opened = open(put_together(parts), key);
        CHECK(opened.refused == "nothing refused");
        CHECK(opened.damaged == (newer == 0 ? 'B' : 'A'));
        CHECK(opened.verified == damaged_at(1 - newer));
    }
}

TEST_CASE("slot blocks: a key that only the older block has opens by it, and is reported") {
    const Key key = Key::generate(KeyKind::seal);
    const Key revoked = Key::generate(KeyKind::seal);
    Parts parts = take_apart(minimal_container(revoked), revoked);
    const container::Prelude prelude = container::parse_prelude(
        parts.prelude, layout::prelude::size + 2 * block_size + parts.body.size() + parts.index.size(), "test");
    parts.blocks[0] =
        container::encode_slot_block(block_size, 2, key, parts.file_key, prelude.file_salt, keys_of(parts));
    const Data file = put_together(parts);
    CHECK(open(file, key).damaged == 'B');
    CHECK(open(file, revoked).damaged == 'A');
    // Once both blocks are rewritten, the revoked key is a wrong key.
    parts.blocks[1] = parts.blocks[0];
    CHECK(open(put_together(parts), revoked).refused == "wrong_key");
    CHECK(open(put_together(parts), key).verified == "nothing refused");
}

TEST_CASE("slot blocks: equal generations with other content are reported and refused by verify") {
    const Key key = Key::generate(KeyKind::seal);
    Parts parts = take_apart(minimal_container(key), key);
    const container::Prelude prelude = container::parse_prelude(
        parts.prelude, layout::prelude::size + 2 * block_size + parts.body.size() + parts.index.size(), "test");
    parts.blocks[1] =
        container::encode_slot_block(block_size, 1, key, parts.file_key, prelude.file_salt, keys_of(parts));
    const Opened opened = open(put_together(parts), key);
    CHECK(opened.damaged == 'B');
    CHECK(opened.verified == damaged_at(1));
}

} // namespace weightseal::testing

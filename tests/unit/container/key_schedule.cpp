// The key schedule against vectors that Python's hmac and hashlib made.

#include "container/key_schedule.hpp"

#include "container/entry_cipher.hpp"
#include "container/gaps.hpp"
#include "container/slots.hpp"
#include "support/catch.hpp"
#include "unit/vectors.hpp"

namespace weightseal::testing {
namespace {

using container::BriefKey;
using container::KeySchedule;

std::string hex(const nlohmann::json& value) {
    return value.get<std::string>();
}

Secret secret_of(const nlohmann::json& value) {
    return Secret::copy_of(bytes32(value));
}

KeySchedule schedule_of(const nlohmann::json& vector) {
    return {secret_of(vector["file_key"]), bytes32(vector["file_salt"]), vector["suite"].get<Suite>(),
            vector["chunk_log2"].get<unsigned>()};
}

} // namespace

TEST_CASE("every derived key and MAC is that of the vectors") {
    const auto vectors = load_vectors("key_schedule.json");
    REQUIRE(vectors["cases"].size() == 4);
    for (const auto& vector : vectors["cases"]) {
        const KeySchedule keys = schedule_of(vector);
        const Data covered = from_hex(vector["covered"]);
        CHECK(to_hex(keys.commitment()) == hex(vector["commitment"]));
        CHECK(to_hex(keys.prelude_mac(covered)) == hex(vector["prelude_mac"]));
        CHECK(to_hex(keys.slots_mac(covered)) == hex(vector["slots_mac"]));
        BriefKey key;
        keys.index_key(key);
        CHECK(to_hex(key.bytes()) == hex(vector["index_key"]));
        keys.gaps_key(key);
        CHECK(to_hex(key.bytes()) == hex(vector["gaps_key"]));
        keys.directory_key(bytes32(vector["block_salt"]), key);
        CHECK(to_hex(key.bytes()) == hex(vector["directory_key"]));
        keys.entry_key(vector["ordinal"].get<std::uint64_t>(), from_hex(vector["record"]), key);
        CHECK(to_hex(key.bytes()) == hex(vector["entry_key"]));
    }
}

TEST_CASE("gaps are the keystream of the vectors, from their beginning or from within") {
    const auto vectors = load_vectors("key_schedule.json");
    for (const auto& vector : vectors["cases"]) {
        const auto begin = vector["gap_offset"].get<std::uint64_t>();
        const container::GapStream gap(schedule_of(vector), begin, begin + 100);
        CHECK(to_hex(gap.at(begin, begin + 100)) == hex(vector["gap"]));
        CHECK(to_hex(gap.at(begin + 10, begin + 12)) == hex(vector["gap"]).substr(20, 4));
    }
}

TEST_CASE("chunks are encrypted as in the vectors") {
    const auto vectors = load_vectors("key_schedule.json");
    for (const auto& vector : vectors["cases"]) {
        const KeySchedule keys = schedule_of(vector);
        const Data plain = from_hex(vector["plain"]);
        const Data record = from_hex(vector["record"]);
        container::EntryCipher cipher(keys, crypto::Direction::encrypt);
        for (const auto& chunk : vector["chunks"]) {
            Data sealed(plain.size());
            std::array<std::byte, crypto::tag_size> tag{};
            cipher.of(vector["ordinal"].get<std::uint64_t>(), record)
                .encrypt({chunk["number"].get<std::uint64_t>()}, plain, sealed.data(), tag);
            CHECK(to_hex(sealed) == hex(chunk["ciphertext"]));
            CHECK(to_hex(tag) == hex(chunk["tag"]));
        }
    }
}

TEST_CASE("a slot of the vectors opens with its secret, its file salt and nothing else") {
    const auto vector = load_vectors("key_schedule.json")["slot"];
    const Data slot = from_hex(vector["slot"]);
    container::SlotBlock block;
    block.slots.push_back({1, 0});
    const Key key{KeyKind::seal, secret_of(vector["secret"])};
    const container::Salt salt = bytes32(vector["file_salt"]);
    const auto file_key = container::open_slot(slot, block, key, salt).file_key;
    REQUIRE(file_key);
    CHECK(to_hex(file_key->bytes()) == hex(vector["file_key"]));
    CHECK_FALSE(container::open_slot(slot, block, Key::generate(KeyKind::seal), salt).file_key);
    container::Salt other = salt;
    other[31] ^= std::byte{1};
    CHECK_FALSE(container::open_slot(slot, block, key, other).file_key);
}

} // namespace weightseal::testing

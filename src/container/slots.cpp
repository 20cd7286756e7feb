#include "container/slots.hpp"

#include "crypto/aead.hpp"
#include "crypto/compare.hpp"
#include "crypto/random.hpp"
#include "formats/names.hpp"
#include "weightseal/container/layout.hpp"
#include "weightseal/core/aligned_buffer.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>

namespace weightseal::container {

namespace at = layout::slots;

namespace {

// Wrap key and commitment of one slot.
struct SlotKeys {
    std::array<std::byte, 64> bytes{};
    SlotKeys(const Secret& secret, Bytes slot_salt, std::uint16_t kind, const Salt& file_salt) {
        constexpr std::string_view label = "weightseal/v1/slot";
        std::array<std::byte, label.size() + 2 + 32> info;
        std::ranges::copy(as_bytes(label), info.begin());
        store_le(info, label.size(), kind);
        std::ranges::copy(file_salt, info.begin() + label.size() + 2);
        BriefKey prk;
        crypto::hkdf_extract(slot_salt, secret.bytes(), prk.bytes());
        crypto::hkdf_expand(prk.bytes(), info, bytes);
    }
    SlotKeys(const SlotKeys&) = delete;
    SlotKeys& operator=(const SlotKeys&) = delete;
    ~SlotKeys() { wipe(bytes); }
    [[nodiscard]] std::span<const std::byte, 32> wrap_key() const { return std::span(bytes).first<32>(); }
    [[nodiscard]] std::span<const std::byte, 32> commitment() const { return std::span(bytes).last<32>(); }
};

void encode_key_slot(MutableBytes slot, const Key& key, const Secret& file_key, const Salt& file_salt) {
    store_le(slot, at::at_kind, at::kind_key);
    store_le(slot, at::at_size, static_cast<std::uint16_t>(slot.size()));
    const MutableBytes salt = slot.subspan(at::at_slot_salt, 32);
    crypto::fill_random(salt);
    const SlotKeys keys(key.secret, salt, at::kind_key, file_salt);
    std::ranges::copy(keys.commitment(), slot.begin() + at::at_slot_commitment);
    const auto wrap = crypto::make_aead(Suite::chacha20_poly1305, crypto::Direction::encrypt);
    wrap->set_key(keys.wrap_key());
    wrap->encrypt({}, file_key.bytes(), slot.data() + at::at_wrapped,
                  slot.subspan(at::at_wrapped + secret_size).first<crypto::tag_size>());
}

Salt block_salt(Bytes block) {
    Salt salt;
    std::ranges::copy(block.subspan(at::at_salt, salt.size()), salt.begin());
    return salt;
}

// Takes a field with its size in front from the beginning of `from`; nothing when it does not fit.
std::optional<Bytes> take_field(Bytes& from) {
    if (from.size() < 2) return std::nullopt;
    const std::size_t size = load_le<std::uint16_t>(from, 0);
    if (from.size() - 2 < size) return std::nullopt;
    const Bytes field = from.subspan(2, size);
    from = from.subspan(2 + size);
    return field;
}

// One record a slot: a label, which is shown to people, and a public key, which a 256-bit key does not have.
bool is_directory(Bytes directory, const std::vector<SlotBlock::Slot>& slots) {
    for (const SlotBlock::Slot& slot : slots) {
        const auto label = take_field(directory);
        const auto public_key = label ? take_field(directory) : std::nullopt;
        if (!public_key || !formats::is_valid_label(as_text(*label))) return false;
        if (slot.kind == at::kind_key && !public_key->empty()) return false;
    }
    return directory.empty();
}

// The fields of a block whose checksum is right; false when they break the rules.
bool parse_slots(Bytes block, SlotBlock& parsed) {
    if (!std::ranges::equal(block.first(at::magic.size()), std::as_bytes(std::span(at::magic)))) return false;
    parsed.generation = load_le<std::uint64_t>(block, at::at_generation);
    const auto count = load_le<std::uint32_t>(block, at::at_count);
    const std::size_t slots_size = load_le<std::uint32_t>(block, at::at_slots_size);
    parsed.directory_size = load_le<std::uint32_t>(block, at::at_directory_size);
    const std::size_t room = block.size() - at::at_slots - at::mac_from_end;
    if (count > at::max_count || parsed.generation == 0 || slots_size > room ||
        parsed.directory_size > room - slots_size || room - slots_size - parsed.directory_size < crypto::tag_size)
        return false;
    std::size_t offset = at::at_slots;
    const std::size_t end = offset + slots_size;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (end - offset < at::min_slot_size) return false;
        const std::size_t size = load_le<std::uint16_t>(block, offset + at::at_size);
        const auto kind = load_le<std::uint16_t>(block, offset + at::at_kind);
        if (size < at::min_slot_size || size % 8 != 0 || size > end - offset) return false;
        if (kind == at::kind_key && size != at::min_slot_size) return false;
        parsed.slots.push_back({kind, offset});
        offset += size;
    }
    parsed.directory_offset = end;
    return offset == end;
}

} // namespace

std::vector<std::byte> encode_slot_block(std::size_t size, std::uint64_t generation, const Key& key,
                                         const Secret& file_key, const Salt& file_salt, const KeySchedule& keys) {
    std::vector<std::byte> bytes(size);
    const MutableBytes block(bytes);
    constexpr std::uint32_t directory_size = 4; // an empty label and an empty public key
    std::ranges::copy(std::as_bytes(std::span(at::magic)), block.begin() + at::at_magic);
    store_le(block, at::at_generation, generation);
    store_le(block, at::at_count, std::uint32_t{1});
    store_le(block, at::at_slots_size, static_cast<std::uint32_t>(at::min_slot_size));
    store_le(block, at::at_directory_size, directory_size);
    crypto::fill_random(block.subspan(at::at_salt, 32));
    encode_key_slot(block.subspan(at::at_slots, at::min_slot_size), key, file_key, file_salt);

    const MutableBytes directory = block.subspan(at::at_slots + at::min_slot_size, directory_size);
    BriefKey directory_key;
    keys.directory_key(block_salt(block), directory_key);
    const auto aead = crypto::make_aead(keys.suite(), crypto::Direction::encrypt);
    aead->set_key(directory_key.bytes());
    aead->encrypt({}, directory, directory.data(),
                  std::span<std::byte, crypto::tag_size>(directory.data() + directory_size, crypto::tag_size));

    const std::size_t at_mac = size - at::mac_from_end;
    const std::size_t at_checksum = size - at::checksum_from_end;
    std::ranges::copy(keys.slots_mac(Bytes(block).first(at_mac)), block.begin() + static_cast<std::ptrdiff_t>(at_mac));
    std::ranges::copy(crypto::sha256({Bytes(block).first(at_checksum)}),
                      block.begin() + static_cast<std::ptrdiff_t>(at_checksum));
    return bytes;
}

SlotBlock parse_slot_block(Bytes block) {
    SlotBlock parsed;
    const std::size_t at_checksum = block.size() - at::checksum_from_end;
    if (!crypto::equal(crypto::sha256({block.first(at_checksum)}), block.subspan(at_checksum))) return parsed;
    parsed.intact = parse_slots(block, parsed);
    parsed.breaks_rules = !parsed.intact;
    return parsed;
}

Attempt open_slot(Bytes block, const SlotBlock& parsed, const Key& key, const Salt& file_salt) {
    Attempt attempt;
    for (const SlotBlock::Slot& slot : parsed.slots) {
        if (slot.kind != at::kind_key) continue;
        const Bytes bytes = block.subspan(slot.offset, at::min_slot_size);
        const SlotKeys keys(key.secret, bytes.subspan(at::at_slot_salt, 32), slot.kind, file_salt);
        if (!crypto::equal(keys.commitment(), bytes.subspan(at::at_slot_commitment, 32))) continue;
        const auto wrap = crypto::make_aead(Suite::chacha20_poly1305, crypto::Direction::decrypt);
        wrap->set_key(keys.wrap_key());
        bool authentic = false;
        Secret file_key = Secret::make([&](std::span<std::byte, secret_size> to) {
            authentic = wrap->decrypt({}, bytes.subspan(at::at_wrapped, secret_size), to.data(),
                                      bytes.subspan(at::at_wrapped + secret_size).first<crypto::tag_size>());
        });
        if (authentic) return {std::move(file_key), false};
        attempt.is_damaged = true;
    }
    return attempt;
}

bool authenticate_slot_block(Bytes block, const SlotBlock& parsed, const KeySchedule& keys) {
    const std::size_t at_mac = block.size() - at::mac_from_end;
    if (!crypto::equal(keys.slots_mac(block.first(at_mac)), block.subspan(at_mac, layout::hash_size))) return false;
    const std::size_t padding = parsed.directory_offset + parsed.directory_size + crypto::tag_size;
    if (load_le<std::uint32_t>(block, at::at_reserved_28) != 0 || !all_zero(block.subspan(padding, at_mac - padding)))
        return false;
    for (const SlotBlock::Slot& slot : parsed.slots)
        if (load_le<std::uint32_t>(block, slot.offset + at::at_reserved_4) != 0) return false;
    BriefKey key;
    keys.directory_key(block_salt(block), key);
    const auto aead = crypto::make_aead(keys.suite(), crypto::Direction::decrypt);
    aead->set_key(key.bytes());
    std::vector<std::byte> directory(parsed.directory_size);
    return aead->decrypt({}, block.subspan(parsed.directory_offset, parsed.directory_size), directory.data(),
                         block.subspan(parsed.directory_offset + parsed.directory_size).first<crypto::tag_size>()) &&
           is_directory(directory, parsed.slots);
}

} // namespace weightseal::container

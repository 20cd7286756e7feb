#include "container/key_schedule.hpp"

#include "weightseal/core/aligned_buffer.hpp"

#include <algorithm>

namespace weightseal::container {

BriefKey::~BriefKey() {
    wipe(bytes_);
}

KeySchedule::KeySchedule(const Secret& file_key, const Salt& file_salt, Suite suite, unsigned chunk_log2)
    : prk_(Secret::make(
          [&](std::span<std::byte, secret_size> to) { crypto::hkdf_extract(file_salt, file_key.bytes(), to); })),
      suite_(suite), chunk_log2_(static_cast<std::uint8_t>(chunk_log2)) {}

void KeySchedule::derive(std::string_view label, Bytes context, MutableBytes to) const {
    constexpr std::string_view prefix = "weightseal/v1/";
    std::array<std::byte, 96> info;
    auto end = std::ranges::copy(as_bytes(prefix), info.begin()).out;
    end = std::ranges::copy(as_bytes(label), end).out;
    *end++ = static_cast<std::byte>(suite_);
    *end++ = static_cast<std::byte>(chunk_log2_);
    end = std::ranges::copy(context, end).out; // 40 bytes at most
    crypto::hkdf_expand(prk_.bytes(), Bytes(info.begin(), end), to);
}

crypto::Hash KeySchedule::commitment() const {
    crypto::Hash commitment;
    derive("commitment", {}, commitment);
    return commitment;
}

crypto::Hash KeySchedule::mac(std::string_view label, Bytes covered) const {
    BriefKey key;
    derive(label, {}, key.bytes());
    return crypto::hmac_sha256(key.bytes(), covered);
}

crypto::Hash KeySchedule::prelude_mac(Bytes covered) const {
    return mac("prelude", covered);
}
crypto::Hash KeySchedule::slots_mac(Bytes covered) const {
    return mac("slots", covered);
}
void KeySchedule::index_key(BriefKey& to) const {
    derive("index", {}, to.bytes());
}
void KeySchedule::gaps_key(BriefKey& to) const {
    derive("gaps", {}, to.bytes());
}
void KeySchedule::directory_key(const Salt& block_salt, BriefKey& to) const {
    derive("directory", block_salt, to.bytes());
}

void KeySchedule::entry_key(std::uint64_t ordinal, Bytes record, BriefKey& to) const {
    std::array<std::byte, 40> context;
    store_le(context, 0, ordinal);
    std::ranges::copy(crypto::sha256({record}), context.begin() + 8);
    derive("entry", context, to.bytes());
}

} // namespace weightseal::container

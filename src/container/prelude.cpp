#include "container/prelude.hpp"

#include "crypto/compare.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::container {

namespace at = layout::prelude;

namespace {

// What a file that does not start with our magic most likely is.
[[noreturn]] void refuse_foreign(Bytes bytes, std::uint64_t file_size, const std::string& subject) {
    const std::string_view text = as_text(bytes);
    const auto header = load_le<std::uint64_t>(bytes, 0);
    const bool is_safetensors = file_size >= 8 && header <= file_size - 8 && text[8] == '{';
    const bool is_torch = text.starts_with("PK\x03\x04") || text.starts_with("\x80\x02");
    if (is_safetensors || is_torch || text.starts_with("GGUF"))
        throw Error(Errc::plaintext_model, subject,
                    "is a plaintext model, not a sealed one: seal it, or load it with its own loader");
    throw Error(Errc::not_sealed, subject, "is not a weightseal container", 0);
}

} // namespace

PreludeBytes encode_prelude(const Prelude& prelude, const KeySchedule& keys) {
    PreludeBytes bytes{};
    std::ranges::copy(std::as_bytes(std::span(at::magic)), bytes.begin() + at::at_magic);
    store_le(bytes, at::at_version, layout::version);
    store_le(bytes, at::at_suite, static_cast<std::uint8_t>(prelude.suite));
    store_le(bytes, at::at_chunk_log2, static_cast<std::uint8_t>(prelude.chunk_log2));
    store_le(bytes, at::at_flags, prelude.is_signed ? at::flag_signed : 0U);
    store_le(bytes, at::at_slot_block_size, prelude.slot_block_size);
    store_le(bytes, at::at_body_size, prelude.body_size);
    store_le(bytes, at::at_index_size, prelude.index_size);
    std::ranges::copy(prelude.index_tag, bytes.begin() + at::at_index_tag);
    std::ranges::copy(prelude.file_salt, bytes.begin() + at::at_file_salt);
    std::ranges::copy(prelude.commitment, bytes.begin() + at::at_commitment);
    std::ranges::copy(keys.prelude_mac(Bytes(bytes).first(at::at_mac)), bytes.begin() + at::at_mac);
    std::ranges::copy(crypto::sha256({Bytes(bytes).first(at::at_checksum)}), bytes.begin() + at::at_checksum);
    return bytes;
}

Prelude parse_prelude(const PreludeBytes& bytes, std::uint64_t file_size, const std::string& subject) {
    const Bytes all(bytes);
    if (!std::ranges::equal(all.first(at::magic.size()), std::as_bytes(std::span(at::magic))))
        refuse_foreign(all, file_size, subject);
    const auto version = load_le<std::uint16_t>(all, at::at_version);
    // Before the checksum: another version may keep it elsewhere.
    if (version != layout::version && file_size >= at::at_suite)
        throw Error(Errc::unknown_version, subject,
                    fmt::format("has version {} of the container format; this build reads version {}", version,
                                layout::version),
                    at::at_version);
    if (file_size < at::size) throw Error(Errc::truncated, subject, "ends within its prelude", file_size);
    if (!crypto::equal(crypto::sha256({all.first(at::at_checksum)}), all.subspan(at::at_checksum)))
        throw Error(Errc::corrupt_prelude, subject, "the prelude is damaged: its checksum is wrong", 0);

    const auto bad = [&](std::string_view what, std::size_t offset) {
        throw Error(Errc::bad_prelude, subject, fmt::format("the prelude's {}", what), offset);
    };
    Prelude prelude;
    const auto suite = load_le<std::uint8_t>(all, at::at_suite);
    if (suite != 1 && suite != 2)
        throw Error(Errc::unknown_suite, subject,
                    suite == 3 ? "needs the suite AEGIS-256, which this build does not have"
                               : fmt::format("needs suite {}, which this build does not have", suite),
                    at::at_suite);
    prelude.suite = static_cast<Suite>(suite);
    prelude.chunk_log2 = load_le<std::uint8_t>(all, at::at_chunk_log2);
    if (prelude.chunk_log2 < layout::min_chunk_log2 || prelude.chunk_log2 > layout::max_chunk_log2)
        bad("chunk size is out of range", at::at_chunk_log2);
    const auto flags = load_le<std::uint32_t>(all, at::at_flags);
    if ((flags & ~at::flag_signed) != 0) bad("flags are not all known", at::at_flags);
    prelude.is_signed = (flags & at::flag_signed) != 0;
    prelude.slot_block_size = load_le<std::uint32_t>(all, at::at_slot_block_size);
    if (prelude.slot_block_size == 0 || prelude.slot_block_size % 4096 != 0 ||
        prelude.slot_block_size > layout::slots::max_block_size)
        bad("slot block size is out of range", at::at_slot_block_size);
    prelude.body_size = load_le<std::uint64_t>(all, at::at_body_size);
    // A bound that keeps every sum below far from overflow; the exact size is compared at the end.
    if (prelude.body_size % layout::body_alignment != 0 || prelude.body_size >> 62 != 0)
        bad("body size is out of range", at::at_body_size);
    prelude.index_size = load_le<std::uint64_t>(all, at::at_index_size);
    if (prelude.index_size < layout::index::header_size || prelude.index_size > layout::index::max_size)
        bad("index size is out of range", at::at_index_size);
    if (load_le<std::uint32_t>(all, at::at_reserved_20) != 0) bad("reserved bytes are not zero", at::at_reserved_20);
    if (load_le<std::uint64_t>(all, at::at_reserved_56) != 0) bad("reserved bytes are not zero", at::at_reserved_56);
    if (!all_zero(all.subspan(at::at_reserved_128, at::at_signer - at::at_reserved_128)))
        bad("reserved bytes are not zero", at::at_reserved_128);
    if (!all_zero(all.subspan(at::at_reserved_352, at::at_mac - at::at_reserved_352)))
        bad("reserved bytes are not zero", at::at_reserved_352);
    if (!prelude.is_signed && !all_zero(all.subspan(at::at_signer, at::at_reserved_352 - at::at_signer)))
        bad("signature is not zero, and the file is not signed", at::at_signer);
    std::ranges::copy(all.subspan(at::at_index_tag, layout::tag_size), prelude.index_tag.begin());
    std::ranges::copy(all.subspan(at::at_file_salt, 32), prelude.file_salt.begin());
    std::ranges::copy(all.subspan(at::at_commitment, 32), prelude.commitment.begin());

    if (file_size < prelude.file_size())
        throw Error(Errc::truncated, subject,
                    fmt::format("ends early: {} bytes are missing", prelude.file_size() - file_size), file_size);
    if (file_size > prelude.file_size())
        throw Error(Errc::trailing_bytes, subject,
                    fmt::format("has {} bytes after its end", file_size - prelude.file_size()), prelude.file_size());
    return prelude;
}

bool matches_commitment(const Prelude& prelude, const KeySchedule& keys) {
    return crypto::equal(keys.commitment(), prelude.commitment);
}

void authenticate_prelude(const PreludeBytes& bytes, const KeySchedule& keys, const std::string& subject) {
    const Bytes all(bytes);
    if (!crypto::equal(keys.commitment(), all.subspan(at::at_commitment, 32)))
        throw Error(Errc::corrupt_prelude, subject, "the prelude belongs to another file: its commitment is wrong",
                    at::at_commitment);
    if (!crypto::equal(keys.prelude_mac(all.first(at::at_mac)), all.subspan(at::at_mac, layout::hash_size)))
        throw Error(Errc::corrupt_prelude, subject, "the prelude was altered: its MAC is wrong", at::at_mac);
}

} // namespace weightseal::container

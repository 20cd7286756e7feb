#include "container/opening.hpp"

#include "crypto/aead.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::container {

PublicPart read_public_part(const ByteSource& file) {
    PublicPart part;
    part.subject = file.name();
    const std::uint64_t size = file.size();
    file.read_at(0, MutableBytes(part.prelude_bytes).first(std::min<std::uint64_t>(size, layout::prelude::size)));
    part.prelude = parse_prelude(part.prelude_bytes, size, part.subject);
    for (std::size_t i = 0; i < 2; ++i) {
        part.block_bytes[i].resize(part.prelude.slot_block_size);
        file.read_at(part.prelude.slot_block_offset(i), part.block_bytes[i]);
        part.blocks[i] = parse_slot_block(part.block_bytes[i]);
    }
    return part;
}

Facts facts_of(const PublicPart& part) {
    Facts facts;
    facts.suite = part.prelude.suite;
    facts.chunk_size = std::uint64_t{1} << part.prelude.chunk_log2;
    facts.file_size = part.prelude.file_size();
    facts.body_size = part.prelude.body_size;
    facts.index_size = part.prelude.index_size;
    facts.is_signed = part.prelude.is_signed;
    for (std::size_t i = 0; i < 2; ++i) {
        if (!part.blocks[i].intact) continue;
        facts.slot_blocks[i].intact = true;
        facts.slot_blocks[i].generation = part.blocks[i].generation;
        for (const SlotBlock::Slot& slot : part.blocks[i].slots)
            facts.slot_blocks[i].slot_kinds.push_back(slot.kind);
    }
    return facts;
}

Unlocked unlock(const PublicPart& part, const Key& key) {
    require_kind(key, KeyKind::seal);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < 2; ++i)
        if (part.blocks[i].intact) order.push_back(i);
    if (order.empty())
        throw Error(Errc::corrupt_slots, part.subject, "both slot blocks are damaged",
                    part.prelude.slot_block_offset(0));
    if (order.size() == 2 && part.blocks[1].generation > part.blocks[0].generation) std::swap(order[0], order[1]);

    bool was_damaged = part.blocks[0].breaks_rules || part.blocks[1].breaks_rules;
    std::optional<KeySchedule> foreign; // of a slot that wraps the key of another file
    for (const std::size_t i : order) {
        if (part.blocks[i].slots.empty())
            throw Error(Errc::unsupported, part.subject,
                        "has no slots: it is a shard of a set, which this build does not read");
        const Attempt attempt = open_slot(part.block_bytes[i], part.blocks[i], key, part.prelude.file_salt);
        was_damaged |= attempt.is_damaged;
        if (!attempt.file_key) continue;
        KeySchedule keys(*attempt.file_key, part.prelude.file_salt, part.prelude.suite, part.prelude.chunk_log2);
        if (!matches_commitment(part.prelude, keys)) {
            foreign = keys;
            continue;
        }
        authenticate_prelude(part.prelude_bytes, keys, part.subject);
        was_damaged = true;
        if (!authenticate_slot_block(part.block_bytes[i], part.blocks[i], keys)) continue;
        const bool identical = part.block_bytes[0] == part.block_bytes[1];
        return {std::move(keys), identical ? std::nullopt : std::optional(i == 0 ? 'B' : 'A')};
    }
    if (was_damaged)
        throw Error(Errc::corrupt_slots, part.subject,
                    "the slots were altered: the key fits, and the rest of their block is not authentic",
                    part.prelude.slot_block_offset(0));
    if (foreign) authenticate_prelude(part.prelude_bytes, *foreign, part.subject); // throws
    throw Error(Errc::wrong_key, part.subject, "wrong key: none of its slots opens with this key");
}

Index read_index(const ByteSource& file, const PublicPart& part, const KeySchedule& keys) {
    // Not larger than the file: the prelude's sizes add up to its real size.
    AlignedBuffer bytes(part.prelude.index_size, {});
    file.read_at(part.prelude.index_offset(), bytes.bytes());
    BriefKey key;
    keys.index_key(key);
    const auto aead = crypto::make_aead(part.prelude.suite, crypto::Direction::decrypt);
    aead->set_key(key.bytes());
    if (!aead->decrypt({}, bytes.bytes(), bytes.data(), part.prelude.index_tag))
        throw Error(Errc::corrupt_index, part.subject, "the index was altered: its tag is wrong",
                    part.prelude.index_offset());
    return {std::move(bytes), part.prelude.body_size, part.prelude.chunk_log2, part.subject};
}

} // namespace weightseal::container

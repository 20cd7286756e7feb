// Indexes by a hostile holder of the key: any bytes, or entries of any kind with patches. What the reader
// accepts, it reads and verifies to the last byte.

#include "base.hpp"

#include <fuzzer/FuzzedDataProvider.h>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

constexpr std::uint64_t largest_body = 1 << 20;

std::vector<container::EntryDraft> drafts(FuzzedDataProvider& input) {
    std::vector<container::EntryDraft> entries(input.ConsumeIntegralInRange<std::size_t>(0, 6));
    std::uint64_t position = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        container::EntryDraft& entry = entries[i];
        entry.kind = input.PickValueInArray(
            {container::EntryKind::tensor, container::EntryKind::file, container::EntryKind::alias});
        entry.name = input.ConsumeRandomLengthString(6);
        if (i > 0 && input.ConsumeBool())
            entry.link = input.ConsumeIntegralInRange<std::uint32_t>(0, static_cast<std::uint32_t>(i - 1));
        if (entry.kind == container::EntryKind::file) {
            entry.role = input.PickValueInArray({container::FileRole::whole, container::FileRole::safetensors_head});
            entry.length = input.ConsumeIntegralInRange<std::uint32_t>(0, 70'000);
        } else {
            entry.dtype = static_cast<Dtype>(input.ConsumeIntegralInRange<int>(1, 22));
            entry.shape.resize(input.ConsumeIntegralInRange<std::size_t>(0, 3));
            entry.length = dtype_bits(entry.dtype);
            for (std::uint64_t& extent : entry.shape)
                entry.length *= extent = input.ConsumeIntegralInRange<std::uint64_t>(0, 300);
            entry.length /= 8;
        }
        if (entry.kind == container::EntryKind::alias) {
            if (entry.link) entry.offset = entries[*entry.link].offset;
        } else if (entry.length != 0) {
            entry.offset = align_up(position, layout::entry_alignment(entry.length));
            position = entry.offset + entry.length;
        }
    }
    return entries;
}

void use(const Data& file, const Parts& parts) {
    ReadOptions options;
    options.parallel.threads = 1;
    const SealedModel model = SealedModel::open(memory_source(file), fuzz_key());
    model.verify(options);
    const auto records = container::entry_records(parts.index);
    std::vector<std::uint64_t> stored; // ordinal of the data behind each tensor
    std::vector<std::uint64_t> files;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto kind = load_le<container::EntryKind>(records[i], layout::index::at_kind);
        if (kind == container::EntryKind::file)
            files.push_back(i);
        else
            stored.push_back(kind == container::EntryKind::tensor
                                 ? i
                                 : load_le<std::uint32_t>(records[i], layout::index::at_link) - 1);
    }
    require(stored.size() == model.tensor_count() && files.size() == model.file_count(), "entries are lost");
    const auto check = [](Bytes bytes, std::uint64_t ordinal) {
        for (std::size_t at = 0; at < bytes.size(); ++at)
            require(bytes[at] == plain_byte(ordinal, at), "other plaintext comes out");
    };
    const Arena arena = model.load(options);
    for (std::size_t i = 0; i < stored.size(); ++i)
        check(arena.buffer.bytes().subspan(arena.offsets[i], arena.sizes[i]), stored[i]);
    for (std::size_t i = 0; i < files.size(); ++i)
        check(model.read_file(i, options).bytes(), files[i]);
    // The same by the engine's own reads.
    std::vector<Selection> selections(stored.size());
    for (std::size_t i = 0; i < selections.size(); ++i)
        selections[i].tensor = i;
    const Plan plan = model.plan(selections, 1);
    std::vector<Data> buffers(stored.size());
    for (std::size_t i = 0; i < buffers.size(); ++i)
        buffers[i].resize(arena.sizes[i]);
    for (std::size_t item = 0; item < plan.items.size(); ++item) {
        const PlanItem& what = plan.items[item];
        model.decrypt(plan, item, Bytes(file).subspan(what.file_offset, what.length), buffers[what.selection]);
    }
    for (std::size_t i = 0; i < stored.size(); ++i)
        check(buffers[i], stored[i]);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input(data, size);
    const auto how = input.ConsumeIntegral<std::uint8_t>();
    const Suite suite = (how & 1U) != 0 ? Suite::chacha20_poly1305 : Suite::aes_256_gcm;
    const unsigned chunk_log2 = 16 + (how >> 1 & 1U);
    Data index;
    std::uint64_t body_size = 0;
    if ((how & 4U) != 0) {
        body_size = 64 * input.ConsumeIntegralInRange<std::uint64_t>(0, largest_body / 64);
        for (const std::uint8_t b : input.ConsumeRemainingBytes<std::uint8_t>())
            index.push_back(std::byte{b});
        if (index.size() < layout::index::header_size) index.resize(layout::index::header_size);
    } else {
        const std::vector<container::EntryDraft> entries = drafts(input);
        for (const container::EntryDraft& entry : entries)
            body_size = std::max(body_size, align_up(entry.offset + entry.length, 64));
        if (body_size > 4 * largest_body) return 0;
        std::size_t tags = 0;
        index = container::encode_index(entries, input.ConsumeBool(), chunk_log2, tags);
        while (input.remaining_bytes() > 2) {
            const auto at = input.ConsumeIntegralInRange<std::size_t>(0, index.size() - 1);
            index[at] ^= static_cast<std::byte>(input.ConsumeIntegral<std::uint8_t>());
        }
    }
    Parts parts = empty_parts(suite, chunk_log2, body_size);
    parts.index = std::move(index);
    const bool is_valid = fill_body(parts);
    const Data file = put_together(parts);
    if (is_valid) {
        use(file, parts);
        return 0;
    }
    try {
        (void)SealedModel::open(memory_source(file), fuzz_key());
    } catch (const Error&) {
        return 0;
    }
    require(false, "an index is accepted once and refused once");
    return 0;
}

#include "container/index.hpp"

#include "formats/names.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::container {

namespace at = layout::index;

namespace {

std::size_t record_size(std::size_t rank, std::size_t name_size) {
    return at::entry_size + 8 * rank + align_up(name_size, 8);
}

} // namespace

std::vector<std::byte> encode_index(std::span<const EntryDraft> entries, bool is_folder, unsigned chunk_log2,
                                    std::size_t& tags_offset) {
    std::uint64_t records_size = 0;
    std::uint64_t tag_count = 0;
    for (const EntryDraft& entry : entries) {
        records_size += record_size(entry.shape.size(), entry.name.size());
        if (entry.kind != EntryKind::alias) tag_count += layout::chunk_count(entry.offset, entry.length, chunk_log2);
    }
    const std::uint64_t size = at::header_size + records_size + tag_count * layout::tag_size;
    if (entries.size() > max_entries || at::padded_size(size) > at::max_size)
        throw Error(Errc::too_large, "index", "has more entries or chunks than a container can hold");
    std::vector<std::byte> bytes(at::padded_size(size));
    MutableBytes to(bytes);
    store_le(to, at::at_entry_count, static_cast<std::uint32_t>(entries.size()));
    store_le(to, at::at_flags, is_folder ? at::flag_folder : 0U);
    store_le(to, at::at_entries_size, records_size);
    store_le(to, at::at_tag_count, tag_count);
    std::size_t offset = at::header_size;
    for (const EntryDraft& entry : entries) {
        const MutableBytes record = to.subspan(offset, record_size(entry.shape.size(), entry.name.size()));
        store_le(record, at::at_kind, entry.kind);
        store_le(record, at::at_dtype, entry.dtype);
        store_le(record, at::at_rank, static_cast<std::uint8_t>(entry.shape.size()));
        store_le(record, at::at_role, entry.role);
        store_le(record, at::at_name_size, static_cast<std::uint16_t>(entry.name.size()));
        store_le(record, at::at_link, entry.link ? *entry.link + 1 : 0U);
        store_le(record, at::at_offset, entry.offset);
        store_le(record, at::at_length, entry.length);
        std::ranges::copy(std::as_bytes(std::span(entry.shape)), record.begin() + at::entry_size);
        std::ranges::copy(as_bytes(entry.name),
                          record.begin() + static_cast<std::ptrdiff_t>(at::entry_size + 8 * entry.shape.size()));
        offset += record.size();
    }
    tags_offset = offset;
    return bytes;
}

std::vector<Bytes> entry_records(Bytes index) {
    std::vector<Bytes> records(load_le<std::uint32_t>(index, at::at_entry_count));
    std::size_t offset = at::header_size;
    for (Bytes& record : records) {
        const Bytes rest = index.subspan(offset);
        record = rest.first(
            record_size(load_le<std::uint8_t>(rest, at::at_rank), load_le<std::uint16_t>(rest, at::at_name_size)));
        offset += record.size();
    }
    return records;
}

Index::Index(AlignedBuffer plain, std::uint64_t body_size, unsigned chunk_log2, const std::string& subject)
    : plain_(std::move(plain)), chunk_log2_(chunk_log2), subject_(subject) {
    const Bytes all = std::as_const(plain_).bytes();
    const auto entry_count = load_le<std::uint32_t>(all, at::at_entry_count);
    const auto flags = load_le<std::uint32_t>(all, at::at_flags);
    const auto entries_size = load_le<std::uint64_t>(all, at::at_entries_size);
    const auto tag_count = load_le<std::uint64_t>(all, at::at_tag_count);
    const std::uint64_t room = all.size() - at::header_size;
    if ((flags & at::flag_manifest) != 0)
        throw Error(Errc::unsupported, subject_, "is the manifest of a set, which this build does not read");
    if (flags > at::flag_folder) refuse("flags are not all known", at::at_flags);
    if (load_le<std::uint64_t>(all, at::at_reserved_24) != 0) refuse("reserved bytes are not zero", at::at_reserved_24);
    if (entries_size > room || entry_count > max_entries || entry_count > entries_size / at::entry_size)
        refuse("entries do not fit", at::at_entry_count);
    if (tag_count > (room - entries_size) / layout::tag_size) refuse("tags do not fit", at::at_tag_count);
    is_folder_ = flags == at::flag_folder;
    tags_ = all.subspan(at::header_size + entries_size, tag_count * layout::tag_size);
    if (!all_zero(all.subspan(at::header_size + entries_size + tags_.size())))
        refuse("padding is not zero", at::header_size + entries_size + tags_.size());
    parse_entries(entry_count, all.subspan(at::header_size, entries_size));
    check_layout(body_size);
    check_paths();
}

void Index::refuse(std::string_view what, std::size_t at) const {
    throw Error(Errc::bad_index, subject_, fmt::format("the index's {} (byte {} of the decrypted index)", what, at));
}

void Index::parse_entries(std::uint64_t entry_count, Bytes records) {
    entries_.reserve(entry_count);
    tensor_positions_.reserve(entry_count);
    std::size_t offset = 0;
    for (std::uint32_t ordinal = 0; ordinal < entry_count; ++ordinal) {
        const Bytes rest = records.subspan(offset);
        const std::size_t at = at::header_size + offset;
        if (rest.size() < at::entry_size) refuse("record is cut off", at);
        const std::size_t rank = load_le<std::uint8_t>(rest, at::at_rank);
        const std::size_t name_size = load_le<std::uint16_t>(rest, at::at_name_size);
        const std::size_t size = record_size(rank, name_size);
        if (rank > max_rank || size > rest.size()) refuse("record is cut off or has too many dimensions", at);
        Entry entry;
        entry.kind = load_le<EntryKind>(rest, at::at_kind);
        entry.role = load_le<FileRole>(rest, at::at_role);
        entry.dtype = load_le<Dtype>(rest, at::at_dtype);
        entry.ordinal = ordinal;
        entry.link = load_le<std::uint32_t>(rest, at::at_link);
        entry.offset = load_le<std::uint64_t>(rest, at::at_offset);
        entry.length = load_le<std::uint64_t>(rest, at::at_length);
        entry.record = rest.first(size);
        const std::size_t at_name = at::entry_size + 8 * rank;
        entry.name = as_text(rest.subspan(at_name, name_size));
        // Records start at multiples of 8 in page-aligned memory.
        entry.shape = {reinterpret_cast<const std::uint64_t*>(rest.data() + at::entry_size), rank};
        if (!all_zero(rest.subspan(at_name + name_size, size - at_name - name_size)) ||
            load_le<std::uint16_t>(rest, at::at_reserved_6) != 0 ||
            load_le<std::uint32_t>(rest, at::at_reserved_12) != 0)
            refuse("reserved bytes of a record are not zero", at);
        check_entry(entry, at);
        entries_.push_back(entry);
        offset += size;
    }
    if (offset != records.size()) refuse("records leave bytes over", at::header_size + offset);
}

void Index::check_entry(const Entry& entry, std::size_t at) {
    if (entry.link > entry.ordinal) refuse("link does not point to an earlier entry", at);
    const Entry* const linked = entry.link == 0 ? nullptr : &entries_[entry.link - 1];
    if (entry.kind == EntryKind::file) {
        if (entry.role != FileRole::whole && entry.role != FileRole::safetensors_head)
            refuse("file has a role this build does not know", at);
        if (entry.link != 0 || !entry.shape.empty() || entry.dtype != Dtype{})
            refuse("file has fields of a tensor", at);
        if (!formats::is_safe_path(entry.name))
            throw Error(Errc::unsafe_name, subject_,
                        fmt::format("has a file entry '{}', which is not a safe relative path", entry.name));
        if (!file_positions_.emplace(entry.name, files_.size()).second)
            throw Error(Errc::duplicate_name, subject_, fmt::format("has two file entries '{}'", entry.name));
        files_.push_back(entry.ordinal);
        return;
    }
    if (entry.kind != EntryKind::tensor && entry.kind != EntryKind::alias) refuse("record has an unknown kind", at);
    if (entry.role != FileRole::whole) refuse("tensor has a role", at);
    if (!dtype_from_code(static_cast<std::uint8_t>(entry.dtype))) refuse("tensor has an unknown dtype", at);
    if (!formats::is_valid_name(entry.name))
        throw Error(Errc::unsafe_name, subject_, "has a tensor whose name is not UTF-8 or holds NUL");
    std::uint64_t bytes = 0;
    try {
        bytes = tensor_bytes(entry.dtype, entry.shape);
    } catch (const Error&) {
        refuse("tensor has a shape that gives no size", at);
    }
    if (bytes != entry.length) refuse("tensor has a length that its shape does not give", at);
    if (entry.kind == EntryKind::tensor && linked != nullptr &&
        (linked->kind != EntryKind::file || linked->role != FileRole::safetensors_head))
        refuse("tensor links to something that is not a head", at);
    if (entry.kind == EntryKind::alias && (linked == nullptr || linked->kind != EntryKind::tensor ||
                                           linked->offset != entry.offset || linked->length != entry.length))
        refuse("alias does not match a tensor", at);
    if (!tensor_positions_.emplace(entry.name, tensors_.size()).second)
        throw Error(Errc::duplicate_name, subject_, fmt::format("has two tensors '{}'", entry.name));
    tensors_.push_back(entry.ordinal);
}

void Index::check_layout(std::uint64_t body_size) {
    std::uint64_t position = 0;
    std::uint64_t tags = 0;
    for (Entry& entry : entries_) {
        if (entry.kind == EntryKind::alias) continue;
        const std::size_t at = static_cast<std::size_t>(entry.record.data() - plain_.data());
        entry.first_tag = tags;
        if (entry.length == 0) {
            if (entry.offset != 0) refuse("empty entry has an offset", at);
            continue;
        }
        if (entry.offset < position || entry.offset - position > layout::max_gap ||
            entry.offset % layout::entry_alignment(entry.length) != 0)
            refuse("entry overlaps another, leaves too large a gap, or is misaligned", at);
        if (entry.offset > body_size || entry.length > body_size - entry.offset) refuse("entry leaves the body", at);
        position = entry.offset + entry.length;
        tags += layout::chunk_count(entry.offset, entry.length, chunk_log2_);
    }
    if (align_up(position, layout::body_alignment) != body_size) refuse("entries do not fill the body", 0);
    if (tags != tags_.size() / layout::tag_size) refuse("tag count does not match the entries", at::at_tag_count);
}

void Index::check_paths() const {
    std::vector<std::string_view> names;
    for (const std::uint32_t ordinal : files_)
        names.push_back(entries_[ordinal].name);
    if (const auto name = formats::file_below_a_file(std::move(names)))
        throw Error(Errc::unsafe_name, subject_, fmt::format("has a file entry '{}' below another file", *name));
}

std::optional<std::size_t> Index::find_tensor(std::string_view name) const {
    const auto found = tensor_positions_.find(name);
    return found == tensor_positions_.end() ? std::nullopt : std::optional<std::size_t>(found->second);
}

std::optional<std::size_t> Index::find_file(std::string_view name) const {
    const auto found = file_positions_.find(name);
    return found == file_positions_.end() ? std::nullopt : std::optional<std::size_t>(found->second);
}

std::span<const std::byte, layout::tag_size> Index::tag(const Entry& entry, std::uint64_t chunk) const {
    return tags_.subspan((entry.first_tag + chunk) * layout::tag_size).first<layout::tag_size>();
}

} // namespace weightseal::container

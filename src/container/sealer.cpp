#include "weightseal/container/sealer.hpp"

#include "container/writer.hpp"
#include "formats/names.hpp"
#include "platform/file.hpp"
#include "weightseal/core/error.hpp"

#include <fmt/format.h>
#include <unordered_set>

namespace weightseal {
namespace {

using container::Draft;
using container::EntryDraft;
using container::EntryKind;
using container::FileRole;

bool is_file(const SourceEntry& entry) {
    return entry.kind == SourceEntry::Kind::file || entry.kind == SourceEntry::Kind::safetensors_head;
}

EntryDraft draft_of(const SourceEntry& entry) {
    EntryDraft draft;
    draft.kind = is_file(entry)                           ? EntryKind::file
                 : entry.kind == SourceEntry::Kind::alias ? EntryKind::alias
                                                          : EntryKind::tensor;
    draft.role = entry.kind == SourceEntry::Kind::safetensors_head ? FileRole::safetensors_head : FileRole::whole;
    if (!is_file(entry)) {
        draft.dtype = entry.dtype;
        draft.shape = entry.shape;
    }
    draft.name = entry.name;
    if (entry.link) draft.link = static_cast<std::uint32_t>(*entry.link);
    draft.length = entry.bytes;
    return draft;
}

// A source may be a caller's own class: what the container's reader would refuse is refused here, before writing.
void check_source(const ModelSource& model) {
    const auto& entries = model.entries();
    if (entries.size() > max_entries)
        throw Error(Errc::too_large, "model", "has more tensors and files than a container can hold");
    std::unordered_set<std::string_view> files;
    std::unordered_set<std::string_view> tensors;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const SourceEntry& entry = entries[i];
        const bool valid = is_file(entry) ? formats::is_safe_path(entry.name) : formats::is_valid_name(entry.name);
        if (!valid) throw Error(Errc::unsafe_name, entry.name, "an entry of this name cannot be sealed");
        if (!(is_file(entry) ? files : tensors).insert(entry.name).second)
            throw Error(Errc::duplicate_name, entry.name, "the model has two entries of this name");
        if (entry.link && *entry.link >= i)
            throw Error(Errc::invalid_argument, entry.name, "links to an entry that is not before it");
        if (is_file(entry)) {
            if (entry.link) throw Error(Errc::invalid_argument, entry.name, "is a file and links to another entry");
            continue;
        }
        if (entry.shape.size() > max_rank || !dtype_from_code(static_cast<std::uint8_t>(entry.dtype)) ||
            tensor_bytes(entry.dtype, entry.shape) != entry.bytes)
            throw Error(Errc::invalid_argument, entry.name, "its dtype and shape do not give its size");
        if (entry.kind == SourceEntry::Kind::alias &&
            (!entry.link || entries[*entry.link].kind != SourceEntry::Kind::tensor ||
             entries[*entry.link].bytes != entry.bytes))
            throw Error(Errc::invalid_argument, entry.name,
                        "is an alias of something that is not a tensor of its size");
        if (entry.kind == SourceEntry::Kind::tensor && entry.link &&
            entries[*entry.link].kind != SourceEntry::Kind::safetensors_head)
            throw Error(Errc::invalid_argument, entry.name, "links to something that is not a safetensors header");
    }
    if (const auto name = formats::file_below_a_file({files.begin(), files.end()}))
        throw Error(Errc::unsafe_name, *name, "an entry below another file cannot be sealed");
}

} // namespace

void seal(const ModelSource& model, const std::filesystem::path& path, const Key& key, const SealOptions& options) {
    require_kind(key, KeyKind::seal);
    if (options.chunk_log2 < layout::min_chunk_log2 || options.chunk_log2 > layout::max_chunk_log2)
        throw Error(Errc::invalid_argument, "chunk size", "is not a power of two from 64 KiB to 4 MiB");
    if (options.suite != Suite::aes_256_gcm && options.suite != Suite::chacha20_poly1305)
        throw Error(Errc::unknown_suite, "suite", "is not one this build has");
    check_source(model);
    platform::OutputFile file(path, options.overwrite);
    Draft draft;
    draft.is_folder = model.is_folder();
    for (const SourceEntry& entry : model.entries())
        draft.entries.push_back(draft_of(entry));
    container::place_entries(draft);
    const auto read = [&](std::size_t entry, std::uint64_t offset, MutableBytes to) { model.read(entry, offset, to); };
    container::write_container(file, draft, read, key, options);
    file.commit();
}

void seal(const std::filesystem::path& model, const std::filesystem::path& path, const Key& key,
          const SealOptions& options) {
    seal(*open_model(model), path, key, options);
}

} // namespace weightseal

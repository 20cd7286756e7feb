// Marking by paths: the model, the output and the record together.

#include "crypto/hash.hpp"
#include "watermark/marked_copy.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/watermark/mark.hpp"

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

namespace weightseal {
namespace {

namespace fs = std::filesystem;

// Lexically: a link's own name is the one people know the model by.
std::string name_of(const fs::path& path, const ModelSource& model) {
    fs::path name = fs::absolute(path).lexically_normal();
    if (!name.has_filename()) name = name.parent_path(); // "model/" means "model"
    return model.is_folder() ? name.filename() : name.stem();
}

Digest digest_of(const ModelSource& model, std::size_t entry) {
    constexpr std::uint64_t block = 1 << 20;
    const std::uint64_t size = model.entries()[entry].bytes;
    std::vector<std::byte> buffer(std::min(block, size));
    crypto::Sha256 hash;
    for (std::uint64_t at = 0; at < size; at += buffer.size()) {
        buffer.resize(std::min(block, size - at));
        model.read(entry, at, buffer);
        hash.add(buffer);
    }
    return hash.finish();
}

// Whether `model` holds a tensor as marking left it. The smallest one that marking changed is enough to tell.
bool is_marked_one(const ModelSource& model, const WatermarkRecord& record) {
    std::map<std::string_view, const RecordTensor*> changed;
    for (const RecordTensor& tensor : record.tensors)
        if (tensor.mark && tensor.mark->digest != tensor.digest) changed.emplace(tensor.name, &tensor);
    const RecordTensor* smallest = nullptr;
    std::size_t entry = 0;
    for (std::size_t i = 0; i < model.entries().size(); ++i) {
        const SourceEntry& candidate = model.entries()[i];
        const auto found = changed.find(candidate.name);
        if (candidate.kind != SourceEntry::Kind::tensor || found == changed.end()) continue;
        if (smallest != nullptr && model.entries()[entry].bytes <= candidate.bytes) continue;
        smallest = found->second;
        entry = i;
    }
    return smallest != nullptr && digest_of(model, entry) == smallest->mark->digest;
}

bool is_same_place(const fs::path& a, const fs::path& b) {
    std::error_code error_a, error_b; // of what cannot be told, writing will tell
    const fs::path one = fs::weakly_canonical(fs::absolute(a), error_a);
    const fs::path other = fs::weakly_canonical(fs::absolute(b), error_b);
    return !error_a && !error_b && one == other;
}

// Refuses, before the long work, a record that cannot be saved or must not be replaced; else the one that it replaces.
std::optional<WatermarkRecord> check_record(const ModelSource& model, const fs::path& path, bool overwrite) {
    std::error_code error;
    if (path.has_parent_path() && !fs::is_directory(path.parent_path(), error))
        throw Error(Errc::file_not_found, path.native(), "is in no folder that exists");
    if (!fs::exists(fs::symlink_status(path, error))) return std::nullopt;
    std::optional<WatermarkRecord> record;
    try {
        if (fs::is_regular_file(path, error)) record = load_record(path);
    } catch (const Error&) { // it is none: any other file
    }
    if (record && is_marked_one(model, *record))
        throw Error(Errc::already_marked, path.native(), "is the record of this model, which is marked already");
    if (!overwrite) throw Error(Errc::file_exists, path.native(), "exists already");
    if (!record)
        throw Error(Errc::file_exists, path.native(), "exists already, and is no record that could be replaced");
    return record;
}

} // namespace

MarkReport mark(const fs::path& model_path, const fs::path& path, const fs::path& record, const Key& key,
                MarkOptions options) {
    const auto model = open_model(model_path);
    if (options.model_id.empty()) options.model_id = name_of(model_path, *model);
    if (record.empty()) return mark(*model, path, key, options);
    if (is_same_place(record, path) || is_same_place(record, model_path))
        throw Error(Errc::invalid_argument, record.native(),
                    "is to be the record, and is the model or its marked copy");
    const std::optional<WatermarkRecord> replaced = check_record(*model, record, options.overwrite);
    bool is_saved = false;
    // The record first: without one, a marked copy can never be proved to be marked.
    const auto save = [&](const WatermarkRecord& made) {
        save_record(made, record, options.overwrite);
        is_saved = true;
    };
    try {
        return watermark::mark_copy(*model, path, key, options, save);
    } catch (...) {
        std::error_code ignored;
        if (is_saved && replaced)
            save_record(*replaced, record, true);
        else if (is_saved)
            fs::remove(record, ignored);
        throw;
    }
}

} // namespace weightseal

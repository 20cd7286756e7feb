#include "weightseal/formats/model_folder.hpp"

#include "formats/names.hpp"
#include "formats/safetensors_model.hpp"
#include "formats/shard_index.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>

namespace weightseal {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view index_name = "model.safetensors.index.json";
constexpr std::string_view single_name = "model.safetensors";

// Relative paths of all regular files below `folder`, sorted; anything but files and real folders is refused.
std::vector<std::string> list_files(const fs::path& folder) {
    std::vector<std::string> files;
    try {
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
            if (entry.is_directory() && !entry.is_symlink()) continue;
            if (!entry.is_regular_file()) // follows links
                throw Error(Errc::unsupported_file, entry.path().native(),
                            "is neither a regular file nor a link to one; remove it or seal a copy without it");
            std::string name = entry.path().lexically_relative(folder).generic_string();
            if (!formats::is_safe_path(name))
                throw Error(Errc::unsafe_name, entry.path().native(), "a file of this name cannot be sealed");
            files.push_back(std::move(name));
        }
    } catch (const fs::filesystem_error& error) {
        throw Error(Errc::io_failed, folder.native(), error.code().message());
    }
    std::sort(files.begin(), files.end());
    return files;
}

class FolderModel final : public ModelSource {
  public:
    explicit FolderModel(const fs::path& folder) : folder_(folder) {
        const std::vector<std::string> files = list_files(folder);
        const auto is_present = [&](std::string_view name) {
            return std::binary_search(files.begin(), files.end(), name);
        };
        formats::ShardIndex index;
        if (is_present(index_name)) {
            index = read_index();
            for (const std::string& shard : index.shards)
                if (!is_present(shard))
                    throw Error(Errc::missing_shard, (folder_ / index_name).native(),
                                fmt::format("names the shard '{}', which is not there", shard));
        } else if (is_present(single_name)) {
            index.shards = {std::string(single_name)};
        } else {
            for (const std::string& file : files)
                if (file.ends_with(".safetensors") && file.find('/') == std::string::npos) index.shards.push_back(file);
        }
        if (index.shards.empty()) throw Error(Errc::no_model, folder.native(), "holds no safetensors file");
        collect(files, index);
    }

    [[nodiscard]] const std::vector<SourceEntry>& entries() const override { return entries_; }
    [[nodiscard]] bool is_folder() const override { return true; }

    void read(std::size_t entry, std::uint64_t offset, MutableBytes to) const override {
        const SourceEntry& what = entries_[entry];
        if (what.kind == SourceEntry::Kind::file) {
            // Opened for each read: a folder may hold more files than a process may keep open.
            const auto file = file_source(folder_ / what.name);
            if (file->size() != what.bytes)
                throw Error(Errc::source_changed, file->name(), "changed its size while it was sealed");
            file->read_at(offset, to);
        } else if (what.kind == SourceEntry::Kind::safetensors_head) {
            const auto& head = shards_[shard_of_.at(entry)].head;
            std::memcpy(to.data(), head.data() + offset, to.size());
        } else {
            const formats::Shard& shard = shards_[shard_of_.at(*what.link)];
            const std::size_t first = first_tensor_.at(*what.link);
            shard.file->read_at(shard.begins[entry - first] + offset, to);
        }
    }

  private:
    [[nodiscard]] formats::ShardIndex read_index() const {
        const auto file = file_source(folder_ / index_name);
        if (file->size() > formats::max_shard_index)
            throw Error(Errc::too_large, file->name(), "is larger than 256 MiB");
        std::vector<std::byte> json(file->size());
        file->read_at(0, json);
        return formats::parse_shard_index(json, file->name());
    }

    // Files and heads first, then the tensors shard by shard, so that tensors stand together in the container.
    void collect(const std::vector<std::string>& files, const formats::ShardIndex& index) {
        for (const std::string& name : files) {
            const bool is_shard = std::find(index.shards.begin(), index.shards.end(), name) != index.shards.end();
            const auto kind = is_shard ? SourceEntry::Kind::safetensors_head : SourceEntry::Kind::file;
            const std::uint64_t bytes = is_shard ? 0 : file_source(folder_ / name)->size();
            entries_.push_back({.kind = kind, .name = name, .bytes = bytes});
        }
        const std::size_t file_count = entries_.size();
        for (std::size_t head = 0; head < file_count; ++head) {
            if (entries_[head].kind != SourceEntry::Kind::safetensors_head) continue;
            first_tensor_[head] = entries_.size();
            shard_of_[head] = shards_.size();
            shards_.push_back(formats::read_shard(file_source(folder_ / entries_[head].name), head, entries_));
            entries_[head].bytes = shards_.back().head.size();
        }
        check_shards(file_count, index);
    }

    void check_shards(std::size_t first, const formats::ShardIndex& index) const {
        std::unordered_map<std::string_view, std::size_t> place;
        for (std::size_t i = first; i < entries_.size(); ++i) {
            const std::string& shard = entries_[*entries_[i].link].name;
            const auto [other, is_new] = place.emplace(entries_[i].name, i);
            if (!is_new)
                throw Error(Errc::duplicate_tensor, folder_.native(),
                            fmt::format("the tensor '{}' is in '{}' and in '{}'", entries_[i].name,
                                        entries_[*entries_[other->second].link].name, shard));
            const auto listed = index.weight_map.find(entries_[i].name);
            if (listed != index.weight_map.end() && listed->second != shard)
                throw Error(Errc::wrong_shard, (folder_ / index_name).native(),
                            fmt::format("says that the tensor '{}' is in '{}', and it is in '{}'", entries_[i].name,
                                        listed->second, shard));
        }
        for (const auto& [tensor, shard] : index.weight_map)
            if (!place.contains(tensor))
                throw Error(Errc::missing_tensor, (folder_ / index_name).native(),
                            fmt::format("names the tensor '{}', which is not in '{}'", tensor, shard));
    }

    fs::path folder_;
    std::vector<SourceEntry> entries_;
    std::vector<formats::Shard> shards_;
    std::unordered_map<std::size_t, std::size_t> shard_of_;     // head entry → shards_
    std::unordered_map<std::size_t, std::size_t> first_tensor_; // head entry → its first tensor's entry
};

} // namespace

std::unique_ptr<ModelSource> folder_model(const fs::path& folder) {
    return std::make_unique<FolderModel>(folder);
}

std::unique_ptr<ModelSource> open_model(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) return folder_model(path);
    return safetensors_model(file_source(path), path.filename().generic_string());
}

} // namespace weightseal

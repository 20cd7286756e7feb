#include "formats/safetensors_model.hpp"

#include "formats/names.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal {
namespace formats {

Shard read_shard(std::shared_ptr<const ByteSource> file, std::size_t head_entry, std::vector<SourceEntry>& tensors) {
    Shard shard;
    SafetensorsHeader header = read_safetensors_header(*file, shard.head);
    shard.file = std::move(file);
    for (SafetensorsTensor& tensor : header.tensors) {
        shard.begins.push_back(tensor.begin);
        tensors.push_back({.kind = SourceEntry::Kind::tensor,
                           .name = std::move(tensor.name),
                           .dtype = tensor.dtype,
                           .shape = std::move(tensor.shape),
                           .bytes = tensor.end - tensor.begin,
                           .link = head_entry});
    }
    return shard;
}

} // namespace formats

namespace {

class SafetensorsModel final : public ModelSource {
  public:
    SafetensorsModel(std::shared_ptr<const ByteSource> file, std::string file_name) {
        if (!formats::is_safe_path(file_name))
            throw Error(Errc::unsafe_name, file_name, "a file of this name cannot be sealed");
        entries_.push_back({.kind = SourceEntry::Kind::safetensors_head, .name = std::move(file_name)});
        shard_ = formats::read_shard(std::move(file), 0, entries_);
        entries_[0].bytes = shard_.head.size();
    }
    [[nodiscard]] const std::vector<SourceEntry>& entries() const override { return entries_; }
    [[nodiscard]] bool is_folder() const override { return false; }
    void read(std::size_t entry, std::uint64_t offset, MutableBytes to) const override {
        if (entry == 0)
            std::memcpy(to.data(), shard_.head.data() + offset, to.size());
        else
            shard_.file->read_at(shard_.begins[entry - 1] + offset, to);
    }

  private:
    std::vector<SourceEntry> entries_;
    formats::Shard shard_;
};

} // namespace

std::unique_ptr<ModelSource> safetensors_model(std::shared_ptr<const ByteSource> file, std::string file_name) {
    return std::make_unique<SafetensorsModel>(std::move(file), std::move(file_name));
}

} // namespace weightseal

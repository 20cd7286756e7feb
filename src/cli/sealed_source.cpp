#include "cli/sealed_source.hpp"

#include "cli/command_line.hpp" // refuse_usage
#include "cli/location.hpp"
#include "weightseal/container/sealed_model.hpp" // SealedModel
#include "weightseal/core/error.hpp"             // Error
#include "weightseal/io/remote_source.hpp"       // open_source

#include <cstring>
#include <system_error>
#include <utility>

namespace weightseal::cli {

namespace {

/// A slice of a tensor and the byte of the tensor at which it begins.
struct Part {
    Slice slice;
    std::uint64_t begin = 0;
};

/// The smallest contiguous slice that holds the bytes [first, last).
Part part_with(const SourceEntry& tensor, std::uint64_t first, std::uint64_t last) {
    Part part;
    if (dtype_bits(tensor.dtype) % 8 != 0) return part; // a slice of it may have to cut a byte
    std::uint64_t bytes = tensor.bytes;
    for (const std::uint64_t extent : tensor.shape) {
        bytes /= extent;
        const Range range{first / bytes, (last + bytes - 1) / bytes};
        part.slice.push_back(range);
        part.begin += range.begin * bytes;
        if (range.end - range.begin > 1) break;
        first -= range.begin * bytes;
        last -= range.begin * bytes;
    }
    return part;
}

class SealedSource final : public ModelSource {
  public:
    explicit SealedSource(SealedModel model) : model_(std::move(model)) {
        for (std::size_t i = 0; i < model_.file_count(); ++i) {
            const FileInfo file = model_.file(i);
            add({.name = std::string(file.name), .bytes = file.bytes}, i);
        }
        std::vector<std::size_t> entry_of(model_.tensor_count());
        for (const bool aliases : {false, true}) // a target stands before what links to it
            for (std::size_t i = 0; i < model_.tensor_count(); ++i) {
                const auto target = model_.alias_of(i);
                if (target.has_value() != aliases) continue;
                const TensorInfo tensor = model_.tensor(i);
                SourceEntry entry{.kind = SourceEntry::Kind::tensor, .name = std::string(tensor.name)};
                entry.dtype = tensor.dtype;
                entry.shape.assign(tensor.shape.begin(), tensor.shape.end());
                entry.bytes = tensor.bytes;
                if (target) {
                    entry.kind = SourceEntry::Kind::alias;
                    entry.link = entry_of[*target];
                }
                entry_of[i] = entries_.size();
                add(std::move(entry), i);
            }
    }

    [[nodiscard]] const std::vector<SourceEntry>& entries() const override { return entries_; }
    [[nodiscard]] bool is_folder() const override { return model_.is_folder(); }

    void read(std::size_t entry, std::uint64_t offset, MutableBytes to) const override {
        if (to.empty()) return;
        const SourceEntry& what = entries_.at(entry);
        ReadOptions options;
        options.parallel.threads = 1; // the caller reads from many
        options.buffer.huge_pages = false;
        if (what.kind == SourceEntry::Kind::file) {
            const AlignedBuffer file = model_.read_file(positions_[entry], options);
            std::memcpy(to.data(), file.data() + offset, to.size());
            return;
        }
        const Part part = part_with(what, offset, offset + to.size());
        const AlignedBuffer data = model_.read({positions_[entry], part.slice}, options);
        std::memcpy(to.data(), data.data() + (offset - part.begin), to.size());
    }

  private:
    void add(SourceEntry entry, std::size_t position) {
        entries_.push_back(std::move(entry));
        positions_.push_back(position);
    }

    SealedModel model_;
    std::vector<SourceEntry> entries_;
    std::vector<std::size_t> positions_; // of an entry among the tensors or files of the model
};

bool is_container(const std::filesystem::path& path) {
    if (is_remote(path.native())) return true; // plain models are not read from servers
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) return false;
    try {
        (void)inspect(path);
        return true;
    } catch (const Error& failure) {
        if (failure.errc() == Errc::not_sealed || failure.errc() == Errc::plaintext_model) return false;
        throw;
    }
}

} // namespace

std::unique_ptr<ModelSource> open_plain_or_sealed(const std::filesystem::path& path,
                                                  const std::optional<Key>& container_key, const Hooks& hooks) {
    if (!is_container(path)) return open_model(path);
    if (!container_key) refuse_usage(shown_location(path.native()) + " is sealed: --container-key opens it");
    return std::make_unique<SealedSource>(SealedModel::open(open_source(path.native()), *container_key, hooks));
}

} // namespace weightseal::cli

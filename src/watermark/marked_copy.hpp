#pragma once
// The marked copy of a model: the second pass of marking.

#include "io/work.hpp"
#include "platform/file.hpp"
#include "weightseal/formats/model_source.hpp"
#include "weightseal/watermark/mark.hpp"

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace weightseal::watermark {

/// Adds counts of a tensor, or of a part of one.
void add_counts(TensorMark& to, const TensorMark& counts) noexcept;

/// A copy of a model in which tensors are marked on the way. Appears complete or not at all.
class MarkedCopy {
  public:
    /// Throws `file_exists`; `unsupported` for a tensor that belongs to no file.
    MarkedCopy(const ModelSource& model, const std::filesystem::path& path, bool overwrite);

    /// Writes everything and completes the record of `report`, whose strength, root and tensors are there already:
    /// commitments, digests of the marked data, counts, and what blind detection finds. `ties` and `digests` are by
    /// entry. Throws `source_changed` when the data is not what the first pass read.
    void write(const Key& key, const std::map<std::size_t, std::size_t>& ties, const std::vector<Digest>& digests,
               MarkReport& report, const Parallel& parallel, io::Work& work);

    void commit();

  private:
    /// A file of the model: the entry of its own bytes, and its tensors in order.
    struct File {
        std::size_t entry;
        std::vector<std::size_t> tensors;
    };
    struct Context;

    void write_file(const File& file, platform::OutputFile& out, Context& context);
    void write_tensor(std::size_t entry, platform::OutputFile& out, std::uint64_t begin, Context& context) const;

    const ModelSource& model_;
    std::vector<File> files_;
    std::optional<platform::OutputFolder> folder_;
    std::optional<platform::OutputFile> file_;
};

/// `mark`, and `before_commit` gets the finished record before the output appears.
[[nodiscard]] MarkReport mark_copy(const ModelSource& model, const std::filesystem::path& path, const Key& key,
                                   const MarkOptions& options,
                                   const std::function<void(const WatermarkRecord&)>& before_commit);

} // namespace weightseal::watermark

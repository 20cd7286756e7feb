#include "watermark/marked_copy.hpp"

#include "crypto/hash.hpp"
#include "formats/dequantize.hpp"
#include "watermark/correlate.hpp"
#include "watermark/digest.hpp"
#include "watermark/elements.hpp"
#include "watermark/identity.hpp"
#include "watermark/marker.hpp"
#include "watermark/rows.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>

namespace weightseal::watermark {

void add_counts(TensorMark& to, const TensorMark& counts) noexcept {
    to.elements += counts.elements;
    to.zeros += counts.zeros;
    to.nonfinite += counts.nonfinite;
    to.squared_change += counts.squared_change;
    to.squared_norm += counts.squared_norm;
}

// What the workers of one copy share.
struct MarkedCopy::Context {
    const Identity& identity;
    const std::map<std::size_t, std::size_t>& ties;
    const std::vector<Digest>& digests;
    const Parallel& parallel;
    io::Work& work;
    std::map<std::string_view, RecordTensor*> tensors; // of the record, by name
    double strength;

    std::mutex mutex; // of what follows
    TensorMark counts;
    Correlation white, sign;
};

MarkedCopy::MarkedCopy(const ModelSource& model, const std::filesystem::path& path, bool overwrite) : model_(model) {
    const auto& entries = model.entries();
    std::map<std::size_t, std::size_t> file_of;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].kind == SourceEntry::Kind::alias) continue;
        if (entries[i].kind != SourceEntry::Kind::tensor) {
            file_of[i] = files_.size();
            files_.push_back({i, {}});
        } else if (entries[i].link) {
            files_[file_of.at(*entries[i].link)].tensors.push_back(i);
        } else {
            throw Error(Errc::unsupported, entries[i].name, "belongs to no file: mark it with mark_tensor");
        }
    }
    if (model.is_folder())
        folder_.emplace(path, overwrite);
    else if (files_.size() == 1)
        file_.emplace(path, overwrite);
    else
        throw Error(Errc::unsupported, "model", "is neither a file nor a folder: mark it with mark_tensor");
}

void MarkedCopy::write(const Key& key, const std::map<std::size_t, std::size_t>& ties,
                       const std::vector<Digest>& digests, MarkReport& report, const Parallel& parallel,
                       io::Work& work) {
    const WatermarkRecord& record = report.record;
    const Identity identity(key, mark_identity(record));
    Context context{identity, ties, digests, parallel, work, {}, record.strength, {}, {}, {}, {}};
    for (RecordTensor& tensor : report.record.tensors) {
        context.tensors.emplace(tensor.name, &tensor);
        if (tensor.mark)
            ++report.marked_tensors;
        else
            ++(tensor.tied_to ? report.tied_tensors : report.copied_tensors);
    }
    for (const File& file : files_) {
        if (file_) {
            write_file(file, *file_, context);
            continue;
        }
        const std::filesystem::path target =
            folder_->staging() / std::filesystem::path(model_.entries()[file.entry].name);
        std::error_code error;
        std::filesystem::create_directories(target.parent_path(), error);
        if (error) platform::throw_errno(error.value(), target.native(), "its folder cannot be created");
        platform::OutputFile out(target, false);
        write_file(file, out, context);
        out.commit();
    }
    if (context.counts.elements == 0)
        throw Error(Errc::nothing_to_mark, "model", "every row of its tensors is too close to zero to be marked");
    report.zeros = context.counts.zeros;
    report.nonfinite = context.counts.nonfinite;
    report.relative_change = std::sqrt(context.counts.squared_change / context.counts.squared_norm);
    Correlations correlations;
    correlations[static_cast<std::size_t>(Statistic::blind_white)] = context.white;
    correlations[static_cast<std::size_t>(Statistic::blind_sign)] = context.sign;
    report.found = significance(correlations);
}

void MarkedCopy::commit() {
    if (file_) file_->commit();
    if (folder_) folder_->commit();
}

void MarkedCopy::write_file(const File& file, platform::OutputFile& out, Context& context) {
    const SourceEntry& own = model_.entries()[file.entry];
    std::vector<std::byte> buffer(std::min<std::uint64_t>(block_size, own.bytes));
    for (std::uint64_t offset = 0; offset < own.bytes && context.work.goes_on(); offset += buffer.size()) {
        const MutableBytes block =
            MutableBytes(buffer).first(std::min<std::uint64_t>(buffer.size(), own.bytes - offset));
        model_.read(file.entry, offset, block);
        out.write_at(offset, block);
    }
    std::map<std::size_t, std::uint64_t> begins;
    std::uint64_t end = own.bytes;
    for (const std::size_t tensor : file.tensors) {
        begins[tensor] = end;
        end += model_.entries()[tensor].bytes;
    }
    std::vector<std::size_t> order = file.tensors; // the largest first, so that workers end together
    std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return model_.entries()[i].bytes; });
    std::atomic<std::size_t> next{0};
    context.work.run(context.parallel, order.size(), [&](std::size_t) {
        while (context.work.goes_on()) {
            const std::size_t turn = next.fetch_add(1, std::memory_order_relaxed);
            if (turn >= order.size()) return;
            write_tensor(order[turn], out, begins.at(order[turn]), context);
        }
    });
}

void MarkedCopy::write_tensor(std::size_t entry, platform::OutputFile& out, std::uint64_t begin,
                              Context& context) const {
    const SourceEntry& tensor = model_.entries()[entry];
    RecordTensor& recorded = *context.tensors.at(tensor.name);
    const auto tie = context.ties.find(entry);
    const std::string& name = tie == context.ties.end() ? tensor.name : model_.entries()[tie->second].name;
    const bool is_marked = recorded.mark || recorded.tied_to;

    const Rows rows = rows_of(tensor.shape);
    std::optional<Marker> marker;
    std::optional<ElementReader> reader;
    std::uint64_t step = block_size; // bytes
    if (is_marked) {
        marker.emplace(context.identity, name, tensor.shape, tensor.dtype, context.strength);
        const std::uint64_t row_bytes = rows.length * (dtype_bits(tensor.dtype) / 8);
        step = std::max<std::uint64_t>(1, block_size / row_bytes) * row_bytes;
    }
    const Secret chip_key = is_marked ? context.identity.chip_key(name, tensor.shape) : Secret();
    if (recorded.mark) reader.emplace(chip_key.bytes());
    RowSums sums;
    crypto::Sha256 original, marked;
    std::vector<std::byte> buffer(std::min(step, tensor.bytes));
    for (std::uint64_t offset = 0; offset < tensor.bytes && context.work.goes_on(); offset += step) {
        const MutableBytes block = MutableBytes(buffer).first(std::min(step, tensor.bytes - offset));
        model_.read(entry, offset, block);
        original.add(block);
        if (marker) {
            const std::uint64_t first = offset / (dtype_bits(tensor.dtype) / 8);
            marker->mark_rows(block, rows.length, first);
            if (reader) {
                marked.add(block);
                reader->add_rows(tensor.dtype, block, rows.length, first, sums);
            }
        }
        out.write_at(begin + offset, block);
        context.work.advance(block.size());
    }
    if (!context.work.goes_on()) return;
    if (original.finish() != context.digests[entry])
        throw Error(Errc::source_changed, tensor.name, "changed while the model was marked");
    if (!recorded.mark) return;
    recorded.mark->commitment = commitment(chip_key);
    recorded.mark->digest = marked.finish();
    const std::lock_guard lock(context.mutex);
    add_counts(context.counts, marker->counts());
    context.white += {sums.white_s, sums.white_q};
    context.sign += {sums.sign_s, sums.sign_q};
}

} // namespace weightseal::watermark

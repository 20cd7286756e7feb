#include "weightseal/watermark/mark.hpp"

#include "formats/names.hpp"
#include "io/work.hpp"
#include "watermark/choose.hpp"
#include "watermark/digest.hpp"
#include "watermark/elements.hpp"
#include "watermark/identity.hpp"
#include "watermark/marked_copy.hpp"
#include "watermark/marker.hpp"
#include "watermark/rows.hpp"
#include "watermark/sketch.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <tuple>

namespace weightseal {
namespace {

using namespace watermark;

void check_label(std::string_view what, const std::string& text) {
    if (text.empty() || text.size() > max_label_size || !formats::is_valid_label(text))
        throw Error(Errc::invalid_argument, what,
                    fmt::format("is not 1 to {} bytes of UTF-8 without control characters", max_label_size));
}

// What the first pass finds, indexed like the model's entries.
struct Survey {
    std::vector<Digest> digests;
    std::vector<std::uint64_t> elements; ///< nonzero and finite
};

Survey survey(const ModelSource& model, const std::vector<bool>& chosen, const Parallel& parallel, io::Work& work) {
    Survey found;
    found.elements.resize(model.entries().size());
    found.digests = digest_tensors(model, parallel, work, [&](std::size_t entry, std::uint64_t, Bytes block) {
        if (!chosen[entry]) return;
        Magnitude magnitude;
        add_magnitude(model.entries()[entry].dtype, block, 1, magnitude);
        found.elements[entry] += magnitude.count;
    });
    return found;
}

// Tensors with equal data are marked once, under the first of the chosen names. One that was not chosen is tied, too:
// left as it is beside its marked twin, it would show what marking changed.
std::map<std::size_t, std::size_t> find_ties(const ModelSource& model, const std::vector<bool>& chosen,
                                             const std::vector<Digest>& digests) {
    std::map<std::size_t, std::size_t> ties; // entry → the one it is tied to
    std::map<std::tuple<Digest, Dtype, std::vector<std::uint64_t>>, std::size_t> first;
    std::vector<std::size_t> order; // the chosen ones before the others, each by name
    for (std::size_t i = 0; i < chosen.size(); ++i)
        if (model.entries()[i].kind == SourceEntry::Kind::tensor) order.push_back(i);
    std::ranges::sort(order, {}, [&](std::size_t i) {
        return std::pair<bool, std::string_view>(!chosen[i], model.entries()[i].name);
    });
    for (const std::size_t i : order) {
        const SourceEntry& entry = model.entries()[i];
        std::tuple what(digests[i], entry.dtype, entry.shape);
        const auto twin = first.find(what);
        if (twin != first.end())
            ties.emplace(i, twin->second);
        else if (chosen[i])
            first.emplace(std::move(what), i);
    }
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        const SourceEntry& entry = model.entries()[i];
        if (entry.kind != SourceEntry::Kind::alias) continue;
        if (const auto target = ties.find(*entry.link); target != ties.end())
            ties.emplace(i, target->second);
        else if (chosen[*entry.link])
            ties.emplace(i, *entry.link);
    }
    return ties;
}

WatermarkRecord draft_record(const ModelSource& model, const MarkOptions& options, const std::vector<bool>& chosen,
                             const Survey& found, const std::map<std::size_t, std::size_t>& ties) {
    WatermarkRecord record;
    record.owner = options.owner;
    record.model_id = options.model_id;
    const auto& entries = model.entries();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const bool is_alias = entries[i].kind == SourceEntry::Kind::alias;
        if (!is_alias && entries[i].kind != SourceEntry::Kind::tensor) continue;
        RecordTensor tensor{.name = entries[i].name, .dtype = entries[i].dtype, .shape = entries[i].shape};
        tensor.digest = found.digests[is_alias ? *entries[i].link : i];
        if (const auto tie = ties.find(i); tie != ties.end())
            tensor.tied_to = entries[tie->second].name;
        else if (!is_alias && chosen[i])
            tensor.mark = RecordTensor::Mark{.elements = found.elements[i], .sketch = sketch_of(model, i)};
        record.tensors.push_back(std::move(tensor));
    }
    std::ranges::sort(record.tensors, {}, &RecordTensor::name);
    record.root = original_root(record.tensors);
    return record;
}

std::uint64_t size_of_tensors(const ModelSource& model) {
    std::uint64_t bytes = 0;
    for (const SourceEntry& entry : model.entries())
        if (entry.kind == SourceEntry::Kind::tensor) bytes += entry.bytes;
    return bytes;
}

} // namespace

double auto_strength(std::uint64_t elements) noexcept {
    return std::clamp(13.45 / (0.6 * std::sqrt(static_cast<double>(elements))), 0.0005, 0.005);
}

double expected_z(double strength, std::uint64_t elements) noexcept {
    return 0.6 * strength * std::sqrt(static_cast<double>(elements));
}

MarkReport mark(const ModelSource& model, const std::filesystem::path& path, const Key& key,
                const MarkOptions& options) {
    return mark_copy(model, path, key, options, [](const WatermarkRecord&) {});
}

MarkReport watermark::mark_copy(const ModelSource& model, const std::filesystem::path& path, const Key& key,
                                const MarkOptions& options,
                                const std::function<void(const WatermarkRecord&)>& before_commit) {
    require_kind(key, KeyKind::watermark);
    if (options.signing_key) require_kind(*options.signing_key, KeyKind::signing);
    check_label("owner id", options.owner);
    check_label("model id", options.model_id);
    if (options.strength) check_strength(*options.strength);
    const std::vector<bool> chosen = choose_tensors(model, options.tensors);
    MarkedCopy copy(model, path, options.overwrite); // refuses an output that exists before the long work

    io::Work work(options.hooks, 2 * size_of_tensors(model));
    const Survey found = survey(model, chosen, options.parallel, work);
    const auto ties = find_ties(model, chosen, found.digests);
    MarkReport report;
    report.record = draft_record(model, options, chosen, found, ties);
    const std::uint64_t elements = report.record.marked_elements();
    if (elements == 0)
        throw Error(Errc::nothing_to_mark, "model", "every element of its tensors is zero or not finite");
    report.record.strength = options.strength ? *options.strength : auto_strength(elements);
    report.expected_z = expected_z(report.record.strength, elements);

    copy.write(key, ties, found.digests, report, options.parallel, work);
    if (options.signing_key) sign_record(report.record, *options.signing_key);
    before_commit(report.record);
    copy.commit();
    return report;
}

TensorMark mark_tensor(const Key& key, const MarkIdentity& identity, const TensorInfo& info, double strength,
                       MutableBytes data, const Parallel& parallel) {
    check_label("owner id", identity.owner);
    check_label("model id", identity.model_id);
    check_strength(strength);
    if (info.shape.size() < 2) throw Error(Errc::nothing_to_mark, info.name, "has fewer than two dimensions");
    if (!is_markable(info.dtype))
        throw Error(Errc::unmarkable_dtype, info.name, fmt::format("is {}", dtype_name(info.dtype)));
    if (data.size() != tensor_bytes(info.dtype, info.shape))
        throw Error(Errc::destination_size, info.name, "its data has not the size of its shape");
    const Rows rows = rows_of(info.shape);
    if (rows.length > max_row) throw Error(Errc::too_large, info.name, "has rows of more than 2^20 elements");
    const Identity keys(key, identity);
    const std::size_t row_bytes = rows.length * (dtype_bits(info.dtype) / 8);
    const std::uint64_t step = row_bytes == 0 ? 1 : std::max<std::uint64_t>(1, block_size / row_bytes);
    std::atomic<std::uint64_t> next{0};
    std::mutex mutex;
    TensorMark total;
    run_workers(parallel, rows.count / step + 1, [&](std::size_t) {
        Marker marker(keys, info.name, info.shape, info.dtype, strength);
        for (;;) {
            const std::uint64_t row = next.fetch_add(step, std::memory_order_relaxed);
            if (row >= rows.count) break;
            const std::uint64_t count = std::min(step, rows.count - row);
            marker.mark_rows(data.subspan(row * row_bytes, count * row_bytes), rows.length, row * rows.length);
        }
        const std::lock_guard lock(mutex);
        add_counts(total, marker.counts());
    });
    return total;
}

} // namespace weightseal

#include "weightseal/watermark/detect.hpp"

#include "formats/dequantize.hpp"
#include "io/work.hpp"
#include "watermark/alignment.hpp"
#include "watermark/digest.hpp"
#include "watermark/elements.hpp"
#include "watermark/identity.hpp"
#include "watermark/match.hpp"
#include "watermark/rows.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/watermark/mark.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <fmt/format.h>
#include <mutex>
#include <numbers>
#include <unordered_map>

namespace weightseal {
namespace {

using namespace watermark;

/// The z whose log10 p this is.
double z_of(double log10_p) {
    return std::sqrt(2 * (std::log(static_cast<double>(statistic_count)) - log10_p * std::numbers::ln10));
}

std::optional<Correlation>& at(Correlations& correlations, Statistic statistic) {
    return correlations[static_cast<std::size_t>(statistic)];
}

void add(Correlations& to, Statistic white, Statistic sign, const RowSums& sums) {
    for (const auto& [statistic, sum] : {std::pair{white, Correlation{sums.white_s, sums.white_q}},
                                         std::pair{sign, Correlation{sums.sign_s, sums.sign_q}}}) {
        auto& correlation = at(to, statistic);
        if (!correlation) correlation.emplace();
        *correlation += sum;
    }
}

// The chip key of a marked tensor; throws unless it is the one that the record commits to.
Secret checked_chip_key(const Identity& identity, const RecordTensor& tensor) {
    Secret key = identity.chip_key(tensor.name, tensor.shape);
    if (commitment(key) != tensor.mark->commitment)
        throw Error(Errc::key_mismatch, "key", "is not the one that the record commits to");
    return key;
}

// Rows of a record's tensor in parallel: `body(worker, first element, count)`. `begin` makes a worker.
template <class Begin, class Body>
void for_rows(const RecordTensor& tensor, std::uint64_t elements, const Parallel& parallel, io::Work& work,
              const Begin& begin, const Body& body) {
    const std::uint64_t row = rows_of(tensor.shape).length;
    const std::uint64_t step = std::max<std::uint64_t>(1, block_size / sizeof(float) / row) * row;
    std::atomic<std::uint64_t> next{0};
    work.run(parallel, (elements + step - 1) / step, [&](std::size_t) {
        auto worker = begin();
        while (work.goes_on()) {
            const std::uint64_t first = next.fetch_add(step, std::memory_order_relaxed);
            if (first >= elements) return;
            body(worker, first, std::min(step, elements - first));
        }
    });
}

class Detector {
  public:
    Detector(const ModelSource& suspect, const Key& key, const WatermarkRecord& record, const DetectOptions& options)
        : suspect_(suspect), record_(record), options_(options), identity_(key, mark_identity(record)),
          matches_(match_tensors(suspect, record, options.parallel, options.hooks)) {
        for (std::size_t i = 0; i < record.tensors.size(); ++i)
            if (record.tensors[i].mark) {
                marked_.push_back(i);
                (void)checked_chip_key(identity_, record.tensors[i]);
            }
    }

    Detection run() {
        // A little less, too: what other ways to compute the logarithm give for 2⁻¹²⁸.
        if (!(options_.max_log10_p >= smallest_log10_p - 1e-12 && options_.max_log10_p < 0))
            throw Error(Errc::invalid_argument, "threshold",
                        fmt::format("is not a log10 p from {:.2f} to below 0", smallest_log10_p));
        list_tensors();
        if (detection_.matched_elements == 0)
            throw Error(Errc::no_common_tensor, "suspect", "holds none of the tensors that the record marks");
        io::Work work(options_.hooks, total_bytes());
        for (std::size_t t = 0; t < marked_.size(); ++t)
            if (match(t).entry) run_blind(t, work);
        if (options_.original != nullptr) {
            check_original(work);
            run_aligned(work);
        }
        if (options_.identify_suspect) detection_.suspect_root = root_of(suspect_, work);
        conclude();
        return std::move(detection_);
    }

  private:
    [[nodiscard]] const RecordTensor& tensor(std::size_t t) const { return record_.tensors[marked_[t]]; }
    [[nodiscard]] const Match& match(std::size_t t) const { return matches_[marked_[t]]; }

    void list_tensors() {
        std::vector<bool> is_known(suspect_.entries().size());
        for (const Match& found : matches_)
            if (found.entry) is_known[*found.entry] = true;
        for (std::size_t i = 0; i < is_known.size(); ++i) {
            const SourceEntry& entry = suspect_.entries()[i];
            if (entry.kind != SourceEntry::Kind::tensor || is_known[i]) continue;
            // Tied tensors, and those that no feature can be taken of, have no match and are known all the same.
            if (!std::ranges::binary_search(record_.tensors, entry.name, {}, &RecordTensor::name))
                ++detection_.extra_tensors;
        }
        for (std::size_t t = 0; t < marked_.size(); ++t) {
            TensorDetection listed{.name = tensor(t).name};
            if (const Match& found = match(t); found.entry) {
                listed.suspect_name = suspect_.entries()[*found.entry].name;
                listed.matched_by = found.by;
                listed.elements = found.elements;
                detection_.matched_elements += found.elements;
            }
            detection_.tensors.push_back(std::move(listed));
        }
    }

    // Of the suspect once, and with an original: of both once more. Of what is hashed, once more.
    [[nodiscard]] std::uint64_t total_bytes() const {
        std::uint64_t bytes = 0;
        for (std::size_t t = 0; t < marked_.size(); ++t) {
            if (match(t).entry) bytes += match(t).elements * suspect_bits(t) / 8;
            if (options_.original != nullptr) bytes += element_count(t) * sizeof(float);
        }
        for (const ModelSource* model : {options_.original, options_.identify_suspect ? &suspect_ : nullptr})
            if (model != nullptr)
                for (const SourceEntry& entry : model->entries())
                    if (entry.kind == SourceEntry::Kind::tensor) bytes += entry.bytes;
        return bytes;
    }

    [[nodiscard]] unsigned suspect_bits(std::size_t t) const {
        return dtype_bits(suspect_.entries()[*match(t).entry].dtype);
    }

    [[nodiscard]] std::uint64_t element_count(std::size_t t) const {
        const Rows rows = rows_of(tensor(t).shape);
        return rows.length * rows.count;
    }

    void run_blind(std::size_t t, io::Work& work) {
        const std::size_t entry = *match(t).entry;
        const Dtype dtype = suspect_.entries()[entry].dtype;
        const std::uint64_t size = dtype_bits(dtype) / 8;
        const std::uint64_t row = rows_of(tensor(t).shape).length;
        const Secret chip_key = identity_.chip_key(tensor(t).name, tensor(t).shape);
        struct Worker {
            ElementReader reader;
            std::vector<std::byte> buffer;
        };
        const auto begin = [&] { return Worker{ElementReader(chip_key.bytes()), {}}; };
        for_rows(tensor(t), match(t).elements, options_.parallel, work, begin,
                 [&](Worker& worker, std::uint64_t first, std::uint64_t count) {
                     worker.buffer.resize(count * size);
                     suspect_.read(entry, first * size, worker.buffer);
                     RowSums sums;
                     worker.reader.add_rows(dtype, worker.buffer, row, first, sums);
                     {
                         const std::lock_guard lock(mutex_);
                         add(detection_.tensors[t].correlations, Statistic::blind_white, Statistic::blind_sign, sums);
                         detection_.tensors[t].nonfinite += sums.nonfinite;
                     }
                     work.advance(worker.buffer.size());
                 });
    }

    [[nodiscard]] Digest root_of(const ModelSource& model, io::Work& work) const {
        const std::vector<Digest> digests = digest_tensors(model, options_.parallel, work);
        const auto& entries = model.entries();
        std::vector<RecordTensor> tensors;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            const bool is_alias = entries[i].kind == SourceEntry::Kind::alias;
            if (!is_alias && entries[i].kind != SourceEntry::Kind::tensor) continue;
            RecordTensor found;
            found.name = entries[i].name;
            found.dtype = entries[i].dtype;
            found.shape = entries[i].shape;
            found.digest = digests[is_alias ? *entries[i].link : i];
            tensors.push_back(std::move(found));
        }
        std::ranges::sort(tensors, {}, &RecordTensor::name);
        return original_root(tensors);
    }

    // The original must be the one the record commits to: another one could have been made to fit.
    void check_original(io::Work& work) {
        if (root_of(*options_.original, work) != record_.root)
            throw Error(Errc::original_mismatch, "original",
                        "is not the unmarked model that the record commits to: its root differs");
        const auto& entries = options_.original->entries();
        for (std::size_t i = 0; i < entries.size(); ++i)
            if (entries[i].kind == SourceEntry::Kind::tensor)
                original_entries_.emplace(entries[i].name, i);
            else if (entries[i].kind == SourceEntry::Kind::alias)
                original_entries_.emplace(entries[i].name, *entries[i].link);
    }

    void run_aligned(io::Work& work) {
        const auto alignment = make_alignment(*options_.original, suspect_, record_, matches_, options_.family,
                                              options_.parallel, options_.hooks);
        detection_.family = alignment->family();
        for (std::size_t t = 0; t < marked_.size(); ++t)
            if (const auto aligned = alignment->open(marked_[t])) run_aligned(t, *aligned, work);
    }

    void run_aligned(std::size_t t, const AlignedTensor& aligned, io::Work& work) {
        const std::size_t entry = original_entries_.at(tensor(t).name);
        const std::uint64_t size = dtype_bits(tensor(t).dtype) / 8;
        const std::uint64_t row = rows_of(tensor(t).shape).length;
        const Secret chip_key = identity_.chip_key(tensor(t).name, tensor(t).shape);
        struct Worker {
            ElementReader reader;
            std::vector<std::byte> buffer;
            std::vector<float> suspect, original;
        };
        const auto begin = [&] { return Worker{ElementReader(chip_key.bytes()), {}, {}, {}}; };
        for_rows(tensor(t), element_count(t), options_.parallel, work, begin,
                 [&](Worker& worker, std::uint64_t first, std::uint64_t count) {
                     worker.suspect.resize(count);
                     aligned.read(first, worker.suspect);
                     RowSums aligned_sums, informed_sums;
                     worker.reader.add_rows(worker.suspect, row, first, aligned_sums);
                     worker.buffer.resize(count * size);
                     options_.original->read(entry, first * size, worker.buffer);
                     worker.original.resize(count);
                     formats::to_floats(tensor(t).dtype, worker.buffer, worker.original);
                     for (std::size_t i = 0; i < count; ++i)
                         worker.suspect[i] -= worker.original[i];
                     worker.reader.add_rows(worker.suspect, row, first, informed_sums);
                     {
                         const std::lock_guard lock(mutex_);
                         Correlations& to = detection_.tensors[t].correlations;
                         add(to, Statistic::aligned_white, Statistic::aligned_sign, aligned_sums);
                         add(to, Statistic::informed_white, Statistic::informed_sign, informed_sums);
                     }
                     work.advance(count * sizeof(float));
                 });
    }

    // Those that can tell: with a feature in the suspect, and no more than were marked.
    [[nodiscard]] std::uint64_t comparable_elements() const {
        std::uint64_t elements = 0;
        for (std::size_t t = 0; t < marked_.size(); ++t)
            if (const auto& signs = detection_.tensors[t].correlations[static_cast<std::size_t>(Statistic::blind_sign)])
                elements += std::min(signs->q, tensor(t).mark->elements);
        return elements;
    }

    void conclude() {
        for (const TensorDetection& found : detection_.tensors) {
            detection_.nonfinite += found.nonfinite;
            for (std::size_t i = 0; i < statistic_count; ++i)
                if (found.correlations[i]) {
                    if (!detection_.correlations[i]) detection_.correlations[i].emplace();
                    *detection_.correlations[i] += *found.correlations[i];
                }
        }
        detection_.significance = significance(detection_.correlations);
        detection_.expected_z = expected_z(record_.strength, comparable_elements());
        const double threshold = std::max(options_.max_log10_p, smallest_log10_p);
        if (detection_.significance.log10_p <= threshold)
            detection_.verdict = Verdict::detected;
        else if (detection_.expected_z < z_of(threshold))
            detection_.verdict = Verdict::not_enough_evidence;
    }

    const ModelSource& suspect_;
    const WatermarkRecord& record_;
    const DetectOptions& options_;
    Identity identity_;
    std::vector<Match> matches_;      // by tensor of the record
    std::vector<std::size_t> marked_; // tensors of the record
    std::unordered_map<std::string_view, std::size_t> original_entries_;
    std::mutex mutex_; // of detection_ while workers run
    Detection detection_;
};

} // namespace

std::string_view verdict_name(Verdict verdict) noexcept {
    switch (verdict) {
    case Verdict::not_detected: return "not detected";
    case Verdict::detected: return "detected";
    case Verdict::not_enough_evidence: return "not enough evidence";
    }
    return "?";
}

std::string_view matched_by_name(MatchedBy matched_by) noexcept {
    switch (matched_by) {
    case MatchedBy::nothing: return "nothing";
    case MatchedBy::name: return "name";
    case MatchedBy::name_part: return "name part";
    case MatchedBy::sketch: return "sketch";
    }
    return "?";
}

Detection detect(const ModelSource& suspect, const Key& key, const WatermarkRecord& record,
                 const DetectOptions& options) {
    return Detector(suspect, key, record, options).run();
}

TensorCorrelation correlate_tensor(const Key& key, const WatermarkRecord& record, std::string_view name, Dtype dtype,
                                   Bytes data, const Parallel& parallel) {
    const auto tensor = record.position(name);
    if (!tensor) throw Error(Errc::no_such_tensor, name, "is not in the record");
    return correlate_tensor(key, mark_identity(record), record.tensors[*tensor], dtype, data, parallel);
}

TensorCorrelation correlate_tensor(const Key& key, const MarkIdentity& identity, const RecordTensor& tensor,
                                   Dtype dtype, Bytes data, const Parallel& parallel) {
    const std::string& name = tensor.name;
    if (!tensor.mark) throw Error(Errc::no_such_tensor, name, "is not marked in the record");
    if (!formats::is_float(dtype)) throw Error(Errc::unsupported, name, "is not of a float dtype of 8 bits or more");
    const Secret chip_key = checked_chip_key(Identity(key, identity), tensor);
    const Rows rows = rows_of(tensor.shape);
    const std::uint64_t size = dtype_bits(dtype) / 8;
    const std::uint64_t elements = data.size() / size;
    if (data.size() % size != 0 || rows.length == 0 || elements % rows.length != 0 ||
        elements > rows.length * rows.count)
        throw Error(Errc::destination_size, name, "its data is not a number of rows of the record's shape");
    TensorCorrelation total;
    std::mutex mutex;
    const Hooks no_hooks;
    io::Work work(no_hooks, data.size());
    const auto begin = [&] { return ElementReader(chip_key.bytes()); };
    for_rows(tensor, elements, parallel, work, begin,
             [&](ElementReader& reader, std::uint64_t first, std::uint64_t count) {
                 RowSums sums;
                 reader.add_rows(dtype, data.subspan(first * size, count * size), rows.length, first, sums);
                 const std::lock_guard lock(mutex);
                 total.white += {sums.white_s, sums.white_q};
                 total.sign += {sums.sign_s, sums.sign_q};
                 total.nonfinite += sums.nonfinite;
             });
    return total;
}

} // namespace weightseal

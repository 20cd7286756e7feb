#pragma once
// Detecting: whether a suspect carries the mark of a key, and how surely chance is excluded (WATERMARK.md §6).

#include "weightseal/core/progress.hpp"        // Hooks
#include "weightseal/core/tensor.hpp"          // TensorInfo
#include "weightseal/formats/model_source.hpp" // ModelSource
#include "weightseal/io/parallel.hpp"          // Parallel
#include "weightseal/keys/key.hpp"             // Key
#include "weightseal/watermark/align.hpp"      // ModelFamily
#include "weightseal/watermark/mark.hpp"       // MarkIdentity
#include "weightseal/watermark/record.hpp"     // WatermarkRecord
#include "weightseal/watermark/statistics.hpp" // Correlations

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal {

/// The answer of a detection.
enum class Verdict : std::uint8_t {
    not_detected = 0,        ///< there were enough weights to tell, and the signal is not there
    detected = 1,            ///< p is at most the threshold
    not_enough_evidence = 2, ///< too few weights match: neither answer would mean anything
};

/// "not detected", "detected" or "not enough evidence".
[[nodiscard]] std::string_view verdict_name(Verdict verdict) noexcept;

/// How a suspect's tensor was found.
enum class MatchedBy : std::uint8_t {
    nothing = 0,   ///< the suspect does not have it
    name = 1,      ///< the same name
    name_part = 2, ///< the same name but for leading components ("model.", "bert.")
    sketch = 3,    ///< by content
};

/// "nothing", "name", "name part" or "sketch".
[[nodiscard]] std::string_view matched_by_name(MatchedBy matched_by) noexcept;

/// The share of one marked tensor. Its z values are a picture, not evidence.
struct TensorDetection {
    std::string name;         ///< in the record
    std::string suspect_name; ///< in the suspect; empty when it has none
    MatchedBy matched_by = MatchedBy::nothing;
    std::uint64_t elements = 0;  ///< compared
    std::uint64_t nonfinite = 0; ///< NaN and infinite elements among them: left out
    Correlations correlations;
};

struct Detection {
    Verdict verdict = Verdict::not_detected;
    Correlations correlations; ///< sums over all tensors
    Significance significance;
    double expected_z = 0; ///< 0.6·s·√N of the matched weights that can tell (WATERMARK.md §6)
    std::uint64_t matched_elements = 0, nonfinite = 0;
    std::size_t extra_tensors = 0;          ///< of the suspect, that the record does not know
    ModelFamily family = ModelFamily::none; ///< whose symmetries were undone; none without an original
    std::vector<TensorDetection> tensors;   ///< the record's marked ones, in its order
    std::optional<Digest> suspect_root;     ///< which suspect this is about (WATERMARK.md §2), if that was asked for
};

struct DetectOptions {
    const ModelSource* original = nullptr; ///< the unmarked original: adds the aligned and informed statistics
    ModelFamily family = ModelFamily::automatic;
    bool identify_suspect = false; ///< also hash the suspect, which takes longer than all else
    double max_log10_p = -9;       ///< detected when log10 p is at most this: `smallest_log10_p` or more, below 0
    Parallel parallel;
    Hooks hooks;
};

/// Looks for the mark of `key` under `record` in `suspect`. S and Q of the blind statistics are the same on every
/// processor and for any number of threads. Missing, renamed, truncated or extra tensors only lose their share. Throws
/// `Error`: what reading throws, `invalid_argument`, `key_kind`, `key_mismatch` (not the key that the record commits
/// to), `original_mismatch` (the original is not the one that the record commits to), `no_common_tensor`, `cancelled`.
[[nodiscard]] Detection detect(const ModelSource& suspect, const Key& key, const WatermarkRecord& record,
                               const DetectOptions& options = {});

/// S and Q of the blind statistics of one tensor in memory, and how many of its elements are not finite.
struct TensorCorrelation {
    Correlation white, sign;
    std::uint64_t nonfinite = 0;
};

/// Correlates a suspect's tensor with the chips of the record's tensor `tensor`. `dtype` is any float dtype of 8 bits
/// or more; `data` holds the leading elements of the record's shape, all of them or fewer. Throws `no_such_tensor`,
/// `key_mismatch`, `unsupported` (dtype), `destination_size`.
[[nodiscard]] TensorCorrelation correlate_tensor(const Key& key, const WatermarkRecord& record, std::string_view tensor,
                                                 Dtype dtype, Bytes data, const Parallel& parallel = {});

/// The same for one `tensor` of a record after the other, where `identity` is `mark_identity` of that record: the call
/// above computes it anew, which takes the longer the more tensors the record has.
[[nodiscard]] TensorCorrelation correlate_tensor(const Key& key, const MarkIdentity& identity,
                                                 const RecordTensor& tensor, Dtype dtype, Bytes data,
                                                 const Parallel& parallel = {});

/// Which implementation of the correlation runs here: "plain", "avx2", "avx512" or "neon", the fastest that the
/// processor has or the one that WEIGHTSEAL_FORCE_KERNEL, read once, names. All give the same sums. Throws
/// `invalid_argument` or `unsupported` for a name that is unknown or not possible here.
[[nodiscard]] std::string_view watermark_kernel();

} // namespace weightseal

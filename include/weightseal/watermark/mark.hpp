#pragma once
// Marking: adds ±s·σ of its row to every eligible weight, the signs drawn from the key (WATERMARK.md §3).

#include "weightseal/core/bytes.hpp"           // MutableBytes
#include "weightseal/core/progress.hpp"        // Hooks
#include "weightseal/core/tensor.hpp"          // TensorInfo
#include "weightseal/formats/model_source.hpp" // ModelSource
#include "weightseal/io/parallel.hpp"          // Parallel
#include "weightseal/keys/key.hpp"             // Key
#include "weightseal/watermark/record.hpp"     // WatermarkRecord
#include "weightseal/watermark/statistics.hpp" // Significance

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace weightseal {

/// Strengths a mark may have.
inline constexpr double min_strength = 0.0001;
inline constexpr double max_strength = 0.02;
/// Tensors with fewer elements are copied untouched unless chosen by name; those with fewer than two dimensions always
/// are.
inline constexpr std::uint64_t min_marked_elements = 4096;

/// Most bytes of an owner or model id.
inline constexpr std::size_t max_label_size = 1024;

/// Auto strength: s = clamp(13.45/(0.6·√N), 0.05 %, 0.5 %) for N markable elements.
[[nodiscard]] double auto_strength(std::uint64_t elements) noexcept;
/// The z to expect at least of blind detection on an unchanged copy, 0.6·s·√N; not where weights have few values.
[[nodiscard]] double expected_z(double strength, std::uint64_t elements) noexcept;

struct MarkOptions {
    std::string owner;              ///< who claims the model; required, at most `max_label_size` bytes of UTF-8
    std::string model_id;           ///< which model it is; the same
    std::optional<double> strength; ///< `min_strength` … `max_strength`; empty: auto
    /// Names of tensors to mark, `*` and `?` being wildcards. Empty: every F64, F32, F16 and BF16 tensor of two
    /// dimensions or more and at least `min_marked_elements` elements. Tensors of the same data as a chosen one stay
    /// so.
    std::vector<std::string> tensors;
    std::optional<Key> signing_key; ///< signs the record
    bool overwrite = false;         ///< replace an existing output
    Parallel parallel;
    Hooks hooks; ///< progress counts bytes read: twice the model
};

/// What was done, beside the record.
struct MarkReport {
    WatermarkRecord record;
    std::uint64_t marked_tensors = 0, tied_tensors = 0, copied_tensors = 0;
    std::uint64_t zeros = 0, nonfinite = 0; ///< elements of marked tensors that were left as they are
    double relative_change = 0;             ///< √(Σ(w'−w)²/Σw²) over the marked tensors
    double expected_z = 0;
    Significance found; ///< by blind detection on the written output
};

/// Marks `model` into `path`, a file or a folder as the model is; every other byte is copied. Reads the model twice
/// with constant memory; the output appears complete and synced, or not at all. Throws `Error`: what reading the model
/// throws, `invalid_argument`, `bad_strength`, `nothing_to_mark`, `unmarkable_dtype`, `source_changed`, `file_exists`,
/// `no_space`, `io_failed`, `key_kind`, `cancelled`.
[[nodiscard]] MarkReport mark(const ModelSource& model, const std::filesystem::path& path, const Key& key,
                              const MarkOptions& options);

/// The same for the model at `model`, with its record saved at `record` unless that is empty. An empty model id stands
/// for the name of that file, without its extension, or folder. A record that is there already is refused before the
/// work: `already_marked` if it is one of `model` itself, else `file_exists` unless `options.overwrite`; so is any
/// other file. It appears before the output does, and not without it. Throws also what opening the model and saving the
/// record throw.
[[nodiscard]] MarkReport mark(const std::filesystem::path& model, const std::filesystem::path& path,
                              const std::filesystem::path& record, const Key& key, MarkOptions options);

/// What identifies a mark beside the key. With it tensors are marked one by one, in any pipeline.
struct MarkIdentity {
    std::string owner;
    std::string model_id;
    Digest scope{}; ///< `mark_scope` of the record
};

/// What a mark's chips depend on beside owner and model id: the record's root, which tensors are marked or tied to
/// which, and their sketches (WATERMARK.md §1). So none of these can be chosen once chips are known.
[[nodiscard]] Digest mark_scope(const WatermarkRecord& record);

/// What identifies the mark of a record.
[[nodiscard]] MarkIdentity mark_identity(const WatermarkRecord& record);

/// Counts of one marked tensor.
struct TensorMark {
    std::uint64_t elements = 0, zeros = 0, nonfinite = 0;
    double squared_change = 0, squared_norm = 0;
};

/// Marks a tensor in place: row-major data of `info`, whose name, dtype and shape are those of the original.
/// Thread-safe for different tensors. Throws `invalid_argument` (owner or model id), `unmarkable_dtype`,
/// `bad_strength`, `nothing_to_mark` (fewer than two dimensions), `key_kind`, `destination_size`.
TensorMark mark_tensor(const Key& key, const MarkIdentity& identity, const TensorInfo& info, double strength,
                       MutableBytes data, const Parallel& parallel = {});

} // namespace weightseal

#pragma once
// Watermarks of tests: models of normally distributed weights, keys from numbers, and records made without marking.

#include "support/models.hpp"
#include "weightseal/keys/key.hpp"
#include "weightseal/watermark/detect.hpp"
#include "weightseal/watermark/mark.hpp"

namespace weightseal::testing {

/// A key of kind `watermark` that is the same in every run.
[[nodiscard]] Key watermark_key(std::uint64_t number);

/// The chips of a tensor's first elements, +1 or -1.
[[nodiscard]] std::vector<int> chips_of(const Key& key, const MarkIdentity& identity, std::string_view tensor,
                                        const std::vector<std::uint64_t>& shape, std::size_t count);

/// Floats as data of a markable dtype, rounded to nearest.
[[nodiscard]] Data stored(std::string_view dtype, const std::vector<double>& values);
/// The values of a float tensor.
[[nodiscard]] std::vector<float> values_of(const TensorData& tensor);

/// Weights with mean 0 and this deviation in F64, F32, F16 or BF16.
[[nodiscard]] TensorData normal_tensor(std::string name, std::string dtype, std::vector<std::uint64_t> shape,
                                       std::uint64_t seed = 1, double deviation = 0.02);

/// A folder in memory of one file with these tensors.
[[nodiscard]] MemoryModel model_of(const std::vector<TensorData>& tensors);
/// The tensors of a safetensors file or folder, in the order of its entries.
[[nodiscard]] std::vector<TensorData> tensors_of(const ModelSource& model);

/// Options of "acme" for "model".
[[nodiscard]] MarkOptions mark_options(std::optional<double> strength = std::nullopt, unsigned threads = 1);

/// A model that was marked, through files.
struct Marked {
    std::vector<TensorData> tensors;
    MarkReport report;
};
[[nodiscard]] Marked marked(const std::vector<TensorData>& original, const Key& key, const MarkOptions& options);

/// The record that marking every tensor of `original` that has two dimensions would make, but for the digests of the
/// marked data.
[[nodiscard]] WatermarkRecord record_of(const std::vector<TensorData>& original, const Key& key,
                                        double strength = max_strength);

/// Replaces the record's commitments by those of `key` under its owner, model id and root.
void commit_to(WatermarkRecord& record, const Key& key);

/// Blind detection on one thread.
[[nodiscard]] Detection detection(const std::vector<TensorData>& suspect, const Key& key,
                                  const WatermarkRecord& record);

/// One registered statistic; zeros where it was not run.
[[nodiscard]] Correlation at(const Correlations& correlations, Statistic statistic);

} // namespace weightseal::testing

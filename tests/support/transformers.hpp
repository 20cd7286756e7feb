#pragma once
// Transformers of tests: random weights in the shapes and under the names of Llama and BERT.

#include "support/models.hpp"
#include "weightseal/watermark/record.hpp"

#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal::testing {

/// Random numbers that are the same on every platform.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    [[nodiscard]] std::uint64_t bits();
    [[nodiscard]] double uniform(); ///< in (0, 1)
    [[nodiscard]] double normal();
    [[nodiscard]] std::vector<Eigen::Index> permutation(Eigen::Index size);
    [[nodiscard]] Eigen::MatrixXd matrix(Eigen::Index rows, Eigen::Index columns, double deviation);
    [[nodiscard]] Eigen::MatrixXd orthogonal(Eigen::Index size);

  private:
    std::uint64_t state_;
};

struct TransformerShape {
    Eigen::Index layers = 2, width = 128, neurons = 352, heads = 8, key_heads = 4, head_size = 16, vocabulary = 1024;
    /// Embeddings with a mean, a decaying spectrum and outlying channels, and gains of all sizes; else all weights are
    /// normally distributed and gains are 1.
    bool is_realistic = true;
};

/// A model in doubles. A vector is a matrix of one column.
struct Transformer {
    struct Weight {
        std::string name;
        bool is_vector = false;
        Eigen::MatrixXd values;
    };
    TransformerShape shape;
    std::vector<Weight> weights; ///< sorted by name

    [[nodiscard]] Eigen::MatrixXd& at(std::string_view name);
    /// "model.layers.3." and so on.
    [[nodiscard]] static std::string llama_layer(Eigen::Index layer);
    [[nodiscard]] static std::string bert_layer(Eigen::Index layer);
};

[[nodiscard]] Transformer random_llama(const TransformerShape& shape, std::uint64_t seed);
/// `key_heads` is not used: BERT has as many as heads.
[[nodiscard]] Transformer random_bert(const TransformerShape& shape, std::uint64_t seed);

/// Its tensors, of dtype "F32" or "BF16" (rounded to nearest, ties to even).
[[nodiscard]] std::vector<TensorData> tensors_of(const Transformer& transformer, std::string_view dtype = "F32");
/// The same as a model source with config.json.
[[nodiscard]] MemoryModel model_of(const Transformer& transformer, std::string_view dtype = "F32");
/// The same as a folder of files.
void save_model(const Transformer& transformer, const std::filesystem::path& folder, std::string_view dtype = "F32");
/// Reads the tensors of any float dtype under the names of `like`.
[[nodiscard]] Transformer transformer_of(const ModelSource& model, const Transformer& like);
/// A record of the model that lists every tensor and marks none.
[[nodiscard]] WatermarkRecord record_of(const ModelSource& model);

} // namespace weightseal::testing

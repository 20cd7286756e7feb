#pragma once
// Transformers of tests: random weights in the shapes and under the names of Llama and BERT, the transformations that
// leave what they compute unchanged, and those that a thief may add.

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
    bool is_anisotropic = true; ///< embeddings with a mean, dominant directions and outlying channels
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

// ---- symmetries of Llama ----

/// Multiplies gains by random factors, whose logarithms have this deviation, and divides the columns behind them.
void rescale_gains(Transformer& model, Random& random, double spread);
/// Folds the gains into the matrices behind them, then turns the residual stream.
void rotate_residual(Transformer& model, Random& random);
/// Moves and, if asked, changes the signs of its coordinates; gains stay where they belong.
void permute_residual(Transformer& model, Random& random, bool signs);
/// Moves neurons; scales up and down projections by factors of either sign if asked.
void permute_neurons(Transformer& model, Random& random, bool scales);
/// Moves groups of heads, and heads within their groups.
void permute_heads(Transformer& model, Random& random);
/// A random invertible matrix between value and output of each head of values.
void mix_values(Transformer& model, Random& random);
/// A random scaled rotation for each RoPE pair of queries and keys.
void turn_queries(Transformer& model, Random& random);
/// Other numbers for the tokens.
void permute_vocabulary(Transformer& model, Random& random);
void scale_residual(Transformer& model, double factor);

// ---- symmetries of BERT ----

void permute_bert_residual(Transformer& model, Random& random);
void permute_bert_neurons(Transformer& model, Random& random);
void permute_bert_heads(Transformer& model, Random& random);
/// Random invertible matrices between query and key, and between value and output, of each head.
void mix_bert_heads(Transformer& model, Random& random);

// ---- noise ----

/// Rounds every matrix to 4 bits, symmetrically, in groups of 128 elements of a row.
void quantize_int4(Transformer& model);

} // namespace weightseal::testing

#include "support/transformers.hpp"

#include "formats/dequantize.hpp"

#include <Eigen/QR>
#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <numbers>
#include <numeric>

namespace weightseal::testing {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

std::uint64_t Random::bits() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

double Random::uniform() {
    return (static_cast<double>(bits() >> 12) + 0.5) * 0x1p-52;
}

double Random::normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
}

std::vector<Index> Random::permutation(Index size) {
    std::vector<Index> order(static_cast<std::size_t>(size));
    std::iota(order.begin(), order.end(), Index{0});
    for (std::size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[bits() % i]);
    return order;
}

MatrixXd Random::matrix(Index rows, Index columns, double deviation) {
    return MatrixXd::NullaryExpr(rows, columns, [&] { return deviation * normal(); });
}

MatrixXd Random::orthogonal(Index size) {
    const Eigen::HouseholderQR<MatrixXd> factors(matrix(size, size, 1));
    return factors.householderQ();
}

namespace {

constexpr double deviation = 0.02;

// Directions whose variances decay as 1/j, a mean, and channels that outlie.
MatrixXd random_embedding(const TransformerShape& shape, Random& random) {
    MatrixXd embedding = random.matrix(shape.vocabulary, shape.width, deviation);
    if (!shape.is_realistic) return embedding;
    const VectorXd spectrum =
        VectorXd::LinSpaced(shape.width, 1, static_cast<double>(shape.width)).cwiseInverse().cwiseSqrt();
    const double usual = spectrum.norm() / std::sqrt(static_cast<double>(shape.width));
    embedding = embedding * (spectrum / usual).asDiagonal() * random.orthogonal(shape.width);
    embedding.rowwise() += Eigen::RowVectorXd(random.matrix(1, shape.width, 2 * deviation));
    for (int channel = 0; channel < 3; ++channel)
        embedding.col(static_cast<Index>(random.bits() % static_cast<std::uint64_t>(shape.width))) *= 20;
    return embedding;
}

MatrixXd random_gain(const TransformerShape& shape, Random& random) {
    if (!shape.is_realistic) return MatrixXd::Ones(shape.width, 1);
    MatrixXd gain = MatrixXd::NullaryExpr(shape.width, 1, [&] { return std::exp(0.4 * random.normal()); });
    gain(static_cast<Index>(random.bits() % static_cast<std::uint64_t>(shape.width)), 0) *= 10;
    return gain;
}

std::string config_of(const TransformerShape& shape) {
    return fmt::format(R"({{"hidden_size": {}, "num_attention_heads": {}, "num_key_value_heads": {}, "head_dim": {}}})",
                       shape.width, shape.heads, shape.key_heads, shape.head_size);
}

void sort_by_name(Transformer& model) {
    std::ranges::sort(model.weights, {}, &Transformer::Weight::name);
}

} // namespace

MatrixXd& Transformer::at(std::string_view name) {
    const auto found = std::ranges::lower_bound(weights, name, {}, &Weight::name);
    if (found == weights.end() || found->name != name) throw std::out_of_range(std::string(name));
    return found->values;
}

std::string Transformer::llama_layer(Index layer) {
    return fmt::format("model.layers.{}.", layer);
}

std::string Transformer::bert_layer(Index layer) {
    return fmt::format("bert.encoder.layer.{}.", layer);
}

Transformer random_llama(const TransformerShape& shape, std::uint64_t seed) {
    Random random(seed);
    Transformer model{shape, {}};
    const auto add = [&](std::string name, MatrixXd values) {
        const bool is_vector = values.cols() == 1;
        model.weights.push_back({std::move(name), is_vector, std::move(values)});
    };
    const Index queries = shape.heads * shape.head_size, keys = shape.key_heads * shape.head_size;
    add("model.embed_tokens.weight", random_embedding(shape, random));
    add("lm_head.weight", random_embedding(shape, random));
    add("model.norm.weight", random_gain(shape, random));
    for (Index i = 0; i < shape.layers; ++i) {
        const std::string layer = Transformer::llama_layer(i);
        add(layer + "input_layernorm.weight", random_gain(shape, random));
        add(layer + "post_attention_layernorm.weight", random_gain(shape, random));
        add(layer + "self_attn.q_proj.weight", random.matrix(queries, shape.width, deviation));
        add(layer + "self_attn.k_proj.weight", random.matrix(keys, shape.width, deviation));
        add(layer + "self_attn.v_proj.weight", random.matrix(keys, shape.width, deviation));
        add(layer + "self_attn.o_proj.weight", random.matrix(shape.width, queries, deviation));
        add(layer + "mlp.gate_proj.weight", random.matrix(shape.neurons, shape.width, deviation));
        add(layer + "mlp.up_proj.weight", random.matrix(shape.neurons, shape.width, deviation));
        add(layer + "mlp.down_proj.weight", random.matrix(shape.width, shape.neurons, deviation));
    }
    sort_by_name(model);
    return model;
}

Transformer random_bert(const TransformerShape& shape, std::uint64_t seed) {
    Random random(seed);
    Transformer model{shape, {}};
    const auto add = [&](std::string name, MatrixXd values) {
        const bool is_vector = values.cols() == 1;
        model.weights.push_back({std::move(name), is_vector, std::move(values)});
    };
    const auto add_dense = [&](const std::string& name, Index rows, Index columns) {
        add(name + ".weight", random.matrix(rows, columns, deviation));
        add(name + ".bias", random.matrix(rows, 1, deviation));
    };
    const auto add_norm = [&](const std::string& name) {
        add(name + ".weight", random_gain(shape, random));
        add(name + ".bias", random.matrix(shape.width, 1, deviation));
    };
    const Index heads = shape.heads * shape.head_size;
    add("bert.embeddings.word_embeddings.weight", random_embedding(shape, random));
    add("bert.embeddings.position_embeddings.weight", random.matrix(64, shape.width, deviation));
    add("bert.embeddings.token_type_embeddings.weight", random.matrix(2, shape.width, deviation));
    add_norm("bert.embeddings.LayerNorm");
    for (Index i = 0; i < shape.layers; ++i) {
        const std::string layer = Transformer::bert_layer(i);
        for (const char* name : {"query", "key", "value"})
            add_dense(layer + "attention.self." + name, heads, shape.width);
        add_dense(layer + "attention.output.dense", shape.width, heads);
        add_norm(layer + "attention.output.LayerNorm");
        add_dense(layer + "intermediate.dense", shape.neurons, shape.width);
        add_dense(layer + "output.dense", shape.width, shape.neurons);
        add_norm(layer + "output.LayerNorm");
    }
    add_dense("bert.pooler.dense", shape.width, shape.width);
    sort_by_name(model);
    return model;
}

std::vector<TensorData> tensors_of(const Transformer& transformer, std::string_view dtype) {
    const std::size_t size = dtype == "F32" ? 4 : 2;
    std::vector<TensorData> tensors;
    for (const Transformer::Weight& weight : transformer.weights) {
        const auto rows = static_cast<std::uint64_t>(weight.values.rows());
        const auto columns = static_cast<std::uint64_t>(weight.values.cols());
        TensorData tensor{weight.name, std::string(dtype), {rows}, Data(rows * columns * size)};
        if (!weight.is_vector) tensor.shape.push_back(columns);
        std::size_t offset = 0;
        for (Index i = 0; i < weight.values.rows(); ++i)
            for (Index j = 0; j < weight.values.cols(); ++j, offset += size) {
                const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(weight.values(i, j)));
                if (size == 4)
                    store_le(tensor.data, offset, bits);
                else // to nearest, ties to even
                    store_le(tensor.data, offset,
                             static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16));
            }
        tensors.push_back(std::move(tensor));
    }
    return tensors;
}

MemoryModel model_of(const Transformer& transformer, std::string_view dtype) {
    MemoryModel model;
    model.add_file("config.json", to_data(config_of(transformer.shape)));
    for (TensorData& tensor : tensors_of(transformer, dtype))
        model.add_tensor(std::move(tensor));
    return model;
}

void save_model(const Transformer& transformer, const std::filesystem::path& folder, std::string_view dtype) {
    write_file(folder / "config.json", config_of(transformer.shape));
    write_file(folder / "model.safetensors", safetensors_file(tensors_of(transformer, dtype)));
}

Transformer transformer_of(const ModelSource& model, const Transformer& like) {
    Transformer made{like.shape, {}};
    for (const Transformer::Weight& weight : like.weights) {
        const auto& entries = model.entries();
        const auto entry = std::ranges::find(entries, weight.name, &SourceEntry::name);
        Data data(entry->bytes);
        model.read(static_cast<std::size_t>(entry - entries.begin()), 0, data);
        std::vector<float> floats(static_cast<std::size_t>(weight.values.size()));
        formats::to_floats(entry->dtype, data, floats);
        MatrixXd values(weight.values.rows(), weight.values.cols());
        for (Index i = 0; i < values.rows(); ++i)
            for (Index j = 0; j < values.cols(); ++j)
                values(i, j) = static_cast<double>(floats[static_cast<std::size_t>(i * values.cols() + j)]);
        made.weights.push_back({weight.name, weight.is_vector, std::move(values)});
    }
    return made;
}

WatermarkRecord record_of(const ModelSource& model) {
    WatermarkRecord record;
    for (const SourceEntry& entry : model.entries())
        if (entry.kind == SourceEntry::Kind::tensor) {
            RecordTensor tensor;
            tensor.name = entry.name;
            tensor.dtype = entry.dtype;
            tensor.shape = entry.shape;
            record.tensors.push_back(std::move(tensor));
        }
    std::ranges::sort(record.tensors, {}, &RecordTensor::name);
    return record;
}

} // namespace weightseal::testing

#include "support/transformers.hpp"

#include "formats/dequantize.hpp"

#include <Eigen/LU>
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

// Rows of `values` in another order: row i of the result is row order[i].
void reorder_rows(MatrixXd& values, const std::vector<Index>& order) {
    const MatrixXd before = values;
    for (Index i = 0; i < values.rows(); ++i)
        values.row(i) = before.row(order[static_cast<std::size_t>(i)]);
}

void reorder_columns(MatrixXd& values, const std::vector<Index>& order) {
    MatrixXd turned = values.transpose();
    reorder_rows(turned, order);
    values = turned.transpose();
}

// The order of elements, blocks of `size` being in the order `blocks`.
std::vector<Index> block_order(const std::vector<Index>& blocks, Index size) {
    std::vector<Index> order;
    for (const Index block : blocks)
        for (Index i = 0; i < size; ++i)
            order.push_back(block * size + i);
    return order;
}

MatrixXd random_embedding(const TransformerShape& shape, Random& random) {
    MatrixXd embedding = random.matrix(shape.vocabulary, shape.width, deviation);
    if (!shape.is_anisotropic) return embedding;
    embedding.rowwise() += Eigen::RowVectorXd(random.matrix(1, shape.width, 2 * deviation));
    for (int direction = 0; direction < 4; ++direction)
        embedding += random.matrix(shape.vocabulary, 1, 3 * deviation) * random.matrix(1, shape.width, 1);
    for (int channel = 0; channel < 3; ++channel)
        embedding.col(static_cast<Index>(random.bits() % static_cast<std::uint64_t>(shape.width))) *= 20;
    return embedding;
}

MatrixXd random_gain(Index width, Random& random) {
    MatrixXd gain(width, 1);
    for (Index i = 0; i < width; ++i)
        gain(i, 0) = std::exp(0.4 * random.normal());
    gain(static_cast<Index>(random.bits() % static_cast<std::uint64_t>(width)), 0) *= 10;
    return gain;
}

// The matrices behind each gain of Llama.
struct GainUse {
    std::string gain;
    std::vector<std::string> behind;
};

std::vector<GainUse> gain_uses(const Transformer& model) {
    std::vector<GainUse> uses{{"model.norm.weight", {"lm_head.weight"}}};
    for (Index i = 0; i < model.shape.layers; ++i) {
        const std::string layer = Transformer::llama_layer(i);
        uses.push_back({layer + "input_layernorm.weight",
                        {layer + "self_attn.q_proj.weight", layer + "self_attn.k_proj.weight",
                         layer + "self_attn.v_proj.weight"}});
        uses.push_back({layer + "post_attention_layernorm.weight",
                        {layer + "mlp.gate_proj.weight", layer + "mlp.up_proj.weight"}});
    }
    return uses;
}

// Matrices of Llama that write to the residual stream with their rows.
std::vector<std::string> writers(const Transformer& model) {
    std::vector<std::string> names;
    for (Index i = 0; i < model.shape.layers; ++i) {
        names.push_back(Transformer::llama_layer(i) + "self_attn.o_proj.weight");
        names.push_back(Transformer::llama_layer(i) + "mlp.down_proj.weight");
    }
    return names;
}

// Turns the residual stream by the orthogonal r: x becomes x·r.
void turn_residual(Transformer& model, const MatrixXd& r) {
    model.at("model.embed_tokens.weight") *= r;
    for (const GainUse& use : gain_uses(model))
        for (const std::string& name : use.behind)
            model.at(name) *= r;
    for (const std::string& name : writers(model))
        model.at(name) = r.transpose() * model.at(name);
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
    add("lm_head.weight", random.matrix(shape.vocabulary, shape.width, deviation));
    add("model.norm.weight", random_gain(shape.width, random));
    for (Index i = 0; i < shape.layers; ++i) {
        const std::string layer = Transformer::llama_layer(i);
        add(layer + "input_layernorm.weight", random_gain(shape.width, random));
        add(layer + "post_attention_layernorm.weight", random_gain(shape.width, random));
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
        add(name + ".weight", random_gain(shape.width, random));
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

void rescale_gains(Transformer& model, Random& random, double spread) {
    for (const GainUse& use : gain_uses(model)) {
        VectorXd factors(model.shape.width);
        for (Index i = 0; i < factors.size(); ++i)
            factors[i] = std::exp(spread * random.normal());
        model.at(use.gain) = factors.asDiagonal() * model.at(use.gain);
        for (const std::string& name : use.behind)
            model.at(name) = model.at(name) * factors.cwiseInverse().asDiagonal();
    }
}

void rotate_residual(Transformer& model, Random& random) {
    for (const GainUse& use : gain_uses(model)) {
        const VectorXd gain = model.at(use.gain).col(0);
        for (const std::string& name : use.behind)
            model.at(name) = model.at(name) * gain.asDiagonal();
        model.at(use.gain).setOnes();
    }
    turn_residual(model, random.orthogonal(model.shape.width));
}

void permute_residual(Transformer& model, Random& random, bool signs) {
    const std::vector<Index> order = random.permutation(model.shape.width);
    MatrixXd r = MatrixXd::Zero(model.shape.width, model.shape.width);
    for (Index i = 0; i < model.shape.width; ++i)
        r(order[static_cast<std::size_t>(i)], i) = signs && (random.bits() & 1U) != 0 ? -1 : 1;
    turn_residual(model, r);
    for (const GainUse& use : gain_uses(model))
        reorder_rows(model.at(use.gain), order);
}

void permute_neurons(Transformer& model, Random& random, bool scales) {
    for (Index i = 0; i < model.shape.layers; ++i) {
        const std::string layer = Transformer::llama_layer(i) + "mlp.";
        const std::vector<Index> order = random.permutation(model.shape.neurons);
        reorder_rows(model.at(layer + "gate_proj.weight"), order);
        reorder_rows(model.at(layer + "up_proj.weight"), order);
        reorder_columns(model.at(layer + "down_proj.weight"), order);
        if (!scales) continue;
        for (Index j = 0; j < model.shape.neurons; ++j) {
            const double scale = ((random.bits() & 1U) != 0 ? -1 : 1) * std::exp(random.normal());
            model.at(layer + "up_proj.weight").row(j) *= scale;
            model.at(layer + "down_proj.weight").col(j) /= scale;
        }
    }
}

void permute_heads(Transformer& model, Random& random) {
    const TransformerShape& shape = model.shape;
    const Index group = shape.heads / shape.key_heads;
    for (Index i = 0; i < shape.layers; ++i) {
        const std::string layer = Transformer::llama_layer(i) + "self_attn.";
        const std::vector<Index> groups = random.permutation(shape.key_heads);
        std::vector<Index> queries;
        for (const Index g : groups)
            for (const Index inside : random.permutation(group))
                queries.push_back(g * group + inside);
        const std::vector<Index> key_order = block_order(groups, shape.head_size);
        const std::vector<Index> query_order = block_order(queries, shape.head_size);
        reorder_rows(model.at(layer + "q_proj.weight"), query_order);
        reorder_rows(model.at(layer + "k_proj.weight"), key_order);
        reorder_rows(model.at(layer + "v_proj.weight"), key_order);
        reorder_columns(model.at(layer + "o_proj.weight"), query_order);
    }
}

void mix_values(Transformer& model, Random& random) {
    const TransformerShape& shape = model.shape;
    const Index size = shape.head_size, group = shape.heads / shape.key_heads;
    for (Index i = 0; i < shape.layers; ++i) {
        const std::string layer = Transformer::llama_layer(i) + "self_attn.";
        for (Index g = 0; g < shape.key_heads; ++g) {
            const MatrixXd mix = random.matrix(size, size, 1);
            auto values = model.at(layer + "v_proj.weight").middleRows(g * size, size);
            values = (mix * values).eval();
            for (Index h = g * group; h < (g + 1) * group; ++h) {
                auto output = model.at(layer + "o_proj.weight").middleCols(h * size, size);
                output = (output * mix.inverse()).eval();
            }
        }
    }
}

void turn_queries(Transformer& model, Random& random) {
    const TransformerShape& shape = model.shape;
    const Index size = shape.head_size, half = size / 2, group = shape.heads / shape.key_heads;
    for (Index i = 0; i < shape.layers; ++i) {
        const std::string layer = Transformer::llama_layer(i) + "self_attn.";
        // Multiplies the complex numbers of a pair's rows by a·exp(ib).
        const auto turn = [&](const std::string& name, Index head, Index pair, double scale, double angle) {
            auto real = model.at(name).row(head * size + pair), imaginary = model.at(name).row(head * size + pair + half);
            const Eigen::RowVectorXd before = real;
            real = scale * (std::cos(angle) * before - std::sin(angle) * imaginary);
            imaginary = scale * (std::sin(angle) * before + std::cos(angle) * imaginary);
        };
        for (Index g = 0; g < shape.key_heads; ++g)
            for (Index pair = 0; pair < half; ++pair) {
                const double scale = std::exp(random.normal()), angle = 2 * std::numbers::pi * random.uniform();
                turn(layer + "k_proj.weight", g, pair, 1 / scale, angle);
                for (Index h = g * group; h < (g + 1) * group; ++h)
                    turn(layer + "q_proj.weight", h, pair, scale, angle);
            }
    }
}

void permute_vocabulary(Transformer& model, Random& random) {
    const std::vector<Index> order = random.permutation(model.shape.vocabulary);
    reorder_rows(model.at("model.embed_tokens.weight"), order);
    reorder_rows(model.at("lm_head.weight"), order);
}

void scale_residual(Transformer& model, double factor) {
    model.at("model.embed_tokens.weight") *= factor;
    for (const std::string& name : writers(model))
        model.at(name) *= factor;
}

void permute_bert_residual(Transformer& model, Random& random) {
    const std::vector<Index> order = random.permutation(model.shape.width);
    const std::vector<std::string> read{"attention.self.query.weight", "attention.self.key.weight",
                                        "attention.self.value.weight", "intermediate.dense.weight"};
    for (Transformer::Weight& weight : model.weights) {
        const std::string_view name = weight.name;
        const bool is_read = name.find("embeddings.weight") != name.npos || name.ends_with("pooler.dense.weight") ||
                             std::ranges::any_of(read, [&](const std::string& end) { return name.ends_with(end); });
        const bool is_written = name.find("output.") != name.npos || name.find("LayerNorm") != name.npos;
        if (is_read)
            reorder_columns(weight.values, order);
        else if (is_written)
            reorder_rows(weight.values, order);
    }
}

void permute_bert_neurons(Transformer& model, Random& random) {
    for (Index i = 0; i < model.shape.layers; ++i) {
        const std::string layer = Transformer::bert_layer(i);
        const std::vector<Index> order = random.permutation(model.shape.neurons);
        reorder_rows(model.at(layer + "intermediate.dense.weight"), order);
        reorder_rows(model.at(layer + "intermediate.dense.bias"), order);
        reorder_columns(model.at(layer + "output.dense.weight"), order);
    }
}

void permute_bert_heads(Transformer& model, Random& random) {
    for (Index i = 0; i < model.shape.layers; ++i) {
        const std::string layer = Transformer::bert_layer(i) + "attention.";
        const std::vector<Index> order =
            block_order(random.permutation(model.shape.heads), model.shape.head_size);
        for (const char* name : {"query", "key", "value"}) {
            reorder_rows(model.at(layer + "self." + name + ".weight"), order);
            reorder_rows(model.at(layer + "self." + name + ".bias"), order);
        }
        reorder_columns(model.at(layer + "output.dense.weight"), order);
    }
}

void mix_bert_heads(Transformer& model, Random& random) {
    const Index size = model.shape.head_size;
    for (Index i = 0; i < model.shape.layers; ++i) {
        const std::string layer = Transformer::bert_layer(i) + "attention.";
        const auto mix = [&](const std::string& name, Index head, const MatrixXd& by) {
            for (const char* kind : {".weight", ".bias"}) {
                auto block = model.at(layer + "self." + name + kind).middleRows(head * size, size);
                block = (by * block).eval();
            }
        };
        for (Index head = 0; head < model.shape.heads; ++head) {
            const MatrixXd between_keys = random.matrix(size, size, 1), between_values = random.matrix(size, size, 1);
            mix("query", head, between_keys);
            mix("key", head, between_keys.inverse().transpose());
            mix("value", head, between_values);
            auto output = model.at(layer + "output.dense.weight").middleCols(head * size, size);
            output = (output * between_values.inverse()).eval();
        }
    }
}

void quantize_int4(Transformer& model) {
    constexpr Index group = 128;
    for (Transformer::Weight& weight : model.weights)
        for (Index i = 0; !weight.is_vector && i < weight.values.rows(); ++i)
            for (Index first = 0; first < weight.values.cols(); first += group) {
                auto part = weight.values.row(i).segment(first, std::min(group, weight.values.cols() - first));
                const double step = part.cwiseAbs().maxCoeff() / 7;
                if (step > 0) part = part.unaryExpr([&](double w) { return step * std::nearbyint(w / step); });
            }
}

} // namespace weightseal::testing

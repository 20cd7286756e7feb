#include "support/symmetries.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <numbers>

namespace weightseal::testing {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

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

} // namespace

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
            auto real = model.at(name).row(head * size + pair),
                 imaginary = model.at(name).row(head * size + pair + half);
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
        const std::vector<Index> order = block_order(random.permutation(model.shape.heads), model.shape.head_size);
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

void rewrite_llama(Transformer& model, Random& random) {
    permute_neurons(model, random, true);
    permute_heads(model, random);
    mix_values(model, random);
    turn_queries(model, random);
    scale_residual(model, 3);
}

void rewrite_bert(Transformer& model, Random& random) {
    permute_bert_neurons(model, random);
    permute_bert_heads(model, random);
    mix_bert_heads(model, random);
    permute_bert_residual(model, random);
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

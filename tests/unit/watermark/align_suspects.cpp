// Suspects that alignment must leave alone, cannot align, or must survive.

#include "support/alignment.hpp"
#include "support/refusal.hpp"

#include <atomic>
#include <limits>

namespace weightseal::testing {
namespace {

constexpr TransformerShape shape{};

bool is_same(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void check_untouched(const Transformer& original, const Transformer& suspect) {
    const Aligned aligned = align(model_of(original), model_of(suspect));
    for (const auto& [name, values] : floats_of(suspect)) {
        INFO(name);
        CHECK(is_same(aligned.at(name), values));
    }
}

// Every value is a number of some tensor or NaN; what matters is that it ends.
void check_survives(const Transformer& original, const ModelSource& suspect) {
    for (const ModelFamily family : {ModelFamily::automatic, ModelFamily::none, ModelFamily::post_layernorm})
        (void)align(model_of(original), suspect, family);
}

} // namespace

TEST_CASE("a suspect that was only rounded, tuned or pruned comes out as it is") {
    const Transformer original = random_llama(shape, 1);
    Transformer suspect = original;
    Random random(3);
    SECTION("rounded to 4 bits") {
        quantize_int4(suspect);
    }
    SECTION("tuned") {
        for (auto& weight : suspect.weights)
            weight.values = weight.values.unaryExpr([&](double w) { return w * (1 + 0.01 * random.normal()); });
    }
    SECTION("noise as large as a fifth of the weights") {
        for (auto& weight : suspect.weights)
            if (!weight.is_vector) weight.values += random.matrix(weight.values.rows(), weight.values.cols(), 0.004);
    }
    SECTION("half of the weights pruned") {
        for (auto& weight : suspect.weights)
            if (!weight.is_vector)
                weight.values = weight.values.unaryExpr([](double w) { return std::abs(w) < 0.0135 ? 0.0 : w; });
    }
    SECTION("tuned by a product of low rank") {
        for (auto& weight : suspect.weights)
            if (!weight.is_vector)
                weight.values +=
                    random.matrix(weight.values.rows(), 4, 0.02) * random.matrix(4, weight.values.cols(), 0.1);
    }
    check_untouched(original, suspect);
}

TEST_CASE("a BERT that was only rounded comes out as it is") {
    const Transformer original = random_bert({.key_heads = 8}, 1);
    Transformer suspect = original;
    quantize_int4(suspect);
    check_untouched(original, suspect);
}

TEST_CASE("an independent model is aligned to noise") {
    const Transformer original = random_llama(shape, 1);
    const auto wanted = floats_of(original);
    const Aligned aligned = align(model_of(original), model_of(random_llama(shape, 99)));
    for (const auto& [name, values] : aligned.tensors) {
        if (count_nan(values) == values.size() || name.find("norm") != name.npos) continue;
        double dot = 0, mine = 0, theirs = 0;
        for (std::size_t i = 0; i < values.size(); ++i)
            if (std::isfinite(values[i])) {
                dot += static_cast<double>(values[i]) * static_cast<double>(wanted.at(name)[i]);
                mine += static_cast<double>(values[i]) * static_cast<double>(values[i]);
                theirs += static_cast<double>(wanted.at(name)[i]) * static_cast<double>(wanted.at(name)[i]);
            }
        INFO(name);
        if (name.find("embed") == name.npos) CHECK(std::abs(dot) <= 0.6 * std::sqrt(mine * theirs));
    }
}

TEST_CASE("alignment does not depend on the number of threads") {
    const Transformer original = random_llama(shape, 1);
    Transformer suspect = original;
    Random random(4);
    permute_neurons(suspect, random, true);
    permute_heads(suspect, random);
    mix_values(suspect, random);
    rotate_residual(suspect, random);
    const MemoryModel first = model_of(original), second = model_of(suspect);
    const Aligned one = align(first, second, ModelFamily::automatic, {.threads = 1});
    const Aligned four = align(first, second, ModelFamily::automatic, {.threads = 4});
    for (const auto& [name, values] : one.tensors) {
        INFO(name);
        CHECK(is_same(values, four.at(name)));
    }
}

TEST_CASE("NaN, infinity and huge weights spoil nothing but their neighbourhood") {
    const Transformer original = random_llama(shape, 1);
    Transformer suspect = original;
    Random random(4);
    permute_neurons(suspect, random, true);
    rotate_residual(suspect, random);
    const std::string layer = Transformer::llama_layer(0);
    suspect.at("model.embed_tokens.weight")(5, 7) = std::numeric_limits<double>::quiet_NaN();
    suspect.at("model.embed_tokens.weight").row(9).setConstant(1e38);
    suspect.at(layer + "mlp.gate_proj.weight")(3, 1) = std::numeric_limits<double>::infinity();
    suspect.at(layer + "mlp.down_proj.weight")(2, 4) = std::numeric_limits<double>::quiet_NaN();
    suspect.at(layer + "self_attn.v_proj.weight")(0, 0) = std::numeric_limits<double>::quiet_NaN();
    const Aligned aligned = align(model_of(original), model_of(suspect));
    const auto wanted = floats_of(original);
    for (const char* name : {"mlp.gate_proj.weight", "mlp.up_proj.weight", "mlp.down_proj.weight"}) {
        INFO(name);
        const auto& values = aligned.at(layer + name);
        CHECK(count_nan(values) <= static_cast<std::size_t>(2 * shape.width));
        std::vector<float> finite = values;
        for (float& value : finite)
            if (!std::isfinite(value)) value = std::numeric_limits<float>::quiet_NaN();
        CHECK(relative_difference(finite, wanted.at(layer + name)) < 1e-2);
    }
    CHECK(count_nan(aligned.at("model.embed_tokens.weight")) <= static_cast<std::size_t>(2 * shape.width));
}

TEST_CASE("hostile suspects are survived") {
    const Transformer original = random_llama(shape, 1);
    Transformer suspect = original;
    SECTION("nothing but NaN") {
        for (auto& weight : suspect.weights)
            weight.values.setConstant(std::numeric_limits<double>::quiet_NaN());
    }
    SECTION("nothing but zeros") {
        for (auto& weight : suspect.weights)
            weight.values.setZero();
    }
    SECTION("nothing but the largest number") {
        for (auto& weight : suspect.weights)
            weight.values.setConstant(static_cast<double>(std::numeric_limits<float>::max()));
    }
    SECTION("nothing but the smallest number") {
        for (auto& weight : suspect.weights)
            weight.values.setConstant(1e-45);
    }
    SECTION("gains of zero") {
        for (auto& weight : suspect.weights)
            if (weight.is_vector) weight.values.setZero();
    }
    SECTION("one row everywhere") {
        for (auto& weight : suspect.weights)
            if (!weight.is_vector) weight.values.rowwise() = Eigen::RowVectorXd(weight.values.row(0));
    }
    SECTION("tensors of other heights") {
        for (auto& weight : suspect.weights)
            weight.values.conservativeResize(weight.values.rows() / 2 + 3, weight.values.cols());
    }
    SECTION("every other tensor is missing") {
        for (std::size_t i = 0; i < suspect.weights.size(); ++i)
            suspect.weights.erase(suspect.weights.begin() + static_cast<std::ptrdiff_t>(i));
    }
    check_survives(original, model_of(suspect));
}

TEST_CASE("a config.json that says nonsense is not believed") {
    const Transformer original = random_llama(shape, 1);
    Transformer suspect = original;
    Random random(4);
    permute_heads(suspect, random);
    for (const char* config :
         {"", "[", "[1]", R"({"head_dim": 7})", R"({"head_dim": -16})", R"({"head_dim": 1e300})",
          R"({"head_dim": 18446744073709551615})", R"({"num_attention_heads": 0, "hidden_size": 128})",
          R"({"num_attention_heads": 8, "hidden_size": "many"})"}) {
        INFO(config);
        MemoryModel model;
        model.add_file("config.json", to_data(config));
        for (TensorData& tensor : tensors_of(original))
            model.add_tensor(std::move(tensor));
        CHECK(worst_difference(align(model, model_of(suspect)), original) == 0);
    }
}

TEST_CASE("tensors of another rank are read in the original's shape") {
    const Transformer original = random_llama(shape, 1);
    MemoryModel suspect;
    for (TensorData& tensor : tensors_of(original)) {
        if (tensor.shape.size() == 2) tensor.shape = {1, tensor.shape[0] / 2, 2 * tensor.shape[1]};
        suspect.add_tensor(std::move(tensor));
    }
    CHECK(align(model_of(original), suspect).tensors == floats_of(original));
}

TEST_CASE("a tensor that is no float has no values") {
    const Transformer original = random_llama(shape, 1);
    MemoryModel suspect;
    for (TensorData& tensor : tensors_of(original)) {
        if (tensor.name == "lm_head.weight") {
            tensor.dtype = "I32";
        }
        suspect.add_tensor(std::move(tensor));
    }
    const Aligned aligned = align(model_of(original), suspect);
    CHECK(aligned.tensors.count("lm_head.weight") == 0);
    CHECK(aligned.tensors.count("model.embed_tokens.weight") == 1);
}

TEST_CASE("alignment is cancelled at once") {
    const Transformer original = random_llama(shape, 1);
    const MemoryModel model = model_of(original);
    Hooks hooks;
    hooks.cancelled = [] { return true; };
    CHECK(refusal([&] { (void)align(model, model, ModelFamily::automatic, {}, hooks); }) == "cancelled");
}

} // namespace weightseal::testing

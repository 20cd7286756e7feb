// Symmetries of models with RMSNorm, undone.

#include "support/alignment.hpp"

#include <functional>

namespace weightseal::testing {
namespace {

constexpr TransformerShape shape{};
const std::string layer = Transformer::llama_layer(1);

struct Change {
    const char* name;
    std::function<void(Transformer&, Random&)> apply;
    double left_by_rounding = 0.3; ///< of gate and up, at most, on a model without outlying channels
};

const std::vector<Change> exact_changes{
    {"nothing", [](Transformer&, Random&) {}},
    {"permuted coordinates", [](Transformer& t, Random& r) { permute_residual(t, r, false); }},
    {"coordinates of other signs", [](Transformer& t, Random& r) { permute_residual(t, r, true); }},
    {"permuted neurons", [](Transformer& t, Random& r) { permute_neurons(t, r, false); }},
    {"another order of the vocabulary", [](Transformer& t, Random& r) { permute_vocabulary(t, r); }},
    {"permuted heads", [](Transformer& t, Random& r) { permute_heads(t, r); }},
    {"all permutations",
     [](Transformer& t, Random& r) {
         permute_neurons(t, r, false);
         permute_heads(t, r);
         permute_residual(t, r, true);
     }},
};

const std::vector<Change> other_changes{
    {"rescaled gains", [](Transformer& t, Random& r) { rescale_gains(t, r, 0.5); }},
    {"a rotation", [](Transformer& t, Random& r) { rotate_residual(t, r); }},
    {"scaled neurons", [](Transformer& t, Random& r) { permute_neurons(t, r, true); }},
    {"mixed values", [](Transformer& t, Random& r) { mix_values(t, r); }},
    {"turned queries", [](Transformer& t, Random& r) { turn_queries(t, r); }},
    {"a scaled residual", [](Transformer& t, Random&) { scale_residual(t, 3); }},
    {"everything but a rotation",
     [](Transformer& t, Random& r) {
         permute_neurons(t, r, true);
         permute_heads(t, r);
         mix_values(t, r);
         turn_queries(t, r);
         rescale_gains(t, r, 0.5);
         permute_residual(t, r, true);
     },
     0.5}, // small columns share the steps of large ones, and gains make them so
    {"another order of the vocabulary, and a rotation",
     [](Transformer& t, Random& r) {
         permute_neurons(t, r, true);
         permute_vocabulary(t, r);
         rotate_residual(t, r);
     }},
    {"everything",
     [](Transformer& t, Random& r) {
         scale_residual(t, 0.25);
         permute_neurons(t, r, true);
         permute_heads(t, r);
         mix_values(t, r);
         turn_queries(t, r);
         rescale_gains(t, r, 0.5);
         rotate_residual(t, r);
     }},
};

} // namespace

TEST_CASE("permutations of a Llama are undone to the bit") {
    const Transformer original = random_llama(shape, 1);
    const MemoryModel model = model_of(original);
    for (const Change& change : exact_changes) {
        INFO(change.name);
        Transformer suspect = original;
        Random random(2);
        change.apply(suspect, random);
        const Aligned aligned = align(model, model_of(suspect));
        CHECK(aligned.family == ModelFamily::rmsnorm);
        CHECK(aligned.tensors == floats_of(original));
    }
}

TEST_CASE("other symmetries of a Llama are undone to rounding") {
    const Transformer original = random_llama(shape, 1);
    const MemoryModel model = model_of(original);
    for (const Change& change : other_changes) {
        INFO(change.name);
        Transformer suspect = original;
        Random random(2);
        change.apply(suspect, random);
        CHECK(worst_difference(align(model, model_of(suspect)), original) < 1e-3);
    }
}

TEST_CASE("the symmetries of a Llama rounded to 4 bits are undone as far as the rounding lets") {
    const bool is_realistic = GENERATE(false, true); // outlying channels make the steps of rounding larger
    TransformerShape rounded = shape;
    rounded.is_realistic = is_realistic;
    const Transformer original = random_llama(rounded, 1);
    const MemoryModel model = model_of(original);
    for (const std::vector<Change>* changes : {&exact_changes, &other_changes})
        for (const Change& change : *changes) {
            INFO(change.name);
            Transformer suspect = original;
            Random random(2);
            change.apply(suspect, random);
            quantize_int4(suspect);
            const Aligned aligned = align(model, model_of(suspect));
            const auto wanted = floats_of(original);
            for (const char* name : {"mlp.gate_proj.weight", "mlp.up_proj.weight"}) {
                CHECK(count_nan(aligned.at(layer + name)) == 0);
                CHECK(relative_difference(aligned.at(layer + name), wanted.at(layer + name)) <
                      (is_realistic ? 0.5 : change.left_by_rounding));
            }
        }
}

TEST_CASE("a Llama with tied embeddings, other names or without config.json is aligned as well") {
    Transformer original = random_llama(shape, 1);
    SECTION("without an output embedding") {
        std::erase_if(original.weights, [](const auto& weight) { return weight.name == "lm_head.weight"; });
        const MemoryModel model = model_of(original);
        Transformer suspect = original;
        Random random(2);
        permute_neurons(suspect, random, true);
        permute_heads(suspect, random);
        CHECK(worst_difference(align(model, model_of(suspect)), original) < 1e-3);
    }
    SECTION("tied embeddings that the rotation had to untie") {
        original.at("lm_head.weight") = original.at("model.embed_tokens.weight");
        const MemoryModel model = model_of(original);
        WatermarkRecord record = record_of(model);
        std::ranges::find(record.tensors, "lm_head.weight", &RecordTensor::name)->tied_to = "model.embed_tokens.weight";
        Transformer suspect = original;
        Random random(2);
        permute_neurons(suspect, random, true);
        rotate_residual(suspect, random);
        CHECK(worst_difference(align(model, model_of(suspect), record), original) < 1e-3);
    }
    SECTION("without config.json the size of heads is found") {
        MemoryModel model;
        for (TensorData& tensor : tensors_of(original))
            model.add_tensor(std::move(tensor));
        Transformer suspect = original;
        Random random(2);
        permute_heads(suspect, random);
        mix_values(suspect, random);
        turn_queries(suspect, random);
        CHECK(worst_difference(align(model, model_of(suspect)), original) < 1e-3);
    }
    SECTION("names without the prefix") {
        Transformer suspect = original;
        Random random(2);
        rotate_residual(suspect, random);
        for (auto& weight : suspect.weights)
            if (weight.name.starts_with("model.")) weight.name = weight.name.substr(6);
        CHECK(worst_difference(align(model_of(original), model_of(suspect)), original) < 1e-3);
    }
}

} // namespace weightseal::testing

// Symmetries of models with LayerNorm behind each sum, undone.

#include "support/alignment.hpp"

namespace weightseal::testing {
namespace {

constexpr TransformerShape shape{.key_heads = 8};

} // namespace

TEST_CASE("permutations of a BERT are undone to the bit") {
    const Transformer original = random_bert(shape, 1);
    Transformer suspect = original;
    Random random(2);
    SECTION("coordinates") {
        permute_bert_residual(suspect, random);
    }
    SECTION("neurons") {
        permute_bert_neurons(suspect, random);
    }
    SECTION("heads") {
        permute_bert_heads(suspect, random);
    }
    SECTION("all") {
        permute_bert_neurons(suspect, random);
        permute_bert_heads(suspect, random);
        permute_bert_residual(suspect, random);
    }
    const Aligned aligned = align(model_of(original), model_of(suspect));
    CHECK(aligned.family == ModelFamily::post_layernorm);
    for (const auto& [name, values] : floats_of(original))
        if (name.find("self.") == name.npos || name.ends_with("weight")) { // biases of heads stay where they are
            INFO(name);
            CHECK(aligned.at(name) == values);
        }
}

TEST_CASE("mixed heads of a BERT are undone to rounding") {
    const Transformer original = random_bert(shape, 1);
    Transformer suspect = original;
    Random random(2);
    permute_bert_heads(suspect, random);
    mix_bert_heads(suspect, random);
    permute_bert_residual(suspect, random);
    CHECK(worst_difference(align(model_of(original), model_of(suspect)), original) < 1e-3);
}

TEST_CASE("a BERT of another residual, rounded to 4 bits, is aligned") {
    const bool is_realistic = GENERATE(false, true); // outlying channels make the steps of rounding larger
    const Transformer original = random_bert({.key_heads = 8, .is_realistic = is_realistic}, 1);
    Transformer suspect = original;
    Random random(2);
    permute_bert_neurons(suspect, random);
    permute_bert_heads(suspect, random);
    permute_bert_residual(suspect, random);
    quantize_int4(suspect);
    CHECK(worst_difference(align(model_of(original), model_of(suspect)), original) < (is_realistic ? 0.5 : 0.3));
}

} // namespace weightseal::testing

// A thief rewrites a marked model into another one that computes the same, and rounds it to 4 bits: the mark is found
// with the help of the original all the same.

#include "support/catch.hpp"
#include "support/transformers.hpp"
#include "weightseal/watermark/detect.hpp"
#include "weightseal/watermark/mark.hpp"

#include <fmt/format.h>
#include <functional>

namespace weightseal::testing {
namespace {

#ifdef WEIGHTSEAL_SANITIZED
constexpr TransformerShape llama_shape{.layers = 2, .width = 128, .neurons = 384, .heads = 4, .key_heads = 2, .head_size = 32, .vocabulary = 1024};
constexpr TransformerShape bert_shape{.layers = 2, .width = 128, .neurons = 512, .heads = 4, .key_heads = 4, .head_size = 32, .vocabulary = 1024};
constexpr double strength = 0.02;
#else
constexpr TransformerShape llama_shape{.layers = 4, .width = 512, .neurons = 1408, .heads = 8, .key_heads = 4, .head_size = 64, .vocabulary = 4096};
constexpr TransformerShape bert_shape{.layers = 3, .width = 384, .neurons = 1536, .heads = 6, .key_heads = 6, .head_size = 64, .vocabulary = 6144};
constexpr double strength = 0.005;
#endif

Key key() {
    Key made = Key::generate(KeyKind::watermark);
    return made;
}

using Attack = std::function<void(Transformer&, Random&)>;

struct Case {
    const char* name;
    Attack attack;
};

/// A model, marked once for all cases.
struct Marked {
    explicit Marked(const Transformer& transformer) : original(model_of(transformer, "BF16")), like(transformer) {
        const TemporaryFolder folder;
        save_model(transformer, folder / "original", "BF16");
        const auto source = open_model(folder / "original");
        MarkOptions options{.owner = "acme", .model_id = "model", .strength = strength};
        record = mark(*source, folder / "marked", owner, options).record;
        marked = transformer_of(*open_model(folder / "marked"), transformer);
    }
    MemoryModel original;
    const Transformer& like;
    Key owner = key();
    WatermarkRecord record;
    Transformer marked;

    Detection attacked(const Attack& attack) const {
        Transformer suspect = marked;
        Random random(7);
        attack(suspect, random);
        return detect(model_of(suspect, "BF16"), owner, record, {.original = &original});
    }
};

void report(const char* name, const Detection& d) {
    fmt::print("{:40}", name);
    for (const auto& c : d.correlations) fmt::print(" {:8.2f}", c ? c->t() : 0.0);
    fmt::print("\n");
}

} // namespace

TEST_CASE("symmetries of a Llama are undone") {
    const Transformer transformer = random_llama(llama_shape, 1);
    const Marked marked(transformer);
    const Case cases[] = {
        {"nothing", [](Transformer&, Random&) {}},
        {"int4", [](Transformer& t, Random&) { quantize_int4(t); }},
        {"gains", [](Transformer& t, Random& r) { rescale_gains(t, r, 0.5); quantize_int4(t);}},
        {"rotation", [](Transformer& t, Random& r) { rotate_residual(t, r); quantize_int4(t);}},
        {"signed permutation", [](Transformer& t, Random& r) { permute_residual(t, r, true); quantize_int4(t);}},
        {"neurons", [](Transformer& t, Random& r) { permute_neurons(t, r, false); quantize_int4(t);}},
        {"neurons scaled", [](Transformer& t, Random& r) { permute_neurons(t, r, true); quantize_int4(t);}},
        {"heads", [](Transformer& t, Random& r) { permute_heads(t, r); quantize_int4(t);}},
        {"values", [](Transformer& t, Random& r) { mix_values(t, r); quantize_int4(t);}},
        {"queries", [](Transformer& t, Random& r) { turn_queries(t, r); quantize_int4(t);}},
        {"residual scale", [](Transformer& t, Random&) { scale_residual(t, 3); quantize_int4(t);}},
        {"neurons scaled, rotation", [](Transformer& t, Random& r) { permute_neurons(t, r, true); rotate_residual(t, r); quantize_int4(t);}},
        {"everything, permutation", [](Transformer& t, Random& r) { rescale_gains(t, r, 0.5); permute_residual(t, r, true); permute_neurons(t, r, true); permute_heads(t, r); mix_values(t, r); turn_queries(t, r); scale_residual(t, 3); quantize_int4(t);}},
        {"everything, rotation, no int4", [](Transformer& t, Random& r) { permute_neurons(t, r, true); permute_heads(t, r); mix_values(t, r); turn_queries(t, r); scale_residual(t, 3); rotate_residual(t, r);}},
        {"everything, rotation", [](Transformer& t, Random& r) { permute_neurons(t, r, true); permute_heads(t, r); mix_values(t, r); turn_queries(t, r); scale_residual(t, 3); rotate_residual(t, r); quantize_int4(t);}},
    };
    for (const Case& c : cases) {
        const Detection found = marked.attacked(c.attack);
        report(c.name, found);
        INFO(c.name);
        CHECK(found.significance.log10_p <= -30);
    }
}

TEST_CASE("symmetries of a BERT are undone") {
    const Transformer transformer = random_bert(bert_shape, 1);
    const Marked marked(transformer);
    const Case cases[] = {
        {"int4", [](Transformer& t, Random&) { quantize_int4(t); }},
        {"permutation", [](Transformer& t, Random& r) { permute_bert_residual(t, r); quantize_int4(t);}},
        {"neurons", [](Transformer& t, Random& r) { permute_bert_neurons(t, r); quantize_int4(t);}},
        {"heads", [](Transformer& t, Random& r) { permute_bert_heads(t, r); quantize_int4(t);}},
        {"mix", [](Transformer& t, Random& r) { mix_bert_heads(t, r); quantize_int4(t);}},
        {"everything", [](Transformer& t, Random& r) { permute_bert_residual(t, r); permute_bert_neurons(t, r); permute_bert_heads(t, r); mix_bert_heads(t, r); quantize_int4(t);}},
    };
    for (const Case& c : cases) {
        const Detection found = marked.attacked(c.attack);
        report(c.name, found);
        INFO(c.name);
        CHECK(found.significance.log10_p <= -30);
    }
}

} // namespace weightseal::testing

// A thief rewrites a marked model into another one that computes the same, and rounds it to 4 bits: with the original,
// the mark is found all the same.

#include "support/symmetries.hpp"
#include "support/catch.hpp"
#include "support/watermark.hpp"

#include <functional>

namespace weightseal::testing {
namespace {

#ifdef WEIGHTSEAL_SANITIZED
constexpr TransformerShape llama{.neurons = 384, .heads = 4, .key_heads = 2, .head_size = 32};
constexpr TransformerShape bert{.neurons = 512, .heads = 4, .key_heads = 4, .head_size = 32};
#else
constexpr TransformerShape llama{.width = 256, .neurons = 704, .head_size = 32, .vocabulary = 2048};
constexpr TransformerShape bert{.width = 256, .neurons = 1024, .key_heads = 8, .head_size = 32, .vocabulary = 2048};
#endif

struct Attack {
    const char* name;
    std::function<void(Transformer&, Random&)> apply;
    bool is_hidden = true; ///< whether nothing is left where it was
};

/// A model and its marked copy.
class Victim {
  public:
    explicit Victim(const Transformer& transformer)
        : original_(model_of(transformer, "BF16")),
          marked_(marked(tensors_of(transformer, "BF16"), watermark_key(1), mark_options(max_strength))),
          thiefs_(transformer_of(model_of(marked_.tensors), transformer)) {}

    void check(const Attack& attack) const {
        INFO(attack.name);
        Transformer suspect = thiefs_;
        Random random(7);
        attack.apply(suspect, random);
        quantize_int4(suspect);
        const Detection found =
            detect(model_of(suspect, "BF16"), watermark_key(1), marked_.report.record, {.original = &original_});
        CHECK(found.significance.log10_p <= -30);
        if (!attack.is_hidden) return;
        CHECK(at(found.correlations, Statistic::blind_white).t() < 5);
        CHECK(at(found.correlations, Statistic::blind_sign).t() < 5);
    }

  private:
    MemoryModel original_;
    Marked marked_;
    Transformer thiefs_;
};

} // namespace

TEST_CASE("each symmetry of a Llama is undone") {
    const Victim victim(random_llama(llama, 1));
    for (const Attack& attack : std::vector<Attack>{
             {"gains rescaled", [](Transformer&m, Random&r) { rescale_gains(m, r, 0.5); }, false},
             {"residual permuted", [](Transformer&m, Random&r) { permute_residual(m, r, true); }},
             {"residual rotated", [](Transformer&m, Random&r) { rotate_residual(m, r); }},
             {"residual scaled", [](Transformer&m, Random&) { scale_residual(m, 3); }, false},
             {"neurons permuted and scaled", [](Transformer&m, Random&r) { permute_neurons(m, r, true); }, false},
             {"heads permuted", [](Transformer&m, Random&r) { permute_heads(m, r); }, false},
             {"values mixed", [](Transformer&m, Random&r) { mix_values(m, r); }, false},
             {"queries turned", [](Transformer&m, Random&r) { turn_queries(m, r); }, false},
         })
        victim.check(attack);
}

TEST_CASE("all symmetries of a Llama together are undone") {
    const Victim victim(random_llama(llama, 1));
    victim.check({"residual permuted", [](Transformer& m, Random& r) {
                      rewrite_llama(m, r);
                      rescale_gains(m, r, 0.5);
                      permute_residual(m, r, true);
                  }});
    victim.check({"residual rotated", [](Transformer& m, Random& r) {
                      rewrite_llama(m, r);
                      rotate_residual(m, r);
                  }});
    victim.check({"vocabulary permuted, residual rotated", [](Transformer& m, Random& r) {
                      rewrite_llama(m, r);
                      permute_vocabulary(m, r);
                      rotate_residual(m, r);
                  }});
}

TEST_CASE("each symmetry of a BERT is undone, and all together") {
    const Victim victim(random_bert(bert, 1));
    for (const Attack& attack : std::vector<Attack>{
             {"residual permuted", [](Transformer&m, Random&r) { permute_bert_residual(m, r); }},
             {"neurons permuted", [](Transformer&m, Random&r) { permute_bert_neurons(m, r); }, false},
             {"heads permuted", [](Transformer&m, Random&r) { permute_bert_heads(m, r); }, false},
             {"heads mixed", [](Transformer&m, Random&r) { mix_bert_heads(m, r); }, false},
             {"all of them", rewrite_bert},
         })
        victim.check(attack);
}

} // namespace weightseal::testing

// Measures what is left of a mark after its model was rewritten into another one that computes the same and rounded to
// 4 bits: prints one JSON object a line for each attack. `bench_watermark_symmetries [THREADS]`; all processors unless
// told.

#include "support/symmetries.hpp"
#include "support/watermark.hpp"

#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <malloc.h>
#include <sstream>

namespace {

using namespace weightseal;
using namespace weightseal::testing;

constexpr double strength = 0.005;
constexpr TransformerShape llama{
    .layers = 4, .width = 512, .neurons = 1408, .heads = 8, .key_heads = 4, .head_size = 64, .vocabulary = 4096};
constexpr TransformerShape bert{
    .layers = 6, .width = 384, .neurons = 1536, .heads = 12, .key_heads = 12, .head_size = 32, .vocabulary = 14592};

struct Attack {
    const char* name;
    std::function<void(Transformer&, Random&)> apply;
};

const std::vector<Attack> llama_attacks{
    {"nothing", [](Transformer&, Random&) {}},
    {"gains rescaled", [](Transformer& m, Random& r) { rescale_gains(m, r, 0.5); }},
    {"residual permuted, with signs", [](Transformer& m, Random& r) { permute_residual(m, r, true); }},
    {"residual rotated", [](Transformer& m, Random& r) { rotate_residual(m, r); }},
    {"residual scaled", [](Transformer& m, Random&) { scale_residual(m, 3); }},
    {"vocabulary permuted", [](Transformer& m, Random& r) { permute_vocabulary(m, r); }},
    {"neurons permuted", [](Transformer& m, Random& r) { permute_neurons(m, r, false); }},
    {"neurons permuted and scaled", [](Transformer& m, Random& r) { permute_neurons(m, r, true); }},
    {"heads permuted", [](Transformer& m, Random& r) { permute_heads(m, r); }},
    {"values and outputs mixed", [](Transformer& m, Random& r) { mix_values(m, r); }},
    {"queries and keys turned", [](Transformer& m, Random& r) { turn_queries(m, r); }},
    {"neurons permuted and scaled, residual rotated",
     [](Transformer& m, Random& r) {
         permute_neurons(m, r, true);
         rotate_residual(m, r);
     }},
    {"all of them, residual permuted",
     [](Transformer& m, Random& r) {
         rewrite_llama(m, r);
         rescale_gains(m, r, 0.5);
         permute_residual(m, r, true);
     }},
    {"all of them, residual rotated",
     [](Transformer& m, Random& r) {
         rewrite_llama(m, r);
         rotate_residual(m, r);
     }},
    {"all of them, vocabulary permuted, residual rotated",
     [](Transformer& m, Random& r) {
         rewrite_llama(m, r);
         permute_vocabulary(m, r);
         rotate_residual(m, r);
     }},
};

const std::vector<Attack> bert_attacks{
    {"nothing", [](Transformer&, Random&) {}},
    {"residual permuted", [](Transformer& m, Random& r) { permute_bert_residual(m, r); }},
    {"neurons permuted", [](Transformer& m, Random& r) { permute_bert_neurons(m, r); }},
    {"heads permuted", [](Transformer& m, Random& r) { permute_bert_heads(m, r); }},
    {"heads mixed", [](Transformer& m, Random& r) { mix_bert_heads(m, r); }},
    {"all of them", rewrite_bert},
};

/// A field of /proc/self/status in bytes; 0 where there is none.
std::uint64_t memory(const std::string& field) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(field + ":")) {
            std::uint64_t kibibytes = 0;
            std::istringstream(line.substr(field.size() + 1)) >> kibibytes;
            return kibibytes << 10;
        }
    return 0;
}

void measure(const char* name, const Transformer& original, const std::vector<Attack>& attacks, unsigned threads) {
    const Key key = watermark_key(1);
    const std::vector<TensorData> tensors = tensors_of(original, "BF16");
    const Marked made = marked(tensors, key, mark_options(strength, threads));
    const MemoryModel original_model = model_of(original, "BF16");
    const Transformer thiefs = transformer_of(model_of(made.tensors), original);
    for (const Attack& attack : attacks) {
        MemoryModel suspect;
        {
            Transformer attacked = thiefs;
            Random random(7);
            attack.apply(attacked, random);
            quantize_int4(attacked);
            suspect = model_of(attacked, "BF16");
        }
        DetectOptions options{.original = &original_model};
        options.parallel.threads = threads;
        (void)malloc_trim(0);                          // what was freed does not count
        std::ofstream("/proc/self/clear_refs") << "5"; // the peak starts from here
        const std::uint64_t before = memory("VmRSS");
        const auto begin = std::chrono::steady_clock::now();
        const Detection found = detect(suspect, key, made.report.record, options);
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        fmt::print("{{\"model\": \"{}\", \"weights\": {}, \"attack\": \"{}\"", name, found.matched_elements,
                   attack.name);
        for (std::size_t i = 0; i < statistic_count; ++i)
            fmt::print(", \"{}\": {:.2f}", statistic_name(static_cast<Statistic>(i)),
                       found.correlations[i] ? found.correlations[i]->t() : 0.0);
        fmt::print(", \"log10_p\": {:.2f}, \"seconds\": {:.2f}, \"memory_mib\": {}}}\n", found.significance.log10_p,
                   seconds, (memory("VmHWM") - before) >> 20);
        std::fflush(stdout);
    }
}

} // namespace

int main(int count, char** values) {
    try {
        const unsigned threads = count > 1 ? static_cast<unsigned>(std::stoul(values[1])) : 0;
        for (const bool is_realistic : {true, false}) {
            const std::string kind = is_realistic ? "realistic " : "normal ";
            TransformerShape shape = llama;
            shape.is_realistic = is_realistic;
            measure((kind + "Llama").c_str(), random_llama(shape, 1), llama_attacks, threads);
            shape = bert;
            shape.is_realistic = is_realistic;
            measure((kind + "BERT").c_str(), random_bert(shape, 1), bert_attacks, threads);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_watermark_symmetries: %s\n", error.what());
        return 1;
    }
}

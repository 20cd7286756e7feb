// The null of alignment: it searches, but without the key. Whatever it makes of a suspect is, for a key that had no
// part in it, one more set of weights.

#include "support/alignment.hpp"
#include "support/watermark.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace weightseal::testing {
namespace {

#ifdef WEIGHTSEAL_SANITIZED
constexpr std::uint64_t key_count = 50;
#else
constexpr std::uint64_t key_count = 500;
#endif
constexpr TransformerShape shape{
    .layers = 1, .width = 64, .neurons = 96, .heads = 4, .key_heads = 2, .head_size = 16, .vocabulary = 128};

void rewrite(Transformer& model) {
    Random random(3);
    permute_neurons(model, random, true);
    permute_heads(model, random);
    mix_values(model, random);
    rotate_residual(model, random);
}

/// Floats as the tensors of the record that they are named after, of F32.
std::vector<TensorData> tensors_like(const Aligned& aligned, const WatermarkRecord& record) {
    std::vector<TensorData> tensors;
    for (const RecordTensor& tensor : record.tensors)
        if (const auto found = aligned.tensors.find(tensor.name); tensor.mark && found != aligned.tensors.end()) {
            TensorData made{tensor.name, "F32", tensor.shape, Data(found->second.size() * sizeof(float))};
            std::memcpy(made.data.data(), found->second.data(), made.data.size());
            tensors.push_back(std::move(made));
        }
    return tensors;
}

/// What the informed statistics are taken of.
std::vector<TensorData> differences(Aligned aligned, const Transformer& original, const WatermarkRecord& record) {
    const auto floats = floats_of(original);
    for (auto& [name, values] : aligned.tensors)
        std::ranges::transform(values, floats.at(name), values.begin(), std::minus{});
    return tensors_like(aligned, record);
}

void check_null(const std::vector<TensorData>& suspect, WatermarkRecord record) {
    std::vector<double> white, sign;
    for (std::uint64_t i = 0; i < key_count; ++i) {
        const Key key = watermark_key(1000 + i);
        commit_to(record, key);
        const Detection found = detection(suspect, key, record);
        CHECK(found.verdict != Verdict::detected);
        white.push_back(at(found.correlations, Statistic::blind_white).t());
        sign.push_back(at(found.correlations, Statistic::blind_sign).t());
    }
    const auto n = static_cast<double>(key_count);
    for (const std::vector<double>& found : {white, sign}) {
        for (const double t : {2.0, 3.0}) // that of a normal distribution is less than a fifth of the bound
            CHECK(static_cast<double>(std::ranges::count_if(found, [&](double value) { return value >= t; })) <=
                  n * std::exp(-t * t / 2));
        CHECK(std::ranges::max(found) < 5);
        CHECK(std::abs(std::accumulate(found.begin(), found.end(), 0.0)) < 5 * std::sqrt(n));
    }
}

} // namespace

TEST_CASE("alignment of models that carry no mark detects no key's") {
    const Transformer original = random_llama(shape, 1);
    Transformer suspect = original;
    SECTION("a copy, tuned") {
        Random random(4);
        for (auto& weight : suspect.weights)
            weight.values = weight.values.unaryExpr([&](double w) { return w * (1 + 0.02 * random.normal()); });
    }
    SECTION("a copy, rewritten and rounded") {
        rewrite(suspect);
        quantize_int4(suspect);
    }
    SECTION("an independent model") {
        suspect = random_llama(shape, 99);
    }
    SECTION("one row of the original, everywhere") {
        for (auto& weight : suspect.weights)
            if (!weight.is_vector) weight.values.rowwise() = Eigen::RowVectorXd(weight.values.row(0));
    }
    const WatermarkRecord record = record_of(tensors_of(original), watermark_key(1));
    const Aligned aligned = align(model_of(original), model_of(suspect), record);
    check_null(tensors_like(aligned, record), record);
    check_null(differences(aligned, original, record), record);
}

TEST_CASE("alignment does not depend on the key") {
    const Transformer original = random_llama(shape, 1);
    const std::vector<TensorData> tensors = tensors_of(original);
    const Marked made = marked(tensors, watermark_key(1), mark_options(max_strength));
    Transformer suspect = transformer_of(model_of(made.tensors), original);
    rewrite(suspect);
    const MemoryModel model = model_of(original), other = model_of(suspect);
    const Aligned owners = align(model, other, made.report.record);
    const Aligned strangers = align(model, other, record_of(tensors, watermark_key(2)));
    CHECK(owners.tensors.size() == strangers.tensors.size());
    for (const auto& [name, values] : owners.tensors) {
        INFO(name);
        CHECK(std::memcmp(values.data(), strangers.at(name).data(), values.size() * sizeof(float)) == 0);
    }
}

TEST_CASE("whoever gets the aligned tensors can compute the statistics again") {
    const Transformer original = random_llama(shape, 1);
    const Key key = watermark_key(1);
    const Marked made = marked(tensors_of(original), key, mark_options(max_strength));
    Transformer suspect = transformer_of(model_of(made.tensors), original);
    rewrite(suspect);
    const MemoryModel model = model_of(original), other = model_of(suspect);
    const WatermarkRecord& record = made.report.record;
    const Correlations found = detect(other, key, record, {.original = &model}).correlations;
    const Aligned aligned = align(model, other, record);
    const auto check = [&](const std::vector<TensorData>& weights, Statistic white, Statistic sign) {
        const Correlations again = detection(weights, key, record).correlations;
        for (const auto& [mine, theirs] :
             {std::pair{white, Statistic::blind_white}, std::pair{sign, Statistic::blind_sign}}) {
            CHECK((at(found, mine) == at(again, theirs)));
        }
    };
    check(tensors_like(aligned, record), Statistic::aligned_white, Statistic::aligned_sign);
    check(differences(aligned, original, record), Statistic::informed_white, Statistic::informed_sign);
}

} // namespace weightseal::testing

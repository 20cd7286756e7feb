// Detection: statistics, verdicts and what becomes of casts, cuts and damaged suspects.

#include "weightseal/watermark/detect.hpp"
#include "formats/dequantize.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/watermark.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace weightseal::testing {
namespace {

struct Example {
    std::vector<TensorData> original;
    Marked marked;
};

// Enough weights for a z of about 9, marked once for all cases.
const Example& example() {
    static const Example made = [] {
        Example result;
        result.original = {normal_tensor("a.weight", "F32", {500, 384}, 1),
                           normal_tensor("b.weight", "BF16", {300, 200}, 2), normal_tensor("norm", "F32", {300}, 3),
                           make_tensor("ids", "I64", {4, 8})};
        result.marked = marked(result.original, watermark_key(1), mark_options(max_strength));
        return result;
    }();
    return made;
}

Detection look(const std::vector<TensorData>& suspect) {
    return detection(suspect, watermark_key(1), example().marked.report.record);
}

TensorData& find(std::vector<TensorData>& tensors, std::string_view name) {
    return *std::ranges::find(tensors, name, &TensorData::name);
}

TensorData as(const TensorData& tensor, const std::string& dtype) {
    const std::vector<float> values = values_of(tensor);
    return {tensor.name, dtype, tensor.shape, stored(dtype, {values.begin(), values.end()})};
}

// The nearest value of the E4M3 type, after scaling to its range.
TensorData as_fp8(const TensorData& tensor) {
    std::array<float, 256> table;
    Data patterns(256);
    for (std::size_t i = 0; i < patterns.size(); ++i)
        patterns[i] = static_cast<std::byte>(i);
    formats::to_floats(Dtype::f8_e4m3, patterns, table);
    TensorData cast{tensor.name, "F8_E4M3", tensor.shape, {}};
    for (const float value : values_of(tensor)) {
        std::size_t best = 0;
        for (std::size_t i = 0; i < table.size(); ++i)
            if (std::abs(table[i] - 1000 * value) < std::abs(table[best] - 1000 * value)) best = i;
        cast.data.push_back(static_cast<std::byte>(best));
    }
    return cast;
}

} // namespace

TEST_CASE("a marked model is detected, the original and other keys are not") {
    const Detection found = look(example().marked.tensors);
    CHECK(found.verdict == Verdict::detected);
    CHECK(found.significance.z > 0.7 * max_strength * std::sqrt(252'000.0));
    CHECK(found.significance.log10_p < -9);
    CHECK(found.matched_elements == 252'000);
    CHECK(found.nonfinite == 0);
    CHECK(found.family == ModelFamily::none);

    CHECK(look(example().original).verdict == Verdict::not_enough_evidence); // 6.03 is expected of so few weights
    CHECK(look(example().original).significance.z < 5);
    const WatermarkRecord other = record_of(example().original, watermark_key(2));
    CHECK(detection(example().marked.tensors, watermark_key(2), other).verdict != Verdict::detected);
}

TEST_CASE("verdicts by threshold and by what could be expected") {
    const auto verdict = [](const std::vector<TensorData>& suspect, double max_log10_p, double strength) {
        WatermarkRecord record = example().marked.report.record;
        record.strength = strength;
        DetectOptions options;
        options.max_log10_p = max_log10_p;
        return detect(model_of(suspect), watermark_key(1), record, options).verdict;
    };
    const auto& marked = example().marked.tensors;
    const auto& original = example().original;
    CHECK(verdict(marked, -9, 0.02) == Verdict::detected);
    CHECK(verdict(marked, -38, 0.02) == Verdict::not_enough_evidence);
    CHECK(verdict(original, -5, 0.02) == Verdict::not_detected); // 5.1 is asked for, 6.0 expected
    CHECK(verdict(original, -9, 0.02) == Verdict::not_enough_evidence);
    CHECK(verdict(original, -9, 0.005) == Verdict::not_enough_evidence);
    std::vector<TensorData> empty = original; // nothing in it can tell anything
    for (TensorData& tensor : empty)
        std::ranges::fill(tensor.data, std::byte{0xFF});
    CHECK(verdict(empty, -5, 0.02) == Verdict::not_enough_evidence);
    CHECK(verdict(marked, std::log10(0x1p-128), 0.02) == Verdict::not_enough_evidence);
    for (const double threshold : {0.0, 1.0, -39.0, -1e300, std::numeric_limits<double>::quiet_NaN()})
        CHECK(refusal([&] { (void)verdict(marked, threshold, 0.02); }) == "invalid_argument");
}

TEST_CASE("an original in which the marked name is another name of a tensor") {
    const std::vector<TensorData> twins{normal_tensor("a", "F32", {80, 70}, 4), normal_tensor("b", "F32", {80, 70}, 4)};
    const Marked all = marked(twins, watermark_key(1), mark_options(0.02));
    MemoryModel original;
    original.add_alias("a", "F32", {80, 70}, original.add_tensor(twins[1]));
    DetectOptions options;
    options.original = &original;
    CHECK(detect(model_of(all.tensors), watermark_key(1), all.report.record, options).significance.z > 50);
}

TEST_CASE("a suspect is identified by its root, where that was asked for") {
    const WatermarkRecord& record = example().marked.report.record;
    DetectOptions options;
    CHECK_FALSE(detect(model_of(example().original), watermark_key(1), record, options).suspect_root);
    options.identify_suspect = true;
    CHECK(detect(model_of(example().original), watermark_key(1), record, options).suspect_root == record.root);
    CHECK(detect(model_of(example().marked.tensors), watermark_key(1), record, options).suspect_root != record.root);
}

TEST_CASE("the sums of a suspect are those of its tensors, and of tensors in memory") {
    const Detection found = look(example().marked.tensors);
    Correlation white, sign;
    for (const TensorDetection& tensor : found.tensors) {
        white += at(tensor.correlations, Statistic::blind_white);
        sign += at(tensor.correlations, Statistic::blind_sign);
        std::vector<TensorData> tensors = example().marked.tensors;
        const TensorData& data = find(tensors, tensor.name);
        const TensorCorrelation alone = correlate_tensor(watermark_key(1), example().marked.report.record, tensor.name,
                                                         dtype_from_name(data.dtype).value(), data.data);
        CHECK(alone.white == at(tensor.correlations, Statistic::blind_white));
        CHECK(alone.sign == at(tensor.correlations, Statistic::blind_sign));
    }
    CHECK(white == at(found.correlations, Statistic::blind_white));
    CHECK(sign == at(found.correlations, Statistic::blind_sign));
    CHECK(found.tensors.size() == 2);
    CHECK_FALSE(found.correlations[static_cast<std::size_t>(Statistic::aligned_white)]);
}

TEST_CASE("sums do not depend on the number of threads or their order") {
    const MemoryModel suspect = model_of(example().marked.tensors);
    const Detection first = look(example().marked.tensors);
    DetectOptions options;
    options.parallel.threads = 7;
    CHECK(detect(suspect, watermark_key(1), example().marked.report.record, options).correlations ==
          first.correlations);
    options.parallel.run = [](std::size_t count, const std::function<void(std::size_t)>& body) {
        while (count != 0)
            body(--count);
    };
    CHECK(detect(suspect, watermark_key(1), example().marked.report.record, options).correlations ==
          first.correlations);
}

TEST_CASE("casts to other dtypes keep the mark") {
    const double before = look(example().marked.tensors).significance.z;
    for (const std::string dtype : {"F64", "F32", "BF16", "F16"}) {
        std::vector<TensorData> suspect = example().marked.tensors;
        for (TensorData& tensor : suspect)
            if (tensor.dtype != "I64") tensor = as(tensor, dtype);
        const Detection found = look(suspect);
        CAPTURE(dtype);
        CHECK(found.significance.z > 0.97 * before);
        if (dtype == "F64") CHECK(found.correlations == look(example().marked.tensors).correlations);
    }
    std::vector<TensorData> suspect = example().marked.tensors;
    find(suspect, "a.weight") = as_fp8(find(suspect, "a.weight"));
    CHECK(look(suspect).significance.z > 0.9 * before);
    CHECK(look(suspect).matched_elements == 252'000);
}

TEST_CASE("the scale of a suspect's rows does not matter") {
    std::vector<TensorData> suspect = example().marked.tensors;
    TensorData& tensor = find(suspect, "a.weight");
    for (std::size_t i = 0; i < tensor.data.size(); i += 4)
        store_le(tensor.data, i, std::ldexp(load_le<float>(tensor.data, i), static_cast<int>(i / 4 / 384 % 40) - 20));
    CHECK(look(suspect).correlations == look(example().marked.tensors).correlations);
}

TEST_CASE("tensors that cannot be compared only lose their share") {
    const Detection all = look(example().marked.tensors);
    std::vector<TensorData> suspect = example().marked.tensors;
    find(suspect, "b.weight").dtype = "I16";
    const Detection found = look(suspect);
    CHECK(found.correlations[0] == all.tensors[0].correlations[0]);
    CHECK(found.matched_elements == 192'000);
    CHECK(found.tensors[1].matched_by == MatchedBy::nothing);
    CHECK(found.tensors[1].elements == 0);
    CHECK(found.tensors[1].suspect_name.empty());
}

TEST_CASE("NaN and infinite weights are counted and left out") {
    std::vector<TensorData> suspect = example().marked.tensors;
    TensorData& tensor = find(suspect, "a.weight");
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < 384; ++i) // a whole row
        store_le(tensor.data, 4 * i, std::nanf(""));
    for (std::size_t i = 1000; i < 1010; ++i)
        store_le(tensor.data, 4 * i, i % 2 == 0 ? infinity : -infinity);
    const Detection found = look(suspect);
    CHECK(found.nonfinite == 394);
    CHECK(found.tensors[0].nonfinite == 394);
    CHECK(found.verdict == Verdict::detected);

    for (std::size_t i = 0; i < tensor.data.size(); i += 4)
        store_le(tensor.data, i, std::nanf(""));
    const Detection rest = look(suspect);
    CHECK(at(rest.tensors[0].correlations, Statistic::blind_white) == Correlation{});
    CHECK(rest.nonfinite == 192'000);
}

TEST_CASE("zeros and constants carry nothing and break nothing") {
    for (const float value : {0.0F, 1.0F, -3e38F, 1e-40F}) {
        std::vector<TensorData> suspect = example().marked.tensors;
        for (const char* name : {"a.weight", "b.weight"}) {
            TensorData& tensor = find(suspect, name);
            const std::vector<double> values(tensor_bytes(Dtype::u8, tensor.shape), static_cast<double>(value));
            tensor.data = stored(tensor.dtype, values);
        }
        CAPTURE(value);
        CHECK(look(suspect).verdict != Verdict::detected);
        CHECK(std::abs(look(suspect).significance.z) < 5);
    }
}

TEST_CASE("tensors in memory may be cut after any row, and nothing else is taken") {
    const WatermarkRecord& record = example().marked.report.record;
    std::vector<TensorData> tensors = example().marked.tensors;
    const Bytes data = find(tensors, "a.weight").data;
    const auto correlate = [&](std::string_view name, Dtype dtype, Bytes bytes) {
        return correlate_tensor(watermark_key(1), record, name, dtype, bytes);
    };
    const TensorCorrelation front = correlate("a.weight", Dtype::f32, data.first(4UL * 384 * 100));
    CHECK(front.sign.q == 100 * 384);
    CHECK(correlate("a.weight", Dtype::f32, {}).white == Correlation{});
    CHECK(refusal([&] { (void)correlate("a.weight", Dtype::f32, data.first(4UL * 384 + 4)); }) == "destination_size");
    CHECK(refusal([&] { (void)correlate("a.weight", Dtype::f32, data.first(3)); }) == "destination_size");
    CHECK(refusal([&] { (void)correlate("a.weight", Dtype::bf16, data); }) == "destination_size");
    CHECK(refusal([&] { (void)correlate("norm", Dtype::f32, {}); }) == "no_such_tensor");
    CHECK(refusal([&] { (void)correlate("c.weight", Dtype::f32, {}); }) == "no_such_tensor");
    CHECK(refusal([&] { (void)correlate("a.weight", Dtype::i8, data.first(384)); }) == "unsupported");
    CHECK(refusal([&] { (void)correlate("a.weight", Dtype::f4, data.first(384)); }) == "unsupported");
    CHECK(refusal([&] { (void)correlate_tensor(watermark_key(2), record, "a.weight", Dtype::f32, data); }) ==
          "key_mismatch");
}

TEST_CASE("detection can be cancelled, and its hooks are called without a lock") {
    const MemoryModel suspect = model_of(example().marked.tensors);
    DetectOptions options;
    options.hooks.cancelled = [] { return true; };
    const auto detecting = [&] { (void)detect(suspect, watermark_key(1), example().marked.report.record, options); };
    CHECK(refusal(detecting) == "cancelled");

    options.hooks.cancelled = {};
    std::uint64_t last = 0;
    // A hook that detects on its own would wait for ever on a lock that its caller holds.
    options.parallel.threads = 1;
    options.hooks.progress = [&](std::uint64_t done, std::uint64_t total) {
        CHECK(done <= total);
        last = std::max(last, done);
        CHECK(look(example().original).verdict != Verdict::detected);
    };
    detecting();
    CHECK(last == 192'000 * 4 + 60'000 * 2);
}

TEST_CASE("names of verdicts and of ways to match") {
    CHECK(verdict_name(Verdict::detected) == "detected");
    CHECK(verdict_name(Verdict::not_detected) == "not detected");
    CHECK(verdict_name(Verdict::not_enough_evidence) == "not enough evidence");
    CHECK(matched_by_name(MatchedBy::name_part) == "name part");
    CHECK(matched_by_name(MatchedBy::sketch) == "sketch");
    CHECK(matched_by_name(MatchedBy::nothing) == "nothing");
    CHECK(matched_by_name(MatchedBy::name) == "name");
}

} // namespace weightseal::testing

// What marking and detection must refuse: wrong keys, wrong originals, models that cannot carry a mark.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/watermark.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weightseal::testing {
namespace {

std::vector<TensorData> model() {
    return {normal_tensor("a", "F32", {64, 100}, 1), normal_tensor("b", "BF16", {64, 100}, 2),
            normal_tensor("norm", "F32", {100}, 3)};
}

std::string marking(const std::vector<TensorData>& tensors, const MarkOptions& options,
                    const Key& key = watermark_key(1)) {
    return refusal([&] { (void)marked(tensors, key, options); });
}

const Marked& example() {
    static const Marked made = marked(model(), watermark_key(1), mark_options(max_strength));
    return made;
}

std::string detecting(const Key& key, const WatermarkRecord& record, const ModelSource* original = nullptr,
                      const std::vector<TensorData>& suspect = example().tensors) {
    DetectOptions options;
    options.original = original;
    options.parallel.threads = 1;
    return refusal([&] { (void)detect(model_of(suspect), key, record, options); });
}

std::vector<TensorData> all_of(const std::string& dtype) {
    return {make_tensor("a", dtype, {64, 128}, 1), make_tensor("norm", "F32", {128}, 2)};
}

TensorData constant(const std::string& dtype, double value) {
    return {"a", dtype, {64, 100}, stored(dtype, std::vector<double>(6400, value))};
}

} // namespace

TEST_CASE("keys of another kind neither mark nor detect, nor sign a record") {
    for (const KeyKind kind : {KeyKind::seal, KeyKind::recipient, KeyKind::signing}) {
        CHECK(marking(model(), mark_options(), Key::generate(kind)) == "key_kind");
        CHECK(detecting(Key::generate(kind), example().report.record) == "key_kind");
    }
    MarkOptions signing = mark_options();
    signing.signing_key = watermark_key(1);
    CHECK(marking(model(), signing) == "key_kind");
    CHECK(marking(model(), mark_options(), {KeyKind::watermark, {}}) == "invalid_argument");
}

TEST_CASE("a key that the record does not commit to detects nothing, by name") {
    CHECK(detecting(watermark_key(1), example().report.record) == "nothing refused");
    CHECK(detecting(watermark_key(2), example().report.record) == "key_mismatch");
    // Whatever goes into the keys is bound by the same commitment.
    const auto altered = [](const auto& alter) {
        WatermarkRecord record = example().report.record;
        alter(record);
        return detecting(watermark_key(1), record);
    };
    CHECK(altered([](WatermarkRecord& record) { record.owner = "another"; }) == "key_mismatch");
    CHECK(altered([](WatermarkRecord& record) { record.model_id = "another"; }) == "key_mismatch");
    CHECK(altered([](WatermarkRecord& record) { record.root[0] ^= std::byte{1}; }) == "key_mismatch");
    CHECK(altered([](WatermarkRecord& record) { record.tensors[0].shape = {100, 64}; }) == "key_mismatch");
    CHECK(altered([](WatermarkRecord& record) { record.tensors[0].name = "A"; }) == "key_mismatch");
    CHECK(altered([](WatermarkRecord& record) { record.tensors[1].mark->commitment[31] ^= std::byte{1}; }) ==
          "key_mismatch");
}

TEST_CASE("an original with another root is refused, whatever differs") {
    const MemoryModel right = model_of(model());
    CHECK(detecting(watermark_key(1), example().report.record, &right) == "nothing refused");
    const auto altered = [](const auto& alter) {
        std::vector<TensorData> tensors = model();
        alter(tensors);
        const MemoryModel original = model_of(tensors);
        return detecting(watermark_key(1), example().report.record, &original);
    };
    CHECK(altered([](auto& tensors) { tensors[0].data[777] ^= std::byte{1}; }) == "original_mismatch");
    CHECK(altered([](auto& tensors) { tensors[2].data[0] ^= std::byte{1}; }) == "original_mismatch"); // not marked
    CHECK(altered([](auto& tensors) { tensors[0].name = "c"; }) == "original_mismatch");
    CHECK(altered([](auto& tensors) { std::swap(tensors[0].shape[0], tensors[0].shape[1]); }) == "original_mismatch");
    CHECK(altered([](auto& tensors) { tensors.pop_back(); }) == "original_mismatch");
    CHECK(altered([](auto& tensors) { tensors.push_back(make_tensor("d", "U8", {1})); }) == "original_mismatch");
    CHECK(altered([](auto& tensors) { tensors = example().tensors; }) == "original_mismatch"); // the marked one
    CHECK(altered([](auto& tensors) { std::ranges::reverse(tensors); }) == "nothing refused"); // order is no content
}

TEST_CASE("a suspect that holds none of the marked tensors is refused") {
    const auto refused = [](const std::vector<TensorData>& suspect) {
        return detecting(watermark_key(1), example().report.record, nullptr, suspect);
    };
    CHECK(refused({}) == "no_common_tensor");
    CHECK(refused({normal_tensor("c", "F32", {10, 10})}) == "no_common_tensor");
    CHECK(refused({model()[2]}) == "no_common_tensor");
    CHECK(refused({normal_tensor("a", "F32", {64, 101})}) == "no_common_tensor");
    CHECK(refused({make_tensor("a", "I8", {64, 100})}) == "no_common_tensor");
    CHECK(refused({make_tensor("a", "F4", {64, 100})}) == "no_common_tensor");
    WatermarkRecord unmarked = example().report.record;
    for (RecordTensor& tensor : unmarked.tensors)
        tensor.mark.reset();
    CHECK(detecting(watermark_key(1), unmarked) == "no_common_tensor");
    CHECK(detecting(watermark_key(1), {}) == "no_common_tensor");
}

TEST_CASE("strengths out of range are refused before anything is written") {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    for (const double strength : {0.0, 0.0000999, 0.0200001, -0.005, 1.0, infinity, -infinity, std::nan("")})
        CHECK(marking(model(), mark_options(strength)) == "bad_strength");
    CHECK(marking(model(), mark_options(min_strength)) == "nothing refused");
    CHECK(marking(model(), mark_options(max_strength)) == "nothing refused");
}

TEST_CASE("dtypes whose steps are coarser than a mark are refused by name") {
    for (const std::string dtype : {"F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}) {
        CHECK(marking(all_of(dtype), mark_options()) == "unmarkable_dtype");
        // One is enough: the rest alone would carry less than promised.
        std::vector<TensorData> mixed = model();
        mixed.push_back(make_tensor("fp8", dtype, {64, 128}));
        CHECK(marking(mixed, mark_options()) == "unmarkable_dtype");
        MarkOptions others = mark_options();
        others.tensors = {"a", "b"};
        CHECK(marking(mixed, others) == "nothing refused");
    }
    for (const std::string dtype : {"I8", "U8", "I32", "I64", "BOOL", "F4", "C64"}) {
        MarkOptions chosen = mark_options();
        chosen.tensors = {"a"};
        CHECK(marking(all_of(dtype), chosen) == "unmarkable_dtype");
        CHECK(marking(all_of(dtype), mark_options()) == "nothing_to_mark");
    }
}

TEST_CASE("models without anything to mark are refused") {
    CHECK(marking({}, mark_options()) == "nothing_to_mark");
    CHECK(marking({normal_tensor("norm", "F32", {1 << 16})}, mark_options()) == "nothing_to_mark");
    CHECK(marking({normal_tensor("small", "F32", {63, 65})}, mark_options()) == "nothing_to_mark");
    CHECK(marking({normal_tensor("empty", "F32", {0, 5000})}, mark_options()) == "nothing_to_mark");
    CHECK(marking({{"long", "BF16", {1, (1U << 20) + 1}, Data(2 * ((1U << 20) + 1))}}, mark_options()) ==
          "nothing_to_mark");
    for (const std::string dtype : {"F64", "F32", "F16", "BF16"}) {
        CHECK(marking({constant(dtype, 0.0)}, mark_options()) == "nothing_to_mark");
        CHECK(marking({constant(dtype, -0.0)}, mark_options()) == "nothing_to_mark");
        CHECK(marking({constant(dtype, std::numeric_limits<double>::infinity())}, mark_options()) ==
              (dtype == "F16" ? "nothing refused" : "nothing_to_mark")); // F16 holds 65504 then
    }
    CHECK(marking({constant("F32", 1e-33)}, mark_options()) == "nothing_to_mark"); // rows have no scale
    CHECK(marking({constant("F32", 1e-42)}, mark_options()) == "nothing_to_mark");
}

TEST_CASE("a constant tensor is marked, and counts for what it carries") {
    for (const std::string dtype : {"F64", "F32", "F16", "BF16"}) {
        const std::vector<TensorData> original{constant(dtype, 0.75)};
        const Marked found = marked(original, watermark_key(1), mark_options(max_strength));
        CAPTURE(dtype);
        CHECK(found.tensors[0].data != original[0].data);
        CHECK(detection(original, watermark_key(1), found.report.record).verdict != Verdict::detected);
        // Nothing but the mark varies in it: features are 32 and a little, and their signs are all the same.
        CHECK(std::abs(found.report.found.z) < 6);
    }
}

TEST_CASE("NaN and infinite weights pass through marking, and are reported") {
    std::vector<TensorData> tensors = model();
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < 50; ++i)
        store_le(tensors[0].data, 4 * i, i % 2 == 0 ? infinity : std::nanf(""));
    const Marked found = marked(tensors, watermark_key(1), mark_options(max_strength));
    CHECK(found.report.nonfinite == 50);
    CHECK(std::equal(tensors[0].data.begin(), tensors[0].data.begin() + 200, found.tensors[0].data.begin()));
    const Detection detected = detection(found.tensors, watermark_key(1), found.report.record);
    CHECK(detected.nonfinite == 50);
    CHECK(detected.significance.z == found.report.found.z);
}

} // namespace weightseal::testing

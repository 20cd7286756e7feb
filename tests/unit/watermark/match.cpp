// Matching: which tensor of a suspect stands for which of the record.

#include "watermark/match.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/watermark.hpp"
#include "watermark/sketch.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::testing {
namespace {

std::vector<TensorData> tensors() {
    return {normal_tensor("layers.0.up.weight", "F32", {40, 100}, 1),
            normal_tensor("layers.1.up.weight", "F32", {40, 100}, 2),
            normal_tensor("layers.0.down.weight", "BF16", {100, 40}, 3), normal_tensor("embed", "F32", {60, 70}, 4),
            normal_tensor("norm", "F32", {100}, 5)};
}

const WatermarkRecord& record() {
    static const WatermarkRecord made = record_of(tensors(), watermark_key(1));
    return made;
}

TensorData& find(std::vector<TensorData>& all, std::string_view name) {
    return *std::ranges::find(all, name, &TensorData::name);
}

/// What stands for each tensor of the record: "embed=NAME:how:elements", for those that are not matched by name whole.
std::string unusual(const std::vector<TensorData>& suspect, const WatermarkRecord& of = record()) {
    const MemoryModel model = model_of(suspect);
    const std::vector<watermark::Match> matches = watermark::match_tensors(model, of);
    std::string text;
    for (std::size_t i = 0; i < matches.size(); ++i) {
        const RecordTensor& tensor = of.tensors[i];
        const auto& [entry, by, elements] = matches[i];
        const std::string name = entry ? model.entries()[*entry].name : "";
        if (name == tensor.name && by == MatchedBy::name && elements == tensor_bytes(Dtype::u8, tensor.shape)) continue;
        text +=
            tensor.name + "=" + name + ":" + std::string(matched_by_name(by)) + ":" + std::to_string(elements) + " ";
    }
    return text;
}

} // namespace

TEST_CASE("tensors of the same name stand for each other, in any order and dtype") {
    std::vector<TensorData> suspect = tensors();
    CHECK(unusual(suspect).empty());
    std::ranges::reverse(suspect);
    const std::vector<float> values = values_of(find(suspect, "embed"));
    find(suspect, "embed") = {"embed", "F16", {60, 70}, stored("F16", {values.begin(), values.end()})};
    CHECK(unusual(suspect).empty());
}

TEST_CASE("leading components of names may be added or dropped") {
    std::vector<TensorData> suspect = tensors();
    for (TensorData& tensor : suspect)
        tensor.name = "base_model.model." + tensor.name;
    find(suspect, "base_model.model.layers.0.down.weight").data = Data(100 * 40 * 2); // not by content
    CHECK(unusual(suspect).starts_with("embed=base_model.model.embed:name part:4200 "
                                       "layers.0.down.weight=base_model.model.layers.0.down.weight:name part:4000 "));
    suspect = tensors();
    find(suspect, "layers.0.down.weight").name = "down.weight";
    CHECK(unusual(suspect) == "layers.0.down.weight=down.weight:name part:4000 ");
}

TEST_CASE("a part of a name that fits two tensors decides nothing, but content does") {
    std::vector<TensorData> suspect = tensors();
    find(suspect, "layers.0.up.weight").name = "student.up.weight";
    find(suspect, "layers.1.up.weight").name = "teacher.up.weight";
    CHECK(unusual(suspect) == "layers.0.up.weight=student.up.weight:sketch:4000 "
                              "layers.1.up.weight=teacher.up.weight:sketch:4000 ");
}

TEST_CASE("renamed and reshaped tensors are found by their content") {
    std::vector<TensorData> suspect = tensors();
    find(suspect, "layers.0.up.weight").name = "q";
    find(suspect, "layers.0.down.weight") = {"r", "BF16", {4000}, find(suspect, "layers.0.down.weight").data};
    CHECK(unusual(suspect) == "layers.0.down.weight=r:sketch:4000 layers.0.up.weight=q:sketch:4000 ");
    suspect.push_back(normal_tensor("decoy", "F32", {40, 100}, 77));
    CHECK(unusual(suspect) == "layers.0.down.weight=r:sketch:4000 layers.0.up.weight=q:sketch:4000 ");
    find(suspect, "q").data = normal_tensor("q", "F32", {40, 100}, 78).data;
    CHECK(unusual(suspect) == "layers.0.down.weight=r:sketch:4000 layers.0.up.weight=:nothing:0 ");
}

TEST_CASE("exchanged names do not hide a tensor") {
    std::vector<TensorData> suspect = tensors();
    std::swap(find(suspect, "layers.0.up.weight").data, find(suspect, "layers.1.up.weight").data);
    CHECK(unusual(suspect) == "layers.0.up.weight=layers.1.up.weight:sketch:4000 "
                              "layers.1.up.weight=layers.0.up.weight:sketch:4000 ");
    suspect = tensors();
    find(suspect, "embed").name = "elsewhere";
    suspect.push_back(normal_tensor("embed", "F32", {60, 70}, 99)); // a decoy under the right name
    CHECK(unusual(suspect) == "embed=elsewhere:sketch:4200 ");
}

TEST_CASE("a tensor whose content changed beyond recognition still stands under its name") {
    std::vector<TensorData> suspect = tensors();
    find(suspect, "embed").data = normal_tensor("embed", "F32", {60, 70}, 99).data;
    find(suspect, "layers.0.up.weight").data = Data(40 * 100 * 4);
    CHECK(unusual(suspect).empty());
}

TEST_CASE("tensors with fewer or more rows are compared where both have them") {
    std::vector<TensorData> suspect = tensors();
    TensorData& embed = find(suspect, "embed");
    embed.shape[0] = 11;
    embed.data.resize(11 * 70 * 4);
    CHECK(unusual(suspect) == "embed=embed:name:770 ");
    find(suspect, "embed") = normal_tensor("embed", "F32", {1000, 70}, 4);
    CHECK(unusual(suspect).empty());
    find(suspect, "embed") = normal_tensor("embed", "F32", {60, 71}, 4);
    CHECK(unusual(suspect) == "embed=:nothing:0 ");
    find(suspect, "embed") = normal_tensor("embed", "F32", {4200}, 4);
    CHECK(unusual(suspect).empty());
    find(suspect, "embed") = {"embed", "F32", {0, 70}, {}};
    CHECK(unusual(suspect) == "embed=:nothing:0 ");
}

TEST_CASE("rows that are several dimensions together are compared whole") {
    const std::vector<TensorData> original{normal_tensor("conv", "F32", {50, 5, 20}, 1),
                                           normal_tensor("thin", "F32", {50, 4, 5}, 2)};
    const WatermarkRecord of = record_of(original, watermark_key(1));
    std::vector<TensorData> suspect = original;
    suspect[0].shape[0] = 7;
    suspect[0].data.resize(7 * 100 * 4);
    suspect[1].shape[0] = 7; // a row of the record is the whole tensor
    suspect[1].data.resize(7 * 20 * 4);
    CHECK(unusual(suspect, of) == "conv=conv:name:700 thin=:nothing:0 ");
}

TEST_CASE("each tensor of a suspect stands for one of the record at most") {
    std::vector<TensorData> suspect{normal_tensor("embed", "F32", {60, 70}, 4)};
    const std::vector<TensorData> original{normal_tensor("embed", "F32", {60, 70}, 4),
                                           normal_tensor("head", "F32", {60, 70}, 4)}; // the same data, not tied
    const WatermarkRecord of = record_of(original, watermark_key(1));
    CHECK(unusual(suspect, of) == "head=:nothing:0 ");
    suspect.push_back(suspect[0]);
    suspect[1].name = "copy";
    CHECK(unusual(suspect, of) == "head=copy:sketch:4200 ");
    suspect.push_back(suspect[0]);
    suspect[2].name = "another"; // of equals the first by name
    CHECK(unusual(suspect, of) == "head=another:sketch:4200 ");
}

TEST_CASE("thousands of equally large tensors are found by their content, by any number of threads") {
#ifdef WEIGHTSEAL_SANITIZED
    constexpr std::size_t count = 300;
#else
    constexpr std::size_t count = 4200; // a mixture of experts has more
#endif
    std::vector<TensorData> original, suspect(count);
    for (std::size_t i = 0; i < count; ++i) {
        original.push_back(normal_tensor(fmt::format("expert.{:04}", i), "F32", {2, 256}, static_cast<unsigned>(i)));
        suspect[i * 1009 % count] = {fmt::format("renamed.{:04}", i), "F32", {512}, original[i].data};
    }
    suspect.push_back({"copy of 7", "F32", {512}, original[7].data}); // comes before its equal by name
    const MemoryModel originals = model_of(original), suspects = model_of(suspect);
    WatermarkRecord of;
    for (std::size_t entry = 0; entry < originals.entries().size(); ++entry) {
        const SourceEntry& what = originals.entries()[entry];
        if (what.kind != SourceEntry::Kind::tensor) continue;
        RecordTensor& tensor = of.tensors.emplace_back();
        tensor.name = what.name;
        tensor.dtype = what.dtype;
        tensor.shape = what.shape;
        tensor.mark = RecordTensor::Mark{};
        tensor.mark->sketch = watermark::sketch_of(originals, entry);
    }
    std::ranges::sort(of.tensors, {}, &RecordTensor::name);
    for (const unsigned threads : {1U, 3U}) {
        const auto matches = watermark::match_tensors(suspects, of, {.threads = threads, .run = {}});
        std::size_t right = 0;
        for (std::size_t i = 0; i < count; ++i)
            if (matches[i].by == MatchedBy::sketch &&
                suspects.entries()[*matches[i].entry].name == (i == 7 ? "copy of 7" : fmt::format("renamed.{:04}", i)))
                ++right;
        CHECK(right == count);
    }
}

TEST_CASE("a cancelled call stops comparing contents") {
    std::vector<TensorData> suspect = tensors();
    find(suspect, "embed").name = "elsewhere";
    const MemoryModel model = model_of(suspect);
    Hooks hooks;
    hooks.cancelled = [] { return true; };
    CHECK(refusal([&] { (void)watermark::match_tensors(model, record(), {}, hooks); }) == "cancelled");
}

TEST_CASE("tied tensors stand in for the one they are tied to") {
    const std::vector<TensorData> original{normal_tensor("a", "F32", {80, 70}, 4),
                                           normal_tensor("b", "F32", {80, 70}, 4)};
    const Marked all = marked(original, watermark_key(1), mark_options(0.02));
    const WatermarkRecord& of = all.report.record;
    REQUIRE(of.tensors[1].tied_to == "a");
    CHECK(unusual(all.tensors, of) == "b=:nothing:0 "); // counted once
    CHECK(unusual({all.tensors[1]}, of) == "a=b:name:5600 b=:nothing:0 ");
    CHECK(detection(all.tensors, watermark_key(1), of).extra_tensors == 0);
    CHECK(detection(all.tensors, watermark_key(1), of).correlations ==
          detection({all.tensors[1]}, watermark_key(1), of).correlations);
}

TEST_CASE("tensors of no float dtype stand for nothing") {
    std::vector<TensorData> suspect = tensors();
    for (const std::string dtype : {"I32", "U32"}) {
        find(suspect, "embed").dtype = dtype;
        CHECK(unusual(suspect) == "embed=:nothing:0 ");
    }
}

TEST_CASE("extra tensors are those that the record does not know") {
    std::vector<TensorData> suspect = tensors();
    suspect.push_back(make_tensor("lora.a", "F32", {4, 100}));
    suspect.push_back(make_tensor("ids", "I64", {8}));
    find(suspect, "norm").dtype = "I32"; // known, though nothing can be compared
    CHECK(detection(suspect, watermark_key(1), record()).extra_tensors == 2);
}

} // namespace weightseal::testing

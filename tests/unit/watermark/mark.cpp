// Marking files and folders: what changes, what does not, and what the record and the report say.

#include "crypto/hash.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/watermark.hpp"
#include "watermark/identity.hpp"
#include "weightseal/formats/model_folder.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace weightseal::testing {
namespace {

namespace fs = std::filesystem;

std::vector<TensorData> mixed_tensors() {
    return {normal_tensor("z.weight", "F32", {64, 96}, 1),     make_tensor("ids", "I64", {1, 512}),
            normal_tensor("a.weight", "BF16", {32, 3, 64}, 2), normal_tensor("norm", "F32", {8192}, 3),
            normal_tensor("small", "F32", {8, 8}, 4),          normal_tensor("half", "F16", {128, 50}, 5),
            normal_tensor("double", "F64", {64, 64}, 6)};
}

const TensorData& find(const std::vector<TensorData>& tensors, std::string_view name) {
    return *std::ranges::find(tensors, name, &TensorData::name);
}

const RecordTensor& find(const WatermarkRecord& record, std::string_view name) {
    return *std::ranges::find(record.tensors, name, &RecordTensor::name);
}

std::vector<std::string> marked_names(const MarkReport& report) {
    std::vector<std::string> names;
    for (const RecordTensor& tensor : report.record.tensors)
        if (tensor.mark) names.push_back(tensor.name);
    return names;
}

using Names = std::vector<std::string>;

/// Two shards with an index, a tokenizer, a subfolder.
void write_sharded(const fs::path& folder) {
    const std::vector<TensorData> tensors = mixed_tensors();
    const std::vector<TensorData> first{tensors[0], tensors[1], tensors[2]};
    const std::vector<TensorData> second(tensors.begin() + 3, tensors.end());
    write_file(folder / "model-1.safetensors", safetensors_file(first, {{"format", "pt"}}));
    write_file(folder / "model-2.safetensors", safetensors_file(second));
    std::string map;
    for (const TensorData& tensor : tensors)
        map += (map.empty() ? "\"" : ", \"") + tensor.name + "\": \"model-" +
               (std::ranges::find(first, tensor.name, &TensorData::name) == first.end() ? "2" : "1") + ".safetensors\"";
    write_file(folder / "model.safetensors.index.json", "{\"weight_map\": {" + map + "}}");
    write_file(folder / "config.json", "{}");
    write_file(folder / "sub/empty", "");
    write_file(folder / "sub/tokenizer.json", "[1, 2]");
}

std::vector<std::string> files_below(const fs::path& folder) {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file()) files.push_back(entry.path().lexically_relative(folder).generic_string());
    std::ranges::sort(files);
    return files;
}

} // namespace

TEST_CASE("a marked file differs in the chosen tensors alone") {
    const std::vector<TensorData> original = mixed_tensors();
    const TemporaryFolder folder;
    const Data before = safetensors_file(original, {{"format", "pt"}, {"by", "nobody"}});
    write_file(folder / "m.safetensors", before);
    const MarkReport report =
        mark(*open_model(folder / "m.safetensors"), folder / "out.safetensors", watermark_key(1), mark_options(0.01));
    const Data after = read_file(folder / "out.safetensors");
    REQUIRE(after.size() == before.size());
    const std::size_t head = 8 + load_le<std::uint64_t>(before, 0);
    CHECK(Data(after.begin(), after.begin() + static_cast<std::ptrdiff_t>(head)) ==
          Data(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(head)));
    CHECK(read_file(folder / "m.safetensors") == before);
    CHECK(marked_names(report) == Names{"a.weight", "double", "half", "z.weight"});
    const std::vector<TensorData> found = tensors_of(*open_model(folder / "out.safetensors"));
    for (const TensorData& tensor : original) {
        CAPTURE(tensor.name);
        CHECK((find(found, tensor.name).data == tensor.data) == !find(report.record, tensor.name).mark.has_value());
    }
    CHECK(report.marked_tensors == 4);
    CHECK(report.tied_tensors == 0);
    CHECK(report.copied_tensors == 3);
    CHECK(report.relative_change == Approx(0.01).epsilon(0.05));
}

TEST_CASE("a marked folder is the same folder, sharded alike") {
    const TemporaryFolder folder;
    write_sharded(folder / "model");
    const MarkReport report = mark(*open_model(folder / "model"), folder / "out", watermark_key(1), mark_options(0.01));
    CHECK(files_below(folder / "out") == files_below(folder / "model"));
    for (const std::string& name : files_below(folder / "model")) {
        const Data before = read_file(folder.path() / "model" / name);
        const Data after = read_file(folder.path() / "out" / name);
        CAPTURE(name);
        CHECK(before.size() == after.size());
        CHECK((before == after) == !name.ends_with(".safetensors"));
    }
    // The same bytes as in one file: where a tensor is stored does not matter.
    const Marked in_one = marked(mixed_tensors(), watermark_key(1), mark_options(0.01));
    CHECK(report.record.root == in_one.report.record.root);
    for (const TensorData& tensor : tensors_of(*open_model(folder / "out")))
        CHECK(tensor.data == find(in_one.tensors, tensor.name).data);
}

TEST_CASE("the output does not depend on the number of threads") {
    const TemporaryFolder folder;
    write_sharded(folder / "model");
    const auto model = open_model(folder / "model");
    const MarkReport first = mark(*model, folder / "1", watermark_key(1), mark_options(0.01, 1));
    for (const unsigned threads : {2U, 5U}) {
        const fs::path out = folder / std::to_string(threads);
        const MarkReport report = mark(*model, out, watermark_key(1), mark_options(0.01, threads));
        for (const std::string& name : files_below(out))
            CHECK(read_file(out / name) == read_file(folder.path() / "1" / name));
        CHECK(report.found.z == first.found.z);
        CHECK(report.record.root == first.record.root);
    }
}

TEST_CASE("marking tensors one by one in memory gives the same bytes") {
    const std::vector<TensorData> original = mixed_tensors();
    const Marked all = marked(original, watermark_key(1), mark_options(0.003));
    const MarkIdentity identity{"acme", "model", mark_scope(all.report.record)};
    for (TensorData tensor : original) {
        if (!find(all.report.record, tensor.name).mark) continue;
        const TensorInfo info{tensor.name, dtype_from_name(tensor.dtype).value(), tensor.shape, tensor.data.size()};
        (void)mark_tensor(watermark_key(1), identity, info, 0.003, tensor.data);
        CHECK(tensor.data == find(all.tensors, tensor.name).data);
    }
}

TEST_CASE("the record describes the original and commits to the keys of all marked tensors") {
    const std::vector<TensorData> original = mixed_tensors();
    const Marked all = marked(original, watermark_key(1), mark_options(0.01));
    const WatermarkRecord& record = all.report.record;
    CHECK(record.owner == "acme");
    CHECK(record.model_id == "model");
    CHECK(record.strength == 0.01);
    CHECK(std::ranges::is_sorted(record.tensors, {}, &RecordTensor::name));
    REQUIRE(record.tensors.size() == original.size());
    CHECK(record.root == original_root(record.tensors));
    const watermark::Identity identity(watermark_key(1), mark_identity(record));
    for (const TensorData& tensor : original) {
        const RecordTensor& found = find(record, tensor.name);
        CHECK(dtype_name(found.dtype) == tensor.dtype);
        CHECK(found.shape == tensor.shape);
        CHECK(found.digest == crypto::sha256({Bytes(tensor.data)}));
        CHECK_FALSE(found.tied_to);
        if (!found.mark) continue;
        CHECK(found.mark->digest == crypto::sha256({Bytes(find(all.tensors, tensor.name).data)}));
        CHECK(found.mark->commitment == watermark::commitment(identity.chip_key(tensor.name, tensor.shape)));
        CHECK(found.mark->elements == tensor_bytes(Dtype::u8, tensor.shape));
    }
    CHECK(record.marked_elements() == 64 * 96 + 32 * 3 * 64 + 128 * 50 + 64 * 64);
}

TEST_CASE("what marking found is what detection finds") {
    const Marked all = marked(mixed_tensors(), watermark_key(1), mark_options(0.02));
    const Detection found = detection(all.tensors, watermark_key(1), all.report.record);
    CHECK(found.significance.z == all.report.found.z);
    CHECK(found.significance.log10_p == all.report.found.log10_p);
    CHECK(all.report.expected_z == expected_z(0.02, all.report.record.marked_elements()));
}

TEST_CASE("tensors of the same data are marked once and stay the same") {
    TensorData twin = normal_tensor("b", "F32", {64, 100}, 1);
    TensorData other = twin;
    other.name = "c";
    TensorData reshaped = twin;
    reshaped.name = "d";
    reshaped.shape = {100, 64};
    const std::vector<TensorData> original{other, twin, reshaped};
    const Marked all = marked(original, watermark_key(1), mark_options(0.01));
    CHECK(find(all.tensors, "b").data == find(all.tensors, "c").data);
    CHECK(find(all.tensors, "b").data != twin.data);
    CHECK(find(all.report.record, "b").mark);
    CHECK_FALSE(find(all.report.record, "c").mark);
    CHECK(find(all.report.record, "c").tied_to == "b");
    CHECK(find(all.report.record, "d").mark); // another shape: a tensor of its own
    CHECK(all.report.tied_tensors == 1);
    CHECK(all.report.record.marked_elements() == 2 * 6400);
}

TEST_CASE("a twin of a chosen tensor is marked with it, for it would show what changed") {
    TensorData twin = normal_tensor("b", "F32", {64, 100}, 1);
    TensorData other = twin;
    other.name = "a";
    MarkOptions options = mark_options(0.01);
    options.tensors = {"b"};
    const Marked all = marked({other, twin}, watermark_key(1), options);
    CHECK(find(all.tensors, "a").data == find(all.tensors, "b").data);
    CHECK(find(all.report.record, "a").tied_to == "b");
}

TEST_CASE("tensors are chosen by names and wildcards") {
    const auto chosen = [](Names patterns) {
        MarkOptions options = mark_options(0.01);
        options.tensors = std::move(patterns);
        return marked_names(marked(mixed_tensors(), watermark_key(1), options).report);
    };
    CHECK(chosen({"z.weight"}) == Names{"z.weight"});
    CHECK(chosen({"?.weight"}) == Names{"a.weight", "z.weight"});
    CHECK(chosen({"*"}) == Names{"a.weight", "double", "half", "small", "z.weight"});
    CHECK(chosen({"small", "h*"}) == Names{"half", "small"});
    const auto refused = [](std::string pattern) {
        MarkOptions options = mark_options(0.01);
        options.tensors = {"z.weight", std::move(pattern)};
        return refusal([&] { (void)marked(mixed_tensors(), watermark_key(1), options); });
    };
    CHECK(refused("z") == "nothing_to_mark");
    CHECK(refused("w*") == "nothing_to_mark");
    CHECK(refused("norm") == "nothing_to_mark"); // one dimension
    CHECK(refused("ids") == "unmarkable_dtype");
}

TEST_CASE("auto strength is what detection needs, between 0.05 and 0.5 percent") {
    CHECK(auto_strength(1) == 0.005);
    CHECK(auto_strength(20'000'000) == 0.005);
    CHECK(auto_strength(25'000'000) == Approx(13.45 / 0.6 / 5000));
    CHECK(auto_strength(100'000'000) == Approx(0.00224167).epsilon(1e-5));
    CHECK(auto_strength(7'000'000'000) == 0.0005);
    CHECK(auto_strength(0) == 0.005);
    CHECK(expected_z(0.005, 1'000'000) == Approx(3));
    CHECK(expected_z(auto_strength(100'000'000), 100'000'000) == Approx(13.45));
    CHECK(marked(mixed_tensors(), watermark_key(1), mark_options()).report.record.strength == 0.005);
}

TEST_CASE("owner and model id are short readable texts") {
    const auto with_labels = [](std::string owner, std::string model_id) {
        MarkOptions options = mark_options(0.01);
        options.owner = std::move(owner);
        options.model_id = std::move(model_id);
        return refusal([&] { (void)marked(mixed_tensors(), watermark_key(1), options); });
    };
    CHECK(with_labels("größe AG", std::string(1024, 'm')) == "nothing refused");
    CHECK(with_labels("", "model") == "invalid_argument");
    CHECK(with_labels("acme", "") == "invalid_argument");
    CHECK(with_labels(std::string(1025, 'o'), "model") == "invalid_argument");
    CHECK(with_labels("ac\nme", "model") == "invalid_argument");
    CHECK(with_labels("acme", "\xff\xfe") == "invalid_argument");
}

TEST_CASE("progress reaches twice the size of the tensors") {
    std::atomic<std::uint64_t> last{0}, total{0};
    MarkOptions options = mark_options(0.01, 2);
    options.hooks.progress = [&](std::uint64_t done, std::uint64_t all) {
        std::uint64_t before = last;
        while (before < done && !last.compare_exchange_weak(before, done)) {
        }
        total = all;
    };
    std::uint64_t bytes = 0;
    for (const TensorData& tensor : mixed_tensors())
        bytes += tensor.data.size();
    (void)marked(mixed_tensors(), watermark_key(1), options);
    CHECK(last == 2 * bytes);
    CHECK(total == 2 * bytes);
}

} // namespace weightseal::testing

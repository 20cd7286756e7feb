// Suspects are files of strangers: what they say of themselves is not believed, and what they hold breaks nothing.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/watermark.hpp"

#include <algorithm>
#include <random>

namespace weightseal::testing {
namespace {

std::vector<TensorData> model() {
    return {normal_tensor("layers.0.a", "F32", {70, 64}, 1), normal_tensor("layers.1.a", "F16", {70, 64}, 2)};
}

const WatermarkRecord& record() {
    static const WatermarkRecord made = record_of(model(), watermark_key(1));
    return made;
}

std::string detecting(const Data& file) {
    const TemporaryFolder folder;
    write_file(folder / "suspect.safetensors", file);
    DetectOptions options;
    options.parallel.threads = 1;
    return refusal_code(
        [&] { (void)detect(*open_model(folder / "suspect.safetensors"), watermark_key(1), record(), options); });
}

} // namespace

TEST_CASE("suspects cut at any length are refused") {
    const Data whole = safetensors_file(model());
    REQUIRE(detecting(whole) == "nothing refused");
    const std::size_t head = 8 + load_le<std::uint64_t>(whole, 0);
    for (std::size_t size = 0; size < whole.size(); size += size < head + 8 ? 1 : 997)
        CHECK(detecting(Data(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))) != "nothing refused");
}

TEST_CASE("headers that lie about their data are refused") {
    const Data data = patterned(70 * 64 * 4, 1);
    const auto header = [&](std::string_view text) { return detecting(safetensors_raw(text, data)); };
    CHECK(header(R"({"layers.0.a":{"dtype":"F32","shape":[70,64],"data_offsets":[0,17920]}})") == "nothing refused");
    CHECK(header(R"({"layers.0.a":{"dtype":"F64","shape":[70,64],"data_offsets":[0,17920]}})") ==
          "tensor_size_mismatch");
    CHECK(header(R"({"layers.0.a":{"dtype":"F32","shape":[70,65],"data_offsets":[0,17920]}})") ==
          "tensor_size_mismatch");
    CHECK(header(R"({"layers.0.a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,17920]}})") ==
          "shape_overflow");
    CHECK(header(R"({"layers.0.a":{"dtype":"F32","shape":[70,64],"data_offsets":[0,1e30]}})") == "header_malformed");
    CHECK(header(R"({"layers.0.a":{"dtype":"F128","shape":[70,64],"data_offsets":[0,17920]}})") == "unknown_dtype");
}

TEST_CASE("shapes that only look like the record's are compared as far as they are it, or not at all") {
    for (const std::vector<std::uint64_t>& shape : std::vector<std::vector<std::uint64_t>>{{1},
                                                                                           {70},
                                                                                           {64, 70},
                                                                                           {4480},
                                                                                           {70, 64, 1},
                                                                                           {1, 70, 64},
                                                                                           {71, 64},
                                                                                           {69, 64},
                                                                                           {70, 63},
                                                                                           {0, 64},
                                                                                           {70, 0},
                                                                                           {2, 2240},
                                                                                           {},
                                                                                           {140, 64}}) {
        std::vector<TensorData> suspect = model();
        suspect[0] = normal_tensor("layers.0.a", "F32", shape);
        const Detection found = detection(suspect, watermark_key(1), record());
        CAPTURE(shape);
        CHECK(found.verdict != Verdict::detected);
        CHECK(found.matched_elements <= 2 * 4480);
        CHECK(found.tensors[0].elements % 64 == 0);
    }
}

TEST_CASE("a crowd of tensors with similar names and contents is matched one to one") {
    std::vector<TensorData> suspect = model();
    for (std::size_t i = 0; i < 300; ++i) {
        TensorData copy = suspect[i % 2];
        copy.name = std::string(i % 3 == 0 ? "x." : "") + "copy." + std::to_string(i) + ".layers." +
                    std::to_string(i % 2) + ".a";
        suspect.push_back(std::move(copy));
    }
    const Detection found = detection(suspect, watermark_key(1), record());
    CHECK(found.matched_elements == 2 * 4480);
    CHECK(found.extra_tensors == 300);
    suspect.erase(suspect.begin(), suspect.begin() + 2);
    CHECK(detection(suspect, watermark_key(1), record()).matched_elements == 2 * 4480);
}

TEST_CASE("names made of dots, or very long, match nothing and cost little") {
    std::vector<TensorData> suspect = model();
    suspect[0].name = std::string(60'000, '.');
    suspect[1].name = std::string(30'000, '.') + "layers.1.a";
    for (TensorData& tensor : suspect)
        tensor.data.assign(tensor.data.size(), std::byte{0});
    CHECK(refusal([&] { (void)detection(suspect, watermark_key(1), record()); }) == "no_common_tensor");
}

TEST_CASE("random bytes in every float dtype are only weights without a mark") {
    for (const std::string dtype :
         {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}) {
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
            const Detection found = detection({make_tensor("layers.0.a", dtype, {70, 64}, seed),
                                               make_tensor("layers.1.a", dtype, {70, 64}, 10 + seed)},
                                              watermark_key(1), record());
            CAPTURE(dtype, seed);
            CHECK(found.verdict != Verdict::detected);
            CHECK(std::abs(found.significance.z) < 5.5);
        }
    }
}

} // namespace weightseal::testing

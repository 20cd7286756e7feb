// WATERMARK.md sections 1 to 4 and 6, against values that an independent implementation made.

#include "unit/vectors.hpp"
#include "crypto/hash.hpp"
#include "support/catch.hpp"
#include "support/watermark.hpp"
#include "watermark/elements.hpp"
#include "watermark/identity.hpp"
#include "watermark/rows.hpp"

#include <bit>

namespace weightseal::testing {
namespace {

const nlohmann::json& vectors() {
    static const nlohmann::json loaded = load_vectors("watermark.json");
    return loaded;
}

Key key_of(const nlohmann::json& value) {
    return {KeyKind::watermark, Secret::copy_of(bytes32(value))};
}

using Shape = std::vector<std::uint64_t>;

} // namespace

TEST_CASE("keys of tensors, commitments and chips of known identities") {
    REQUIRE(vectors()["keys"].size() == 5);
    for (const auto& vector : vectors()["keys"]) {
        const Key key = key_of(vector["key"]);
        const MarkIdentity who{vector["owner"], vector["model_id"], bytes32(vector["scope"])};
        const watermark::Identity identity(key, who);
        const auto tensor = vector["tensor"].get<std::string>();
        const auto shape = vector["shape"].get<Shape>();
        INFO(tensor);
        const Secret chip_key = identity.chip_key(tensor, shape);
        CHECK(to_hex(chip_key.bytes()) == vector["chip_key"].get<std::string>());
        CHECK(to_hex(identity.dither_key(tensor, shape).bytes()) == vector["dither_key"].get<std::string>());
        CHECK(to_hex(watermark::commitment(chip_key)) == vector["commitment"].get<std::string>());
        const auto chips = vector["chips"].get<std::string>();
        std::string found;
        for (const int chip : chips_of(key, who, tensor, shape, chips.size()))
            found += chip < 0 ? '-' : '+';
        CHECK(found == chips);
    }
}

TEST_CASE("the root of a known original") {
    std::vector<RecordTensor> tensors;
    for (const auto& vector : vectors()["original"]["tensors"])
        tensors.push_back({.name = vector["name"],
                           .dtype = dtype_from_name(vector["dtype"].get<std::string>()).value(),
                           .shape = vector["shape"].get<Shape>(),
                           .digest = bytes32(vector["digest"])});
    std::ranges::sort(tensors, {}, &RecordTensor::name);
    CHECK(to_hex(original_root(tensors)) == vectors()["original"]["root"].get<std::string>());
}

TEST_CASE("rows of known shapes") {
    for (const auto& vector : vectors()["rows"]) {
        INFO(vector["shape"].dump());
        const watermark::Rows rows = watermark::rows_of(vector["shape"].get<Shape>());
        CHECK(rows.length == vector["length"].get<std::uint64_t>());
        CHECK(rows.count == vector["count"].get<std::uint64_t>());
        CHECK(watermark::sample_step(rows.length) == vector["every"].get<std::uint64_t>());
    }
}

TEST_CASE("the floats that all FP8 patterns stand for") {
    Data patterns(256);
    for (std::size_t i = 0; i < patterns.size(); ++i)
        patterns[i] = static_cast<std::byte>(i);
    REQUIRE(vectors()["fp8"].size() == 5);
    for (const auto& [dtype, table] : vectors()["fp8"].items()) {
        const std::vector<float> values = values_of({"", dtype, {256}, patterns});
        const Data expected = from_base64url(table);
        for (std::size_t i = 0; i < values.size(); ++i) {
            CAPTURE(dtype, i);
            const auto wanted = load_le<float>(expected, 4 * i);
            if (std::isnan(wanted))
                CHECK(std::isnan(values[i]));
            else
                CHECK(std::bit_cast<std::uint32_t>(values[i]) == std::bit_cast<std::uint32_t>(wanted));
        }
    }
}

TEST_CASE("S and Q of known tensors") {
    const auto file = load_vectors("watermark_correlations.json");
    REQUIRE(file["correlations"].size() == 16);
    const Key key = key_of(file["key"]);
    const watermark::Identity identity(key, {file["owner"], file["model_id"], bytes32(file["scope"])});
    for (const auto& vector : file["correlations"]) {
        const auto name = vector["tensor"].get<std::string>();
        INFO(name);
        const Dtype dtype = dtype_from_name(vector["dtype"].get<std::string>()).value();
        const auto shape = vector["shape"].get<Shape>();
        const Secret chip_key = identity.chip_key(name, shape);
        CHECK(to_hex(watermark::commitment(chip_key)) == vector["commitment"].get<std::string>());
        watermark::RowSums found;
        watermark::ElementReader(chip_key.bytes())
            .add_rows(dtype, from_base64url(vector["data"]), watermark::rows_of(shape).length, 0, found);
        CHECK(found.white_s == vector["white_s"].get<std::int64_t>());
        CHECK(found.white_q == vector["white_q"].get<std::uint64_t>());
        CHECK(found.sign_s == vector["sign_s"].get<std::int64_t>());
        CHECK(found.sign_q == vector["sign_q"].get<std::uint64_t>());
        CHECK(found.nonfinite == vector["nonfinite"].get<std::uint64_t>());
    }
}

TEST_CASE("marked data of known tensors") {
    const auto file = load_vectors("watermark_marks.json");
    REQUIRE(file["marks"].size() == 11);
    const Key key = key_of(file["key"]);
    const MarkIdentity who{file["owner"], file["model_id"], bytes32(file["scope"])};
    for (const auto& vector : file["marks"]) {
        const auto name = vector["tensor"].get<std::string>();
        INFO(name);
        const auto shape = vector["shape"].get<Shape>();
        Data data = from_base64url(vector["data"]);
        const TensorInfo info{name, dtype_from_name(vector["dtype"].get<std::string>()).value(), {shape}, data.size()};
        const TensorMark counts = mark_tensor(key, who, info, vector["strength"], data);
        CHECK(to_hex(crypto::sha256({data})) == vector["marked_sha256"].get<std::string>());
        CHECK(counts.zeros == vector["zeros"].get<std::uint64_t>());
        CHECK(counts.nonfinite == vector["nonfinite"].get<std::uint64_t>());
    }
}

TEST_CASE("significance of known statistics") {
    REQUIRE(vectors()["significance"].size() == 11);
    for (const auto& vector : vectors()["significance"]) {
        INFO(vector["correlations"].dump());
        Correlations correlations;
        for (std::size_t i = 0; i < statistic_count; ++i) {
            const auto found = vector["correlations"].find(statistic_name(static_cast<Statistic>(i)));
            if (found != vector["correlations"].end()) correlations[i] = Correlation{(*found)[0], (*found)[1]};
        }
        const Significance found = significance(correlations);
        CHECK(found.z == Approx(vector["z"].get<double>()).epsilon(1e-14));
        CHECK(found.log10_p == Approx(vector["log10_p"].get<double>()).epsilon(1e-12));
        CHECK(found.log10_p_2_64_keys == Approx(vector["log10_p_2_64_keys"].get<double>()).epsilon(1e-12));
    }
}

} // namespace weightseal::testing

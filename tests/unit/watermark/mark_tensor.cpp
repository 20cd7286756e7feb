// Marking a tensor in memory.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/watermark.hpp"
#include "weightseal/core/error.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <mutex>

namespace weightseal::testing {
namespace {

const MarkIdentity identity{"acme", "model", {}};

TensorInfo info_of(const TensorData& tensor) {
    return {tensor.name, dtype_from_name(tensor.dtype).value(), tensor.shape, tensor.data.size()};
}

struct MarkedTensor {
    TensorData tensor;
    TensorMark counts;
};

MarkedTensor mark_one(const TensorData& original, double strength, const Key& key = watermark_key(1),
                      const Parallel& parallel = {.threads = 1, .run = {}}) {
    MarkedTensor result{original, {}};
    result.counts = mark_tensor(key, identity, info_of(original), strength, result.tensor.data, parallel);
    return result;
}

/// Its bytes replaced at some elements.
template <class Stored>
TensorData with(TensorData tensor, const std::vector<std::pair<std::size_t, Stored>>& elements) {
    for (const auto& [place, element] : elements)
        store_le(tensor.data, place * sizeof element, element);
    return tensor;
}

template <class Stored>
Stored element(const TensorData& tensor, std::size_t place) {
    return load_le<Stored>(tensor.data, place * sizeof(Stored));
}

const std::vector<std::string> dtypes{"F64", "F32", "F16", "BF16"};

double root_mean_square(const std::vector<float>& values, std::size_t first, std::size_t count) {
    double squares = 0;
    for (std::size_t i = first; i < first + count; ++i)
        squares += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    return std::sqrt(squares / static_cast<double>(count));
}

} // namespace

TEST_CASE("every weight moves by s times the deviation of its row, in the direction of its chip") {
    const std::vector<std::uint64_t> shape{8, 300};
    TensorData original = normal_tensor("w", "F64", shape);
    for (std::size_t i = 0; i < 300; ++i) // the first row is a hundred times larger
        store_le(original.data, 8 * i, 100 * element<double>(original, i));
    const MarkedTensor found = mark_one(original, 0.01);
    const std::vector<int> chips = chips_of(watermark_key(1), identity, "w", shape, 2400);
    for (std::size_t row = 0; row < 8; ++row) {
        const double step = std::abs(element<double>(found.tensor, 300 * row) - element<double>(original, 300 * row));
        CHECK(step == Approx(0.01 * root_mean_square(values_of(original), 300 * row, 300)).epsilon(0.02));
        for (std::size_t i = 300 * row; i < 300 * row + 300; ++i) {
            const double change = element<double>(found.tensor, i) - element<double>(original, i);
            REQUIRE(change == Approx(step * chips[i]).epsilon(1e-9));
        }
    }
    CHECK(found.counts.elements == 2400);
    CHECK(std::sqrt(found.counts.squared_change / found.counts.squared_norm) == Approx(0.01).epsilon(0.02));
}

TEST_CASE("an outlier does not make the mark of its row louder") {
    const TensorData usual = normal_tensor("w", "F64", {1, 512});
    const TensorData outlier = with<double>(usual, {{100, 1e6}});
    const auto step = [](const TensorData& tensor) {
        return std::abs(element<double>(mark_one(tensor, 0.01).tensor, 0) - element<double>(tensor, 0));
    };
    CHECK(step(outlier) < 1.2 * step(usual));
}

TEST_CASE("dithered rounding keeps the mark's mean, far below the step of the dtype") {
    const std::vector<std::uint64_t> shape{512, 512};
    const std::vector<int> chips = chips_of(watermark_key(1), identity, "w", shape, 512 * 512);
    for (const std::string dtype : {"F16", "BF16"}) {
        for (const double strength : {0.0005, 0.005}) {
            const TensorData original = normal_tensor("w", dtype, shape, 3, 1.0);
            const std::vector<float> before = values_of(original);
            const std::vector<float> after = values_of(mark_one(original, strength).tensor);
            double along = 0, mean = 0;
            std::size_t moved = 0;
            for (std::size_t i = 0; i < before.size(); ++i) {
                const double change = static_cast<double>(after[i]) - static_cast<double>(before[i]);
                along += change * chips[i];
                mean += change;
                moved += change != 0 ? 1U : 0U;
            }
            const auto count = static_cast<double>(before.size());
            CAPTURE(dtype, strength);
            CHECK(along / count == Approx(strength).epsilon(0.05));
            CHECK(std::abs(mean / count) < 0.05 * strength);
            if (dtype == "BF16" && strength < 0.001) CHECK(static_cast<double>(moved) < 0.5 * count);
        }
    }
}

TEST_CASE("chips and dither come from the key alone") {
    for (const std::string& dtype : dtypes) {
        const TensorData original = normal_tensor("w", dtype, {64, 100});
        const Data first = mark_one(original, 0.005).tensor.data;
        CHECK(first == mark_one(original, 0.005).tensor.data);
        CHECK(first != mark_one(original, 0.005, watermark_key(2)).tensor.data);
    }
}

TEST_CASE("a mark does not depend on the number of threads or their order") {
    for (const std::string& dtype : dtypes) {
        const TensorData original = normal_tensor("w", dtype, {1500, 700}, 5);
        const MarkedTensor alone = mark_one(original, 0.005);
        Parallel backwards;
        backwards.threads = 3;
        backwards.run = [](std::size_t count, const std::function<void(std::size_t)>& body) {
            while (count != 0)
                body(--count);
        };
        for (const Parallel& parallel : {Parallel{.threads = 4, .run = {}}, backwards}) {
            const MarkedTensor found = mark_one(original, 0.005, watermark_key(1), parallel);
            CHECK(found.tensor.data == alone.tensor.data);
            CHECK(found.counts.elements == alone.counts.elements);
            CHECK(found.counts.squared_change == Approx(alone.counts.squared_change));
        }
    }
}

TEST_CASE("zeros, infinities and NaNs stay as they are, bit by bit, and are counted") {
    const auto check = [](const TensorData& original, std::uint64_t zeros, std::uint64_t nonfinite,
                          std::size_t special) {
        INFO(original.dtype);
        const MarkedTensor found = mark_one(original, 0.02);
        const std::size_t bytes = special * (original.data.size() / 192);
        CHECK(Data(found.tensor.data.begin(), found.tensor.data.begin() + static_cast<std::ptrdiff_t>(bytes)) ==
              Data(original.data.begin(), original.data.begin() + static_cast<std::ptrdiff_t>(bytes)));
        CHECK(found.counts.zeros == zeros);
        CHECK(found.counts.nonfinite == nonfinite);
        CHECK(found.counts.elements == 192 - zeros - nonfinite);
        CHECK(found.tensor.data != original.data);
    };
    const auto tensor = [](const std::string& dtype) { return normal_tensor("w", dtype, {2, 96}); };
    constexpr double inf64 = std::numeric_limits<double>::infinity();
    constexpr float inf32 = std::numeric_limits<float>::infinity();
    check(with<double>(tensor("F64"), {{0, 0.0}, {1, -0.0}, {2, inf64}, {3, -inf64}, {4, std::nan("7")}}), 2, 3, 5);
    check(with<float>(tensor("F32"), {{0, 0.0F}, {1, -0.0F}, {2, inf32}, {3, -inf32}, {4, std::nanf("7")}}), 2, 3, 5);
    using Half = std::uint16_t;
    check(with<Half>(tensor("F16"), {{0, 0}, {1, 0x8000}, {2, 0x7C00}, {3, 0xFC00}, {4, 0x7E01}, {5, 0xFC01}}), 2, 4,
          6);
    check(with<Half>(tensor("BF16"), {{0, 0}, {1, 0x8000}, {2, 0x7F80}, {3, 0xFF80}, {4, 0x7FC1}, {5, 0xFF81}}), 2, 4,
          6);
}

TEST_CASE("the largest finite values never become infinite") {
    const std::vector<double> largest{std::numeric_limits<double>::max() / 2,
                                      static_cast<double>(std::numeric_limits<float>::max()), 65504, 0x1.FEp127};
    for (std::size_t d = 0; d < dtypes.size(); ++d) {
        std::vector<double> values(128, largest[d]);
        if (dtypes[d] == "F64") values.assign(128, static_cast<double>(std::numeric_limits<float>::max()));
        for (std::size_t i = 0; i < values.size(); i += 3)
            values[i] = -values[i];
        const TensorData original{"w", dtypes[d], {2, 64}, stored(dtypes[d], values)};
        for (const float value : values_of(mark_one(original, 0.02).tensor)) {
            CAPTURE(dtypes[d]);
            if (dtypes[d] == "F64")
                CHECK(std::abs(value) >= std::numeric_limits<float>::max() * 0.97F); // beyond float, within double
            else
                CHECK(std::isfinite(value));
        }
    }
}

TEST_CASE("subnormal halves are marked like others") {
    std::vector<double> values(4096);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = (i % 2 == 0 ? 1 : -1) * 0x1p-24 * static_cast<double>(1 + i * 37 % 900);
    const std::vector<std::uint64_t> shape{64, 64};
    const TensorData original{"w", "F16", shape, stored("F16", values)};
    const std::vector<float> after = values_of(mark_one(original, 0.02).tensor);
    const std::vector<int> chips = chips_of(watermark_key(1), identity, "w", shape, 4096);
    double along = 0;
    for (std::size_t i = 0; i < after.size(); ++i)
        along += (static_cast<double>(after[i]) - values[i]) * chips[i];
    CHECK(along / 4096 == Approx(0.02 * root_mean_square(values_of(original), 0, 4096)).epsilon(0.1));
}

TEST_CASE("rows without a scale are not marked") {
    for (const std::string dtype : {"F64", "F32", "BF16"}) {
        const TensorData tiny = normal_tensor("w", dtype, {4, 100}, 1, 0x1p-105);
        const MarkedTensor found = mark_one(tiny, 0.02);
        CHECK(found.tensor.data == tiny.data);
        CHECK(found.counts.elements == 0);
    }
    const TensorData zeros{"w", "F32", {4, 100}, Data(1600)};
    CHECK(mark_one(zeros, 0.02).tensor.data == zeros.data);
    CHECK(mark_one(zeros, 0.02).counts.zeros == 400);
}

TEST_CASE("tensors of any shape can be marked in memory, empty ones too") {
    using Shape = std::vector<std::uint64_t>;
    for (const Shape& shape : {Shape{1, 7}, Shape{3, 0}, Shape{0, 3}, Shape{1000, 1}, Shape{2, 3, 4, 5}}) {
        const TensorData original = normal_tensor("w", "F32", shape);
        const MarkedTensor found = mark_one(original, 0.02);
        CHECK(found.counts.elements == original.data.size() / 4);
        CHECK((found.tensor.data == original.data) == original.data.empty());
    }
}

TEST_CASE("marking a tensor refuses what is out of its contract") {
    const TensorData good = normal_tensor("w", "F32", {8, 64});
    const auto marking = [&](const TensorInfo& info, double strength, std::size_t size, const Key& key) {
        Data data(size);
        return refusal([&] { (void)mark_tensor(key, identity, info, strength, data); });
    };
    const Key key = watermark_key(1);
    const TensorInfo info = info_of(good);
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    for (const double strength : {0.0, -0.005, 0.00009, 0.0201, 1.0, nan, infinity, -infinity})
        CHECK(marking(info, strength, 2048, key) == "bad_strength");
    CHECK(marking(info, min_strength, 2048, key) == "nothing refused");
    CHECK(marking(info, max_strength, 2048, key) == "nothing refused");
    CHECK(marking(info, 0.005, 2047, key) == "destination_size");
    CHECK(marking(info, 0.005, 2052, key) == "destination_size");
    CHECK(marking(info, 0.005, 2048, Key::generate(KeyKind::seal)) == "key_kind");
    for (const std::vector<std::uint64_t>& shape : {std::vector<std::uint64_t>{512}, std::vector<std::uint64_t>{}})
        CHECK(marking({"w", Dtype::f32, shape, 0}, 0.005, shape.empty() ? 4 : 2048, key) == "nothing_to_mark");
    for (const MarkIdentity& who : {MarkIdentity{"", "model", {}}, MarkIdentity{"acme", std::string(1025, 'm'), {}}}) {
        Data data(2048);
        CHECK(refusal([&] { (void)mark_tensor(key, who, info, 0.005, data); }) == "invalid_argument");
    }
    const std::vector<std::uint64_t> long_row{1, (1U << 20) + 1};
    CHECK(marking({"w", Dtype::f32, long_row, 0}, 0.005, 4 * ((1U << 20) + 1), key) == "too_large");
    for (unsigned code = 0; code < 256; ++code) {
        const auto dtype = dtype_from_code(static_cast<std::uint8_t>(code));
        if (!dtype || std::ranges::find(dtypes, dtype_name(*dtype)) != dtypes.end()) continue;
        CHECK(marking({"w", *dtype, good.shape, 0}, 0.005, 8 * 64 * dtype_bits(*dtype) / 8, key) == "unmarkable_dtype");
    }
}

} // namespace weightseal::testing

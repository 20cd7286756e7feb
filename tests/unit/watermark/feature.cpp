// The feature of an element and the sketch of a tensor.

#include "watermark/feature.hpp"
#include "support/catch.hpp"
#include "support/watermark.hpp"
#include "watermark/sketch.hpp"

#include <algorithm>
#include <set>

namespace weightseal::testing {
namespace {

std::uint32_t upper(float value) {
    return std::bit_cast<std::uint32_t>(value) >> 16;
}

watermark::Sketch sketch_of(const TensorData& tensor) {
    return watermark::sketch_of(model_of({tensor}), 1);
}

} // namespace

TEST_CASE("the white feature rounds to nearest, ties to even, and is clamped") {
    const auto feature = [](float w) { return watermark::white_feature(upper(w), 1.0F); };
    CHECK(feature(0.5F) == 0);
    CHECK(feature(1.5F) == 2);
    CHECK(feature(-2.5F) == -2);
    CHECK(feature(126.5F) == 126);
    CHECK(feature(127.5F) == 127);
    CHECK(feature(-1e30F) == -127);
    CHECK(watermark::white_feature(upper(1e38F), 1e10F) == 127); // the product is infinite
    CHECK(watermark::white_feature(upper(0x1p-140F), 32.0F) == 0);
}

TEST_CASE("the sign feature is zero for zeros of either sign") {
    CHECK(watermark::sign_feature(upper(0.0F)) == 0);
    CHECK(watermark::sign_feature(upper(-0.0F)) == 0);
    CHECK(watermark::sign_feature(upper(0x1p-149F)) == 0); // a zero once its lower half is gone
    CHECK(watermark::sign_feature(upper(0x1p-130F)) == 1);
    CHECK(watermark::sign_feature(upper(-3.0F)) == -1);
}

TEST_CASE("a sketch's elements are inside the tensor and spread over it") {
    for (const std::uint64_t elements : {1ULL, 2ULL, 511ULL, 512ULL, 4096ULL, 1ULL << 40, ~0ULL}) {
        std::set<std::uint64_t> places;
        for (std::size_t j = 0; j < sketch_size; ++j) {
            const std::uint64_t place = watermark::sketch_position(j, elements);
            CHECK(place < elements);
            places.insert(place);
        }
        CHECK(places.size() >= std::min<std::uint64_t>(elements, sketch_size) * 6 / 10);
        if (elements < 4096) continue;
        std::uint64_t last = 0;
        for (const std::uint64_t place : places) {
            CHECK(place - last <= elements / sketch_size * 3);
            last = place;
        }
    }
}

TEST_CASE("sketches tell tensors apart, whatever dtype and size of values") {
    const TensorData a = normal_tensor("a", "F32", {100, 50}, 1);
    const auto as = [&](std::string dtype) {
        const std::vector<float> values = values_of(a);
        return TensorData{"a", dtype, a.shape, stored(dtype, {values.begin(), values.end()})};
    };
    CHECK(watermark::similarity(sketch_of(a), sketch_of(as("BF16"))) > 0.99);
    CHECK(watermark::similarity(sketch_of(a), sketch_of(as("F16"))) > 0.99);
    CHECK(watermark::similarity(sketch_of(a), sketch_of(as("F64"))) == Approx(1));
    CHECK(watermark::similarity(sketch_of(a), sketch_of(normal_tensor("a", "F32", {100, 50}, 1, 40))) > 0.99);
    CHECK(std::abs(watermark::similarity(sketch_of(a), sketch_of(normal_tensor("a", "F32", {100, 50}, 2)))) < 0.3);
}

TEST_CASE("a sketch of zeros is like nothing") {
    const TensorData zeros{"a", "F32", {8, 8}, Data(256)};
    CHECK(sketch_of(zeros) == watermark::Sketch{});
    CHECK(watermark::similarity(sketch_of(zeros), sketch_of(zeros)) == 0);
}

} // namespace weightseal::testing

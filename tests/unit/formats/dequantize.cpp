// Elements of any float dtype as floats. All patterns of the FP8 types are in tests/vectors/watermark.json.

#include "formats/dequantize.hpp"
#include "support/catch.hpp"
#include "support/watermark.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace weightseal::testing {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

template <class Stored>
float converted(Dtype dtype, Stored element) {
    Data data(sizeof element);
    store_le(data, 0, element);
    float value = 0;
    formats::to_floats(dtype, data, {&value, 1});
    return value;
}

bool same_bits(float a, float b) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

} // namespace

TEST_CASE("every F16 pattern is its value of IEEE 754") {
    for (unsigned pattern = 0; pattern < 0x10000; ++pattern) {
        const unsigned exponent = pattern >> 10 & 31U;
        const unsigned mantissa = pattern & 1023U;
        const float found = converted(Dtype::f16, static_cast<std::uint16_t>(pattern));
        const float sign = (pattern & 0x8000U) != 0 ? -1.0F : 1.0F;
        CAPTURE(pattern);
        if (exponent == 31 && mantissa != 0)
            REQUIRE(std::isnan(found));
        else if (exponent == 31)
            REQUIRE(found == sign * infinity);
        else if (exponent == 0)
            REQUIRE(same_bits(found, sign * std::ldexp(static_cast<float>(mantissa), -24)));
        else
            REQUIRE(same_bits(found,
                              sign * std::ldexp(static_cast<float>(1024 + mantissa), static_cast<int>(exponent) - 25)));
    }
}

TEST_CASE("every BF16 pattern is the upper half of a float") {
    for (unsigned pattern = 0; pattern < 0x10000; ++pattern) {
        const float found = converted(Dtype::bf16, static_cast<std::uint16_t>(pattern));
        REQUIRE(std::bit_cast<std::uint32_t>(found) == pattern << 16);
    }
}

TEST_CASE("F64 rounds to the nearest float, ties to even") {
    CHECK(converted(Dtype::f64, 1.0 + 0x1p-24) == 1.0F);
    CHECK(converted(Dtype::f64, 1.0 + 0x1p-24 + 0x1p-50) == 1.0F + 0x1p-23F);
    CHECK(converted(Dtype::f64, 1.0 + 3 * 0x1p-24) == 1.0F + 0x1p-22F);
    CHECK(converted(Dtype::f64, 0x1p-149 * 0.75) == 0x1p-149F);
    CHECK(converted(Dtype::f64, 1e300) == infinity);
    CHECK(converted(Dtype::f64, -1e300) == -infinity);
    CHECK(std::isnan(converted(Dtype::f64, std::numeric_limits<double>::quiet_NaN())));
    CHECK(same_bits(converted(Dtype::f64, -0.0), -0.0F));
}

TEST_CASE("the largest and smallest values of the FP8 types") {
    using B = std::uint8_t;
    CHECK(converted(Dtype::f8_e4m3, B{0x7E}) == 448.0F);
    CHECK(converted(Dtype::f8_e4m3, B{0x01}) == 0x1p-9F);
    CHECK(std::isnan(converted(Dtype::f8_e4m3, B{0xFF})));
    CHECK(converted(Dtype::f8_e5m2, B{0xFB}) == -57344.0F);
    CHECK(converted(Dtype::f8_e5m2, B{0x01}) == 0x1p-16F);
    CHECK(converted(Dtype::f8_e5m2, B{0xFC}) == -infinity);
    CHECK(converted(Dtype::f8_e4m3fnuz, B{0x7F}) == 240.0F);
    CHECK(converted(Dtype::f8_e5m2fnuz, B{0x7F}) == 57344.0F);
    CHECK(std::isnan(converted(Dtype::f8_e4m3fnuz, B{0x80})));
    CHECK(converted(Dtype::f8_e8m0, B{0}) == 0x1p-127F);
    CHECK(converted(Dtype::f8_e8m0, B{254}) == 0x1p127F);
}

TEST_CASE("float dtypes are those of 8 bits or more") {
    std::string floats;
    for (unsigned code = 0; code < 256; ++code)
        if (const auto dtype = dtype_from_code(static_cast<std::uint8_t>(code)); dtype && formats::is_float(*dtype))
            floats += std::string(dtype_name(*dtype)) + " ";
    CHECK(floats == "F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ F16 BF16 F32 F64 ");
}

} // namespace weightseal::testing

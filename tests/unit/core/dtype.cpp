// Element types: names, sizes and stored numbers.

#include "weightseal/core/dtype.hpp"
#include "support/catch.hpp"

#include <string>

namespace weightseal::testing {
namespace {

// The dtypes of the safetensors specification, with the numbers of FORMAT.md section 5.
struct Row {
    unsigned code;
    const char* name;
    unsigned bits;
};
constexpr Row specification[] = {
    {1, "BOOL", 8},         {2, "F4", 4},      {3, "F6_E2M3", 6}, {4, "F6_E3M2", 6}, {5, "U8", 8},
    {6, "I8", 8},           {7, "F8_E5M2", 8}, {8, "F8_E4M3", 8}, {9, "F8_E8M0", 8}, {10, "F8_E4M3FNUZ", 8},
    {11, "F8_E5M2FNUZ", 8}, {12, "I16", 16},   {13, "U16", 16},   {14, "F16", 16},   {15, "BF16", 16},
    {16, "I32", 32},        {17, "U32", 32},   {18, "F32", 32},   {19, "C64", 64},   {20, "F64", 64},
    {21, "I64", 64},        {22, "U64", 64},
};

} // namespace

TEST_CASE("every dtype has the name, size and number of the specification") {
    for (const Row& row : specification) {
        INFO(row.name);
        const auto dtype = dtype_from_code(static_cast<std::uint8_t>(row.code));
        REQUIRE(dtype);
        CHECK(static_cast<unsigned>(*dtype) == row.code);
        CHECK(dtype_name(*dtype) == row.name);
        CHECK(dtype_bits(*dtype) == row.bits);
        CHECK(dtype_from_name(row.name) == dtype);
    }
}

TEST_CASE("numbers and names outside the specification are no dtypes") {
    CHECK_FALSE(dtype_from_code(0));
    for (unsigned code = 23; code < 256; ++code)
        CHECK_FALSE(dtype_from_code(static_cast<std::uint8_t>(code)));
    for (const char* const name : {"", "?", "f32", "F32 ", "F128", "FLOAT32", "bf16", "F8"}) {
        INFO(name);
        CHECK_FALSE(dtype_from_name(name));
    }
    CHECK(dtype_name(Dtype{}) == "?");
    CHECK(dtype_name(static_cast<Dtype>(255)) == "?");
    CHECK(dtype_bits(Dtype{}) == 0);
    CHECK(dtype_bits(static_cast<Dtype>(255)) == 0);
}

} // namespace weightseal::testing

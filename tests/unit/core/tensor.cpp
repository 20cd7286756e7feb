// The size of a tensor from its dtype and shape.

#include "weightseal/core/tensor.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

#include <vector>

namespace weightseal::testing {
namespace {

std::uint64_t bytes_of(Dtype dtype, const std::vector<std::uint64_t>& shape) {
    return tensor_bytes(dtype, shape);
}

std::string refused(Dtype dtype, const std::vector<std::uint64_t>& shape) {
    return refusal_code([&] { (void)tensor_bytes(dtype, shape); });
}

} // namespace

TEST_CASE("the size of a tensor is elements times bits") {
    CHECK(bytes_of(Dtype::f32, {}) == 4);
    CHECK(bytes_of(Dtype::u8, {}) == 1);
    CHECK(bytes_of(Dtype::bf16, {3, 5}) == 30);
    CHECK(bytes_of(Dtype::c64, {2}) == 16);
    CHECK(bytes_of(Dtype::f4, {2, 3}) == 3);
    CHECK(bytes_of(Dtype::f6_e2m3, {4}) == 3);
    CHECK(bytes_of(Dtype::f6_e3m2, {8}) == 6);
    CHECK(bytes_of(Dtype::i64, {0, 7}) == 0);
    CHECK(bytes_of(Dtype::f4, {0}) == 0);
    CHECK(bytes_of(Dtype::u8, {std::uint64_t{1} << 60}) == std::uint64_t{1} << 60);
}

TEST_CASE("sub-byte tensors must be whole bytes") {
    CHECK(refused(Dtype::f4, {}) == "misaligned_tensor");
    CHECK(refused(Dtype::f4, {3}) == "misaligned_tensor");
    CHECK(refused(Dtype::f6_e2m3, {2}) == "misaligned_tensor");
    CHECK(refused(Dtype::f6_e2m3, {3, 3}) == "misaligned_tensor");
}

TEST_CASE("a shape whose size does not fit in 64 bits is refused, not wrapped") {
    constexpr std::uint64_t big = std::uint64_t{1} << 32;
    CHECK(refused(Dtype::u8, {big, big}) == "shape_overflow");
    CHECK(refused(Dtype::f64, {std::uint64_t{1} << 58}) == "shape_overflow"); // bits overflow, bytes would not
    CHECK(refused(Dtype::u8, {~std::uint64_t{0}}) == "shape_overflow");
    CHECK(refused(Dtype::u8, {big, big, 0}) == "shape_overflow");
}

} // namespace weightseal::testing

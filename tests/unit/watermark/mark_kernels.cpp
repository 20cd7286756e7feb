// The kernels that mark, against the definition in WATERMARK.md §3.

#include "support/catch.hpp"
#include "watermark/kernels/kernel.hpp"
#include "weightseal/core/bytes.hpp"

#include <bit>
#include <cmath>
#include <random>
#include <vector>

namespace weightseal::testing {
namespace {

using namespace watermark;

constexpr std::size_t elements = 4099;

float value_of(std::uint32_t stored) {
    return std::bit_cast<float>(stored << 16);
}

std::vector<std::byte> random_bytes(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::byte> bytes(count);
    for (std::byte& byte : bytes)
        byte = static_cast<std::byte>(random());
    return bytes;
}

/// One element after another.
void mark_plainly(MutableBytes weights, double amplitude, Bytes chips, std::size_t skipped, Bytes dither,
                  TensorMark& counts) {
    for (std::size_t i = 0; i < weights.size() / 2; ++i) {
        const auto stored = load_le<std::uint16_t>(weights, 2 * i);
        const float w = value_of(stored);
        if (w == 0) {
            ++counts.zeros;
            continue;
        }
        if (!std::isfinite(w)) {
            ++counts.nonfinite;
            continue;
        }
        const std::size_t bit = skipped + i;
        const bool is_minus = (static_cast<unsigned>(chips[bit / 8]) >> bit % 8 & 1U) != 0;
        const auto marked = static_cast<float>(static_cast<double>(w) + (is_minus ? -amplitude : amplitude));
        const std::uint32_t bits = std::bit_cast<std::uint32_t>(marked) + load_le<std::uint16_t>(dither, 2 * i);
        counts.squared_norm += static_cast<double>(w) * static_cast<double>(w);
        if (!std::isfinite(value_of(bits >> 16))) continue;
        store_le(weights, 2 * i, static_cast<std::uint16_t>(bits >> 16));
        ++counts.elements;
        const double change = static_cast<double>(value_of(bits >> 16)) - static_cast<double>(w);
        counts.squared_change += change * change;
    }
}

} // namespace

TEST_CASE("kernels that mark give the weights and the counts of the definition") {
    // Any pattern: ordinary, subnormal, zero, infinite, not a number, and so large that the mark makes it infinite.
    std::vector<std::byte> original = random_bytes(2 * elements, 1);
    for (std::size_t i = 0; i < elements; i += 7)
        store_le(MutableBytes(original), 2 * i, static_cast<std::uint16_t>(i % 2 == 0 ? 0x8000 : 0x7F7F));
    const std::vector<std::byte> chips = random_bytes(elements / 8 + 32, 2), dither = random_bytes(2 * elements, 3);
    for (const Kernel* const kernel : all_kernels()) {
        if (!kernel->is_supported() || kernel->mark_bf16 == nullptr) continue;
        for (const double amplitude : {1e-42, 1e-3, 3e36})
            for (const std::size_t skipped : {0U, 1U, 15U, 127U})
                for (const std::size_t count : {std::size_t{0}, std::size_t{7}, std::size_t{8}, elements}) {
                    CAPTURE(kernel->name, amplitude, skipped, count);
                    std::vector<std::byte> found(original), expected(original);
                    TensorMark sums, expected_sums;
                    const std::size_t done =
                        kernel->mark_bf16(found.data(), count, amplitude, chips.data(), skipped, dither.data(), sums);
                    CHECK(done <= count);
                    CHECK(count - done < 8);
                    mark_plainly(MutableBytes(expected).first(2 * done), amplitude, chips, skipped, dither,
                                 expected_sums);
                    CHECK(found == expected);
                    CHECK(sums.elements == expected_sums.elements);
                    CHECK(sums.zeros == expected_sums.zeros);
                    CHECK(sums.nonfinite == expected_sums.nonfinite);
                    CHECK(sums.squared_norm == Approx(expected_sums.squared_norm));
                    CHECK(sums.squared_change == Approx(expected_sums.squared_change));
                }
    }
}

} // namespace weightseal::testing

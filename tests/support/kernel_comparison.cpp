#include "support/kernel_comparison.hpp"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

namespace weightseal::testing {
namespace {

using namespace watermark;

constexpr std::array elements{Element::f32, Element::f16, Element::bf16};

// Scales of real rows, scales that make ties, and the extremes.
constexpr std::array scales{32 / 0.0199F, 1.0F, 0.5F, 0.0F, FLT_TRUE_MIN, 1e-38F, 0x1.8p105F, FLT_MAX};

#if defined(WEIGHTSEAL_SANITIZED)
constexpr std::size_t thoroughness = 1;
#else
constexpr std::size_t thoroughness = 8;
#endif

/// Elements of one type in a block of memory that ends where they end, at any alignment.
class Row {
  public:
    Row(Element element, std::size_t count, std::size_t misalignment = 0)
        : element_(element), size_(element == Element::f32 ? 4 : 2), count_(count), misalignment_(misalignment),
          bytes_(misalignment + count * size_) {}

    [[nodiscard]] Element element() const { return element_; }
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] const std::byte* at(std::size_t i) const { return bytes_.data() + misalignment_ + i * size_; }

    /// The element with these upper 16 bits; an f32 has `lower`, too.
    void set(std::size_t i, std::uint16_t upper, std::uint16_t lower) {
        std::byte* const to = bytes_.data() + misalignment_ + i * size_;
        if (element_ == Element::f32) std::memcpy(to, &lower, sizeof lower);
        std::memcpy(to + (size_ - sizeof upper), &upper, sizeof upper);
    }

    void fill_at_random(std::mt19937_64& random) {
        for (std::size_t i = 0; i < count_; ++i)
            set(i, static_cast<std::uint16_t>(random()), static_cast<std::uint16_t>(random()));
    }

  private:
    Element element_;
    std::size_t size_, count_, misalignment_;
    std::vector<std::byte> bytes_;
};

std::vector<std::uint64_t> chips_for(std::size_t count, std::mt19937_64& random) {
    std::vector<std::uint64_t> chips((count + 63) / 64);
    std::ranges::generate(chips, std::ref(random));
    return chips;
}

std::string text(const RowSums& sums) {
    return std::to_string(sums.white_s) + ' ' + std::to_string(sums.white_q) + ' ' + std::to_string(sums.sign_s) + ' ' +
           std::to_string(sums.sign_q) + ' ' + std::to_string(sums.nonfinite);
}

std::string text(const Magnitude& magnitude) {
    return std::to_string(magnitude.sum) + ' ' + std::to_string(magnitude.count);
}

std::string correlation(const Kernel& kernel, const Row& row, std::size_t first, std::size_t count, float c,
                        const std::uint64_t* chips) {
    RowSums sums{1, 2, 3, 4, 5}; // sums are added to
    kernel.of(row.element()).correlate(row.at(first), count, c, chips, sums);
    return text(sums);
}

std::string magnitude(const Kernel& kernel, const Row& row, std::size_t every) {
    Magnitude magnitude{1, 2};
    kernel.of(row.element()).measure(row.at(0), row.count(), every, magnitude);
    return text(magnitude);
}

std::string compared(const Row& row, const std::string& what, const std::string& expected, const std::string& found) {
    if (expected == found) return {};
    return "element type " + std::to_string(static_cast<int>(row.element())) + ", " + std::to_string(row.count()) +
           " elements, " + what + ": " + found + " instead of " + expected;
}

std::string compare_magnitudes(const Kernel& kernel, const Row& row) {
    for (const std::size_t every : {1U, 2U, 3U, 7U, 100U}) {
        auto difference = compared(row, "magnitude of every block number " + std::to_string(every),
                                   magnitude(plain_kernel, row, every), magnitude(kernel, row, every));
        if (!difference.empty()) return difference;
    }
    return {};
}

/// Piece by piece, so that errors do not cancel out.
std::string compare_pieces(const Kernel& kernel, const Row& row, float c, std::mt19937_64& random) {
    constexpr std::size_t piece = 128;
    for (std::size_t first = 0; first < row.count(); first += piece) {
        const std::size_t count = std::min(piece, row.count() - first);
        const auto chips = chips_for(count, random);
        const auto difference = compared(row, "from " + std::to_string(first) + ", scale " + std::to_string(c),
                                         correlation(plain_kernel, row, first, count, c, chips.data()),
                                         correlation(kernel, row, first, count, c, chips.data()));
        if (!difference.empty()) return difference;
    }
    return {};
}

/// Each upper half of 16 bits, in order and mixed.
std::string every_pattern(const Kernel& kernel) {
    std::mt19937_64 random(1);
    std::vector<std::uint16_t> patterns(1 << 16);
    std::iota(patterns.begin(), patterns.end(), std::uint16_t{0});
    for (const bool mixed : {false, true}) {
        if (mixed) std::ranges::shuffle(patterns, random);
        for (const Element element : elements) {
            Row row(element, patterns.size());
            for (std::size_t i = 0; i < row.count(); ++i)
                row.set(i, patterns[i], static_cast<std::uint16_t>(random()));
            for (std::size_t i = 0; i < thoroughness; ++i)
                if (auto difference = compare_pieces(kernel, row, scales[i], random); !difference.empty())
                    return difference;
            if (auto difference = compare_magnitudes(kernel, row); !difference.empty()) return difference;
        }
    }
    return {};
}

/// Any bits, under any scale.
std::string random_rows(const Kernel& kernel) {
    std::mt19937_64 random(2);
    for (const Element element : elements)
        for (std::size_t i = 0; i < 16 * thoroughness; ++i) {
            Row row(element, 1000);
            row.fill_at_random(random);
            const float c =
                std::ldexp(1.0F + std::generate_canonical<float, 23>(random), static_cast<int>(random() % 252) - 126);
            if (auto difference = compare_pieces(kernel, row, c, random); !difference.empty()) return difference;
        }
    return {};
}

/// Each length around the steps of the kernels, at each alignment; the sample of longer rows.
std::string lengths(const Kernel& kernel) {
    std::mt19937_64 random(3);
    for (const Element element : elements) {
        for (std::size_t count = 0; count <= 200; ++count)
            for (std::size_t misalignment = 0; misalignment < thoroughness; ++misalignment) {
                Row row(element, count, misalignment);
                row.fill_at_random(random);
                const auto chips = chips_for(count, random);
                auto difference = compared(row, "misaligned by " + std::to_string(misalignment),
                                           correlation(plain_kernel, row, 0, count, scales[0], chips.data()),
                                           correlation(kernel, row, 0, count, scales[0], chips.data()));
                if (difference.empty()) difference = compare_magnitudes(kernel, row);
                if (!difference.empty()) return difference;
            }
        for (const std::size_t length : {384U, 1023U, 2047U, 2048U, 2079U, 4096U, 5000U, 14336U, 100'001U}) {
            Row row(element, length);
            row.fill_at_random(random);
            const auto chips = chips_for(length, random);
            auto difference =
                compared(row, "correlation", correlation(plain_kernel, row, 0, length, 2.5F, chips.data()),
                         correlation(kernel, row, 0, length, 2.5F, chips.data()));
            if (difference.empty()) difference = compare_magnitudes(kernel, row);
            if (!difference.empty()) return difference;
        }
    }
    return {};
}

/// The most elements that one call may have, all of them the largest, of one sign.
std::string largest_sums(const Kernel& kernel) {
    constexpr std::size_t most = 1 << 20;
    for (const Element element : elements)
        for (const std::uint64_t word : {std::uint64_t{0}, ~std::uint64_t{0}}) {
            Row row(element, most);
            for (std::size_t i = 0; i < most; ++i)
                row.set(i, 0x3F80, 0);
            const std::vector<std::uint64_t> chips(most / 64, word);
            const std::string s = std::to_string(word == 0 ? 1 + 127 * 0x100000 : 1 - 127 * 0x100000);
            const std::string sign_s = std::to_string(word == 0 ? 3 + 0x100000 : 3 - 0x100000);
            const std::string expected = s + " 16912482306 " + sign_s + " 1048580 5";
            auto difference =
                compared(row, "all alike", expected, correlation(kernel, row, 0, most, 1e3F, chips.data()));
            if (difference.empty()) difference = compare_magnitudes(kernel, row);
            if (!difference.empty()) return difference;
        }
    return {};
}

constexpr std::array comparisons{
    KernelComparison{"every pattern of 16 bits", every_pattern},
    KernelComparison{"any bits under any scale", random_rows},
    KernelComparison{"each length and alignment", lengths},
    KernelComparison{"the largest sums", largest_sums},
};

} // namespace

std::span<const KernelComparison> kernel_comparisons() {
    return comparisons;
}

} // namespace weightseal::testing

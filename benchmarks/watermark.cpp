// Measures the correlation of the watermark: each kernel of this processor over each element type, on one core, beside
// a plain read of the same memory. Prints one JSON object a line. `bench_watermark [ROW_LENGTH…]`; 4096 unless told.

#include "watermark/correlate.hpp"
#include "weightseal/core/aligned_buffer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace weightseal;
using namespace weightseal::watermark;

constexpr std::size_t memory = std::size_t{512} << 20;
constexpr int pairs = 9; // of a read and a correlation; the median counts. The plain kernel, which is slow, has one

constexpr std::array types{std::pair{Element::f32, "f32"}, std::pair{Element::f16, "f16"},
                           std::pair{Element::bf16, "bf16"}};

/// Weights as models have them, normally distributed: few enough of them to be made fast, in no order.
void fill(Element element, MutableBytes to) {
    std::mt19937 random(1);
    std::normal_distribution<float> weight(0, 0.02F);
    std::vector<std::uint32_t> weights(1 << 16);
    for (std::uint32_t& bits : weights)
        bits = std::bit_cast<std::uint32_t>(weight(random));
    const std::size_t size = element_size(element);
    for (std::size_t at = 0; at < to.size(); at += size) {
        std::uint32_t bits = weights[random() >> 16];
        if (element == Element::f16) // of a normal number: another bias, shorter
            bits = (bits >> 16 & 0x8000U) | (((bits & 0x7FFFFFFFU) - 0x38000000U) >> 13 & 0x7FFFU);
        if (element == Element::bf16) bits >>= 16;
        std::memcpy(to.data() + at, &bits, size);
    }
}

/// The yardstick: the sum of all 64-bit words.
#if defined(__x86_64__)
[[gnu::target_clones("avx2", "default")]]
#endif
std::uint64_t
read(const std::byte* from, std::size_t size) {
    using Words [[gnu::vector_size(32)]] = std::uint64_t;
    std::array<Words, 4> sums{};
    for (std::size_t at = 0; at < size; at += sizeof sums)
        for (std::size_t i = 0; i < sums.size(); ++i) {
            Words words;
            std::memcpy(&words, from + at + i * sizeof words, sizeof words);
            sums[i] += words;
        }
    const Words sum = sums[0] + sums[1] + sums[2] + sums[3];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

void measure(const Kernel& kernel, Element element, const char* type, std::uint64_t row, const AlignedBuffer& buffer) {
    const std::uint64_t rows = memory / element_size(element) / row;
    constexpr std::array<std::byte, 32> key{};
    std::uint64_t sum = 0;
    RowSums sums;
    std::vector<double> reading, correlating, ratio;
    for (int i = 0; i < (&kernel == &plain_kernel ? 1 : pairs); ++i) {
        reading.push_back(seconds_of([&] { sum += read(buffer.data(), memory); }));
        correlating.push_back(
            seconds_of([&] { Correlator(kernel, key).add_rows(element, buffer.data(), row, rows, 0, sums); }));
        ratio.push_back(reading.back() / correlating.back());
    }
    // The sums are printed so that nobody leaves the work out.
    std::printf("{\"kernel\": \"%s\", \"dtype\": \"%s\", \"row\": %llu, \"correlate_gb_s\": %.2f, \"read_gb_s\": %.2f, "
                "\"ratio\": %.3f, \"s\": %lld, \"sum\": %llu}\n",
                kernel.name.data(), type, static_cast<unsigned long long>(row), memory / median(correlating) / 1e9,
                memory / median(reading) / 1e9, median(ratio), static_cast<long long>(sums.white_s),
                static_cast<unsigned long long>(sum));
    std::fflush(stdout);
}

} // namespace

int main(int count, char** values) {
    try {
        std::vector<std::uint64_t> rows;
        for (int i = 1; i < count; ++i)
            rows.push_back(std::stoull(values[i]));
        if (rows.empty()) rows.push_back(4096);
        AlignedBuffer buffer(memory, {});
        for (const auto& [element, type] : types) {
            fill(element, buffer.bytes());
            for (const Kernel* const kernel : all_kernels())
                if (kernel->is_supported())
                    for (const std::uint64_t row : rows)
                        measure(*kernel, element, type, row, buffer);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_watermark: %s\n", error.what());
        return 1;
    }
}

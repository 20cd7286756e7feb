#include "watermark/correlate.hpp"

#include "watermark/rows.hpp"
#include "watermark/scale.hpp"

#include <algorithm>

namespace weightseal::watermark {
namespace {

constexpr std::uint64_t chips_per_block = 128; // of AES
constexpr std::uint64_t window = 1U << 17;     // chips made at a time: 16 KiB of keystream
constexpr std::uint64_t piece = 1U << 16;      // elements per call of a kernel

} // namespace

Correlator::Correlator(const Kernel& kernel, std::span<const std::byte, 32> chip_key)
    : kernel_(kernel), stream_(chip_key), words_(window / 64 + 1), shifted_(piece / 64 + 1) {}

const std::uint64_t* Correlator::chips(std::uint64_t first, std::uint64_t count) {
    if (first < begin_ || first + count > end_) {
        begin_ = first / chips_per_block * chips_per_block;
        end_ = begin_ + window;
        stream_.fill(begin_ / 8, std::as_writable_bytes(std::span(words_)).first(window / 8));
    }
    const std::uint64_t* const words = words_.data() + (first - begin_) / 64;
    const unsigned shift = (first - begin_) % 64;
    if (shift == 0) return words;
    for (std::size_t i = 0; i * 64 < count; ++i)
        shifted_[i] = words[i] >> shift | words[i + 1] << (64 - shift);
    return shifted_.data();
}

void Correlator::add_part(Element element, const std::byte* elements, std::uint64_t count, float c, std::uint64_t first,
                          RowSums& to) {
    const Loops& loops = kernel_.of(element);
    while (count != 0) {
        const std::uint64_t now = std::min(count, piece);
        loops.correlate(elements, now, c, chips(first, now), to);
        elements += now * element_size(element);
        first += now;
        count -= now;
    }
}

void Correlator::add_rows(Element element, const std::byte* elements, std::uint64_t length, std::uint64_t count,
                          std::uint64_t first, RowSums& to) {
    const Loops& loops = kernel_.of(element);
    for (; count != 0; --count) {
        Magnitude magnitude;
        loops.measure(elements, length, sample_step(length), magnitude);
        if (const auto a = scale_of(magnitude)) {
            add_part(element, elements, length, 32.0F / *a, first, to);
        } else { // features are zero; what is not finite is counted all the same
            RowSums sums;
            add_part(element, elements, length, 0.0F, first, sums);
            to.nonfinite += sums.nonfinite;
        }
        elements += length * element_size(element);
        first += length;
    }
}

} // namespace weightseal::watermark

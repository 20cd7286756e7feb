#pragma once
// The order of elements that kernels for x86 see: packing works on 128-bit lanes, so that bytes packed from four
// vectors are not in the order of their elements. The chips are brought into the same one.

#include <cstddef>
#include <cstdint>

namespace weightseal::watermark {

/// Where the chip of each packed byte is: in which byte of `Step` chips, and at which bit.
template <std::size_t Step>
struct ChipOrder {
    alignas(Step) std::uint8_t byte[Step];
    alignas(Step) std::uint8_t bit[Step];
};

/// A lane holds `run` elements that follow each other of each vector it was packed from.
template <std::size_t Step>
constexpr ChipOrder<Step> chip_order(std::size_t run) noexcept {
    constexpr std::size_t lane = 16;
    ChipOrder<Step> order{};
    for (std::size_t i = 0; i < Step; ++i) {
        const std::size_t vector = i % lane / run;
        const std::size_t element = vector * (Step / lane * run) + i / lane * run + i % run;
        order.byte[i] = static_cast<std::uint8_t>(element / 8);
        order.bit[i] = static_cast<std::uint8_t>(1U << element % 8);
    }
    return order;
}

} // namespace weightseal::watermark

#pragma once
// Kernels: the inner loops of the watermark, one implementation per instruction set. All give the same integers.

#include "weightseal/watermark/mark.hpp" // TensorMark

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace weightseal::watermark {

/// Over nonzero finite elements: how many, and the sum of their m (WATERMARK.md §4).
struct Magnitude {
    std::uint64_t sum = 0;
    std::uint64_t count = 0;
};

/// Over the elements of a row: S and Q of both features, and how many elements are not finite.
struct RowSums {
    std::int64_t white_s = 0;
    std::uint64_t white_q = 0;
    std::int64_t sign_s = 0;
    std::uint64_t sign_q = 0;
    std::uint64_t nonfinite = 0;
};

/// Element types that kernels read; everything else is converted to f32 first.
enum class Element : std::uint8_t { f32 = 0, f16 = 1, bf16 = 2 };
inline constexpr std::size_t element_count = 3;

/// The loops of one element type. `elements` needs no alignment.
struct Loops {
    /// Adds the magnitude of every `every`-th block of 32 elements to `to`, beginning with the first.
    void (*measure)(const void* elements, std::size_t count, std::size_t every, Magnitude& to);
    /// Adds the sums of `count` elements, at most 2²⁰, under the scale `c`, finite and not negative, to `to`. Bit i of
    /// `chips` (the lowest of each word first) belongs to element i; all words up to ⌈count/64⌉ are readable.
    void (*correlate)(const void* elements, std::size_t count, float c, const std::uint64_t* chips, RowSums& to);
};

/// Marks the leading ones of `count` BF16 elements, at most 2¹⁵, in place and returns how many; the plain loop of
/// marker.cpp gives the same. Element 0 has bit `skipped` of `chips`, the lowest of each byte first, whose next byte is
/// readable, too, and the first 16 bits of `dither`.
using MarkBf16 = std::size_t (*)(std::byte* elements, std::size_t count, double amplitude, const std::byte* chips,
                                 std::size_t skipped, const std::byte* dither, TensorMark& counts);

struct Kernel {
    std::string_view name; ///< "plain", "avx2", "avx512", "neon"
    bool (*is_supported)() noexcept;
    Loops loops[element_count];
    MarkBf16 mark_bf16 = nullptr; ///< null: the plain loop marks all

    [[nodiscard]] const Loops& of(Element element) const noexcept { return loops[static_cast<std::size_t>(element)]; }
};

/// The kernels compiled in, slowest first; the first is "plain" and always supported.
[[nodiscard]] std::span<const Kernel* const> all_kernels() noexcept;

/// The fastest supported one, or the one of the name `forced`. Throws `unsupported` if this build or processor has
/// none.
[[nodiscard]] const Kernel& choose_kernel(std::string_view forced);

/// The one that WEIGHTSEAL_FORCE_KERNEL, read once, chooses. Throws what `forced_kernel` and `choose_kernel` throw.
[[nodiscard]] const Kernel& chosen_kernel();

extern const Kernel plain_kernel;
#if defined(__x86_64__)
extern const Kernel avx2_kernel, avx512_kernel;
std::size_t mark_bf16_avx2(std::byte* elements, std::size_t count, double amplitude, const std::byte* chips,
                           std::size_t skipped, const std::byte* dither, TensorMark& counts);
#elif defined(__aarch64__)
extern const Kernel neon_kernel;
#endif

} // namespace weightseal::watermark

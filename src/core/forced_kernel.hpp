#pragma once
// WEIGHTSEAL_FORCE_KERNEL: which implementation of a job tests and measurements want, where there are several.

#include <array>
#include <span>
#include <string_view>

namespace weightseal {

/// The names it may have, by job; each job leaves the other's alone.
inline constexpr std::array<std::string_view, 2> cipher_kernels{"libcrypto", "ipsec-mb"};
inline constexpr std::array<std::string_view, 4> watermark_kernels{"plain", "avx2", "avx512", "neon"};

/// The one of `job`, a list above, that it names; empty if it is not set or names another job's. Throws
/// `invalid_argument` for a name in no list.
[[nodiscard]] std::string_view forced_kernel(std::span<const std::string_view> job);

} // namespace weightseal

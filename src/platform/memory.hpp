#pragma once
// Memory from the operating system: pages with an alignment, kept out of core dumps.

#include <cstddef>

namespace weightseal::platform {

inline constexpr std::size_t page_size = 4096;
inline constexpr std::size_t huge_page_size = std::size_t{2} << 20;

/// `size` zeroed bytes (a multiple of page_size) aligned to `alignment`, excluded from core dumps; null on failure.
[[nodiscard]] void* map_pages(std::size_t size, std::size_t alignment, bool huge_pages) noexcept;
void unmap_pages(void* data, std::size_t size) noexcept;

} // namespace weightseal::platform

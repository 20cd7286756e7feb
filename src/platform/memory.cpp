#include "platform/memory.hpp"

#include <cstdint>
#include <sys/mman.h>

namespace weightseal::platform {

void* map_pages(std::size_t size, std::size_t alignment, bool huge_pages) noexcept {
    // mmap aligns to pages only: map more, then give back what stands over at both ends.
    const std::size_t extra = alignment > page_size ? alignment : 0;
    if (size > SIZE_MAX - extra) return nullptr;
    void* mapped = mmap(nullptr, size + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    auto* data = static_cast<char*>(mapped);
    if (extra != 0) {
        const std::size_t over = reinterpret_cast<std::uintptr_t>(data) % alignment;
        const std::size_t head = over == 0 ? 0 : alignment - over;
        if (head != 0) munmap(data, head);
        if (extra != head) munmap(data + head + size, extra - head);
        data += head;
    }
    if (madvise(data, size, MADV_DONTDUMP) != 0) {
        munmap(data, size);
        return nullptr;
    }
    if (huge_pages) madvise(data, size, MADV_HUGEPAGE); // a wish: kernels without huge pages refuse it
    return data;
}

void unmap_pages(void* data, std::size_t size) noexcept {
    munmap(data, size);
}

} // namespace weightseal::platform

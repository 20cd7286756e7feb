#include "weightseal/core/aligned_buffer.hpp"

#include "platform/memory.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace weightseal {

AlignedBuffer::AlignedBuffer(std::size_t size, const BufferOptions& options) : size_(size), wipe_(options.wipe) {
    const std::size_t alignment = std::max<std::size_t>(options.alignment, 64);
    if (!std::has_single_bit(options.alignment) || alignment > platform::huge_page_size)
        throw Error(Errc::invalid_argument, "buffer", "the alignment is not a power of two up to 2 MiB");
    if (size == 0) return;
    if (options.allocator.allocate) {
        release_ = options.allocator.release; // first: copying it may throw
        data_ = static_cast<std::byte*>(options.allocator.allocate(size, alignment));
        if (data_ == nullptr) throw Error(Errc::out_of_memory, "buffer", "the caller's allocator returned null");
        if (reinterpret_cast<std::uintptr_t>(data_) % alignment != 0) {
            if (release_) release_(data_, size_);
            throw Error(Errc::callback_failed, "buffer", "the caller's allocator returned misaligned memory");
        }
        return;
    }
    const bool huge = options.huge_pages && size >= platform::huge_page_size;
    const std::size_t mapping_alignment = huge ? platform::huge_page_size : std::max(alignment, platform::page_size);
    if (size > std::numeric_limits<std::size_t>::max() - platform::page_size)
        throw Error(Errc::out_of_memory, "buffer", "larger than the address space");
    mapped_ = align_up(size, platform::page_size);
    data_ = static_cast<std::byte*>(platform::map_pages(mapped_, mapping_alignment, huge));
    if (data_ == nullptr) throw Error(Errc::out_of_memory, "buffer", "the system gave no memory");
}

AlignedBuffer::~AlignedBuffer() {
    if (data_ == nullptr) return;
    if (wipe_) weightseal::wipe(bytes());
    if (mapped_ != 0)
        platform::unmap_pages(data_, mapped_);
    else if (release_)
        release_(data_, size_);
}

void AlignedBuffer::swap(AlignedBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
    std::swap(wipe_, other.wipe_);
    std::swap(release_, other.release_);
}

} // namespace weightseal

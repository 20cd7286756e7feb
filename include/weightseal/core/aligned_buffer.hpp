#pragma once
// Aligned buffers: where decrypted tensors live. Page-backed, huge pages where large, kept out of core dumps.

#include "weightseal/core/bytes.hpp" // MutableBytes

#include <cstddef>
#include <functional>
#include <utility>

namespace weightseal {

/// A caller's allocator, for example one that pins memory. Both functions may be called from any thread.
/// `allocate` returns memory aligned to at least `alignment`, or null.
struct Allocator {
    std::function<void*(std::size_t size, std::size_t alignment)> allocate;
    std::function<void(void* data, std::size_t size)> release;
};

/// How a buffer is made.
struct BufferOptions {
    std::size_t alignment = 64; ///< bytes, a power of two up to 2 MiB; 64 at least is always given
    bool huge_pages = true;     ///< ask for transparent huge pages from 2 MiB on (2 MiB aligned then)
    bool wipe = false;          ///< overwrite with zeros on release
    Allocator allocator{};      ///< empty: our own pages
};

/// Owning, movable, zero-length allowed. Our own memory is zeroed, page-aligned (which satisfies `alignment`
/// up to 4096; beyond that it is honoured exactly) and excluded from core dumps by MADV_DONTDUMP; a caller's
/// allocator decides that for itself. Not thread-safe to mutate; freely readable from many threads.
class AlignedBuffer {
  public:
    AlignedBuffer() noexcept = default;
    /// Throws `out_of_memory`, or `invalid_argument` for an alignment that is not a power of two up to 2 MiB.
    AlignedBuffer(std::size_t size, const BufferOptions& options);
    AlignedBuffer(AlignedBuffer&& other) noexcept { swap(other); }
    AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
        AlignedBuffer(std::move(other)).swap(*this);
        return *this;
    }
    ~AlignedBuffer();

    [[nodiscard]] std::byte* data() noexcept { return data_; }
    [[nodiscard]] const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] MutableBytes bytes() noexcept { return {data_, size_}; }
    [[nodiscard]] Bytes bytes() const noexcept { return {data_, size_}; }

    void swap(AlignedBuffer& other) noexcept;

  private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t mapped_ = 0; // 0: the allocator's
    bool wipe_ = false;
    std::function<void(void*, std::size_t)> release_;
};

/// Overwrites memory with zeros in a way the compiler does not remove.
void wipe(MutableBytes bytes) noexcept;

} // namespace weightseal

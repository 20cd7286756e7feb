#pragma once
// Carver: consecutive parts of a buffer.

#include "weightseal/core/bytes.hpp"

#include <array>
#include <cstddef>
#include <span>

namespace weightseal::guard {

/// Hands out consecutive parts of a buffer; first with no buffer, to learn its size.
class Carver {
  public:
    explicit Carver(std::byte* data) : data_(data) {}

    template <class T>
    std::span<T> take(std::size_t count) {
        const std::size_t at = align_up(size_, alignof(T));
        size_ = at + count * sizeof(T);
        return data_ == nullptr ? std::span<T>{} : std::span<T>{reinterpret_cast<T*>(data_ + at), count};
    }
    /// Bytes for anything that has the alignment of a cache line.
    MutableBytes take_bytes(std::size_t size) {
        struct alignas(64) Cell {
            std::array<std::byte, 64> bytes;
        };
        return std::as_writable_bytes(take<Cell>((size + 63) / 64)).first(data_ == nullptr ? 0 : size);
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    std::byte* data_;
    std::size_t size_ = 0;
};

} // namespace weightseal::guard

#pragma once
// The end of a row, where fewer elements are left than a kernel takes at a time.

#include <cstddef>
#include <cstring>

namespace weightseal::watermark {

/// What is left, filled up with zeros: they add nothing to any sum.
template <std::size_t Size>
class Padded {
  public:
    /// `size` is at most `Size`. Valid until the next call.
    const std::byte* fill(const std::byte* from, std::size_t size) noexcept {
        std::memset(bytes_, 0, Size);
        std::memcpy(bytes_, from, size);
        return bytes_;
    }

  private:
    std::byte bytes_[Size]; // not initialized: few rows have such an end
};

} // namespace weightseal::watermark

#pragma once
// Tags: one byte for each slot of a hash table, eight in a word, which are compared at once.

#include <bit>
#include <cstddef>
#include <cstdint>

namespace weightseal::guard {

/// The tags of a group of slots. A tag is 0 for an empty slot, otherwise seven bits of a hash with the eighth set.
class Tags {
  public:
    static constexpr std::size_t group = 8;

    /// Slots of the group.
    class Set {
      public:
        explicit Set(std::uint64_t high_bits) noexcept : high_bits_(high_bits) {}
        explicit operator bool() const noexcept { return high_bits_ != 0; }
        /// The first slot; of an empty set, `group`.
        [[nodiscard]] std::size_t first() const noexcept {
            return static_cast<std::size_t>(std::countr_zero(high_bits_)) / 8;
        }
        void pop() noexcept { high_bits_ &= high_bits_ - 1; }

      private:
        std::uint64_t high_bits_; // of the bytes of its slots
    };

    [[nodiscard]] Set equal_to(std::uint64_t hash) const noexcept {
        const std::uint64_t other = word_ ^ tag_of(hash) * each;
        return Set(~(((other & ~high) + ~high) | other) & high); // bytes that are 0
    }
    [[nodiscard]] Set empty() const noexcept { return Set(~word_ & high); }

    [[nodiscard]] bool is_empty(std::size_t slot) const noexcept { return (word_ >> 8 * slot & 0x80) == 0; }

    void set(std::size_t slot, std::uint64_t hash) noexcept {
        word_ = (word_ & ~(std::uint64_t{0xFF} << 8 * slot)) | tag_of(hash) << 8 * slot;
    }
    void clear(std::size_t slot) noexcept { word_ &= ~(std::uint64_t{0xFF} << 8 * slot); }

  private:
    static constexpr std::uint64_t each = 0x0101010101010101;
    static constexpr std::uint64_t high = 0x8080808080808080;

    [[nodiscard]] static std::uint64_t tag_of(std::uint64_t hash) noexcept { return (hash & 0x7F) | 0x80; }

    std::uint64_t word_ = 0;
};

} // namespace weightseal::guard

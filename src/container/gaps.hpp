#pragma once
// Gaps: keystream between entries, so that a stranger cannot see where one ends (FORMAT.md §6).

#include "container/key_schedule.hpp"
#include "crypto/aead.hpp"
#include "weightseal/container/layout.hpp"

#include <array>
#include <cstdint>

namespace weightseal::container {

/// The bytes of the gap [begin, end) of the body, at most `layout::max_gap`.
class GapStream {
  public:
    GapStream(const KeySchedule& keys, std::uint64_t begin, std::uint64_t end) : begin_(begin) {
        BriefKey key;
        keys.gaps_key(key);
        crypto::keystream(keys.suite(), key.bytes(), begin, MutableBytes(bytes_).first(end - begin));
    }
    /// Its bytes from body offset `from` to `to`.
    [[nodiscard]] Bytes at(std::uint64_t from, std::uint64_t to) const {
        return Bytes(bytes_).subspan(from - begin_, to - from);
    }

  private:
    std::uint64_t begin_;
    std::array<std::byte, layout::max_gap> bytes_;
};

} // namespace weightseal::container

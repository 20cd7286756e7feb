#pragma once
// A segment: adjacent bytes of an object that one request brings.

#include "remote/failure.hpp"
#include "weightseal/core/aligned_buffer.hpp"

#include <cstdint>
#include <limits>
#include <optional>

namespace weightseal::remote {

/// Bytes below `received` are for readers, those from there on for the thread that downloads. All else is under the
/// lock of the cache.
struct Segment {
    static constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

    std::uint64_t begin = 0; ///< in the object
    std::size_t size = 0;    ///< bytes of the object, not more than the buffer has
    std::size_t step = 0;    ///< how large segments have grown by reading on and on
    AlignedBuffer buffer;

    std::size_t received = 0;
    std::optional<Failure> failure;
    std::size_t awaited = nobody;   ///< the least that a reader waits for
    unsigned readers = 0;           ///< who are at it now
    std::size_t consumed = 0;       ///< bytes that readers took
    std::uint64_t last_touched = 0; ///< on the clock of the cache

    [[nodiscard]] std::uint64_t end() const noexcept { return begin + size; }
    [[nodiscard]] bool is_over() const noexcept { return received == size || failure.has_value(); }
    /// Whether it may be thrown away.
    [[nodiscard]] bool is_idle() const noexcept { return is_over() && readers == 0; }
    [[nodiscard]] bool is_spent() const noexcept { return consumed >= size; }
};

} // namespace weightseal::remote

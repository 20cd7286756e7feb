#pragma once
// Encoding: what goes into hashes, in the notation of WATERMARK.md.

#include "crypto/hash.hpp"

#include <cstdint>
#include <string_view>

namespace weightseal::watermark {

template <class Integer>
void add_le(crypto::Sha256& hash, Integer value) {
    std::array<std::byte, sizeof value> bytes;
    store_le(bytes, 0, value);
    hash.add(bytes);
}

/// `text(s)`: its length in 32 bits, then its bytes.
inline void add_text(crypto::Sha256& hash, std::string_view text) {
    add_le(hash, static_cast<std::uint32_t>(text.size()));
    hash.add(as_bytes(text));
}

inline void add_shape(crypto::Sha256& hash, std::span<const std::uint64_t> shape) {
    add_le(hash, static_cast<std::uint32_t>(shape.size()));
    for (const std::uint64_t extent : shape)
        add_le(hash, extent);
}

} // namespace weightseal::watermark

#pragma once
// Identity: which keys a tensor has under an owner's key (WATERMARK.md §1).

#include "crypto/hash.hpp"
#include "weightseal/keys/key.hpp"
#include "weightseal/watermark/mark.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace weightseal::watermark {

/// The keys of all tensors of one marking. In guarded memory; thread-safe.
class Identity {
  public:
    /// Throws `key_kind`.
    Identity(const Key& key, const MarkIdentity& identity);

    [[nodiscard]] Secret chip_key(std::string_view tensor, std::span<const std::uint64_t> shape) const;
    [[nodiscard]] Secret dither_key(std::string_view tensor, std::span<const std::uint64_t> shape) const;

  private:
    [[nodiscard]] Secret derive(std::string_view label, std::string_view tensor,
                                std::span<const std::uint64_t> shape) const;
    Secret prk_;
    Digest identity_;
};

/// What the record says of a chip key.
[[nodiscard]] Digest commitment(const Secret& chip_key);

} // namespace weightseal::watermark

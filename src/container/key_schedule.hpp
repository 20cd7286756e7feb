#pragma once
// Key schedule: every key of a container from its file key (FORMAT.md §3).

#include "crypto/hash.hpp"
#include "weightseal/core/suite.hpp"
#include "weightseal/keys/secret.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace weightseal::container {

using Salt = std::array<std::byte, 32>;

/// A key that is used at once and wiped when it goes out of scope. Not for keeping: that is what Secret is for.
class BriefKey {
  public:
    BriefKey() = default;
    BriefKey(const BriefKey&) = delete;
    BriefKey& operator=(const BriefKey&) = delete;
    ~BriefKey();
    [[nodiscard]] std::span<std::byte, 32> bytes() noexcept { return bytes_; }
    [[nodiscard]] std::span<const std::byte, 32> bytes() const noexcept { return bytes_; }

  private:
    std::array<std::byte, 32> bytes_{};
};

/// The pseudo-random key of a container, in guarded memory, and what derives from it. Thread-safe.
class KeySchedule {
  public:
    KeySchedule() = default;
    KeySchedule(const Secret& file_key, const Salt& file_salt, Suite suite, unsigned chunk_log2);

    [[nodiscard]] Suite suite() const noexcept { return suite_; }

    /// Public: stands in the prelude.
    [[nodiscard]] crypto::Hash commitment() const;
    /// MACs of prelude and slot block over `covered`.
    [[nodiscard]] crypto::Hash prelude_mac(Bytes covered) const;
    [[nodiscard]] crypto::Hash slots_mac(Bytes covered) const;

    void index_key(BriefKey& to) const;
    void gaps_key(BriefKey& to) const;
    void directory_key(const Salt& block_salt, BriefKey& to) const;
    /// `record` is the entry's record in the index.
    void entry_key(std::uint64_t ordinal, Bytes record, BriefKey& to) const;

  private:
    void derive(std::string_view label, Bytes context, MutableBytes to) const;
    [[nodiscard]] crypto::Hash mac(std::string_view label, Bytes covered) const;

    Secret prk_;
    Suite suite_ = Suite::aes_256_gcm;
    std::uint8_t chunk_log2_ = 0;
};

} // namespace weightseal::container

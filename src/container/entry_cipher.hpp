#pragma once
// Entry cipher: the AEAD of one worker, keyed for one entry after the other.

#include "container/key_schedule.hpp"
#include "crypto/aead.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace weightseal::container {

/// Keeps the key of the last entry, because chunks of one entry mostly follow each other. Not thread-safe.
class EntryCipher {
  public:
    EntryCipher(const KeySchedule& keys, crypto::Direction direction)
        : keys_(keys), aead_(crypto::make_aead(keys.suite(), direction)) {}

    /// The AEAD under the key of the entry; `record` is its record in the index.
    [[nodiscard]] crypto::Aead& of(std::uint64_t ordinal, Bytes record) {
        if (ordinal_ != ordinal) {
            ordinal_.reset();
            BriefKey key;
            keys_.entry_key(ordinal, record, key);
            aead_->set_key(key.bytes());
            ordinal_ = ordinal;
        }
        return *aead_;
    }

  private:
    const KeySchedule& keys_;
    std::unique_ptr<crypto::Aead> aead_;
    std::optional<std::uint64_t> ordinal_;
};

} // namespace weightseal::container

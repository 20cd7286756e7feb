#pragma once
// Secrets: 32 bytes between guard pages, locked against swapping, wiped on release.

#include "weightseal/core/bytes.hpp" // Bytes

#include <cstddef>
#include <functional>
#include <memory>

namespace weightseal {

inline constexpr std::size_t secret_size = 32;

/// 32 secret bytes in guarded memory (libsodium's sodium_malloc), read-only once made. Copies share the pages.
/// Thread-safe to read.
class Secret {
  public:
    Secret() noexcept = default;
    /// `fill` writes the 32 bytes, straight into guarded memory. Throws `out_of_memory`.
    [[nodiscard]] static Secret make(const std::function<void(std::span<std::byte, secret_size>)>& fill);
    /// 32 bytes from the system's random generator.
    [[nodiscard]] static Secret random();
    /// A copy of 32 bytes; the caller wipes its own.
    [[nodiscard]] static Secret copy_of(std::span<const std::byte, secret_size> bytes);

    [[nodiscard]] explicit operator bool() const noexcept { return bytes_ != nullptr; }
    [[nodiscard]] std::span<const std::byte, secret_size> bytes() const noexcept {
        return std::span<const std::byte, secret_size>{bytes_.get(), secret_size};
    }

  private:
    std::shared_ptr<const std::byte> bytes_;
};

} // namespace weightseal

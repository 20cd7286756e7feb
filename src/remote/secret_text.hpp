#pragma once
// Secrets that are text: kept out of core dumps, wiped on release.

#include "weightseal/core/aligned_buffer.hpp"
#include "weightseal/core/bytes.hpp"

#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace weightseal::remote {

/// Copies share the memory.
class SecretText {
  public:
    SecretText() noexcept = default;
    explicit SecretText(std::string_view text) {
        if (text.empty()) return;
        const auto buffer =
            std::make_shared<AlignedBuffer>(text.size(), BufferOptions{.huge_pages = false, .wipe = true});
        std::memcpy(buffer->data(), text.data(), text.size());
        buffer_ = buffer;
    }
    [[nodiscard]] std::string_view view() const noexcept {
        return buffer_ ? as_text(std::as_const(*buffer_).bytes()) : std::string_view();
    }
    [[nodiscard]] bool empty() const noexcept { return buffer_ == nullptr; }

  private:
    std::shared_ptr<const AlignedBuffer> buffer_;
};

} // namespace weightseal::remote

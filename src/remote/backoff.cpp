#include "remote/backoff.hpp"

#include "crypto/random.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace weightseal::remote {

std::optional<std::chrono::milliseconds> Backoff::next(std::chrono::steady_clock::time_point now, double chance) {
    constexpr unsigned most_doublings = 16;
    constexpr std::chrono::milliseconds longest{10'000};
    if (failures_ == 0) first_ = now;
    if (failures_ >= options_.retries || now - first_ >= options_.retry_time) return std::nullopt;
    const std::int64_t doubled = std::int64_t{options_.retry_delay.count()} << std::min(failures_, most_doublings);
    ++failures_;
    const auto most = std::min(std::chrono::milliseconds(doubled), longest);
    return std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(most.count()) * chance));
}

double random_chance() noexcept {
    std::array<std::byte, 4> bytes{};
    crypto::fill_random(bytes);
    return static_cast<double>(load_le<std::uint32_t>(bytes, 0)) / 4294967296.0;
}

} // namespace weightseal::remote

#pragma once
// The cluster: which server has which keys. A single server has them all.

#include "guard/shared/node.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string_view>

namespace weightseal::guard {

inline constexpr std::size_t max_nodes = 256;

/// The slot of a hash tag: CRC-16 of Redis Cluster's specification, modulo 16384.
[[nodiscard]] std::uint32_t slot_of(std::string_view tag) noexcept;

/// Where a server says that a key is.
struct Redirection {
    bool once = false; ///< ASK: for this command only
    std::uint32_t slot = 0;
    std::string host; ///< empty: the server that says so
    std::uint16_t port = 0;
};

/// Reads "MOVED 3999 127.0.0.1:6381" and "ASK …"; empty for any other error. Throws `server_answer` for a broken one.
[[nodiscard]] std::optional<Redirection> redirection_of(std::string_view error);

/// Thread-safe. Nodes are only added.
class Cluster {
  public:
    Cluster(const Access& access, std::size_t most_connections);

    [[nodiscard]] bool has_slots() const noexcept { return has_slots_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t count() const noexcept { return count_.load(std::memory_order_acquire); }
    [[nodiscard]] Node& node(std::size_t i) noexcept { return *nodes_[i]; }
    [[nodiscard]] Node& node_of(std::uint32_t slot) noexcept {
        return *nodes_[slots_[slot].load(std::memory_order_acquire)];
    }
    [[nodiscard]] std::size_t index_of(std::uint32_t slot) const noexcept {
        return slots_[slot].load(std::memory_order_acquire);
    }

    /// It is a cluster, although nobody told which slots there are: servers will say where keys are.
    void expect_slots() noexcept { has_slots_.store(true, std::memory_order_relaxed); }
    /// @param asked  the server that told it
    void learn(const std::vector<SlotRange>& ranges, const Node& asked);
    /// The node of a redirection. Throws `server_answer` when there are more servers than there may be.
    std::size_t follow(const Redirection& redirection, const Node& asked);

  private:
    void assign(std::uint32_t first, std::uint32_t last, std::size_t node);
    std::size_t find_or_add(const std::string& host, std::uint16_t port);

    const Access& access_;
    const std::size_t most_connections_;
    std::mutex changing_;
    std::array<std::unique_ptr<Node>, max_nodes> nodes_;
    std::atomic<std::size_t> count_{0};
    std::array<std::atomic<std::uint16_t>, slot_count> slots_{};
    std::atomic<bool> has_slots_{false};
};

} // namespace weightseal::guard

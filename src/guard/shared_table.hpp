#pragma once
// The shared table: everything of a guard that several processes have in common, in one file that all of them map.
//
// A header says whether a file is such a table: of this version, made for the same limits and the same secret. After it
// come the commons, a lock for each stripe, the tickets, and the tables. Nothing in it is an address. The locks are
// handed on by the system when their owner has died; so is what the owner was doing (see `Table`).

#include "guard/commons.hpp"
#include "guard/tickets.hpp"
#include "platform/robust_mutex.hpp"
#include "platform/shared_memory.hpp"
#include "weightseal/guard/limits.hpp"
#include "weightseal/keys/secret.hpp"

#include <array>
#include <filesystem>

namespace weightseal::guard {

class SharedTable {
  public:
    /// Joins the table of that file, or makes it. Throws `not_a_shared_table`, `shared_table_differs`, and what opening
    /// throws.
    SharedTable(const std::filesystem::path& path, const Limits& limits, const Secret& secret);

    [[nodiscard]] Commons& commons() const noexcept { return *commons_; }
    [[nodiscard]] platform::RobustMutex* mutexes() const noexcept { return mutexes_; } ///< one for each stripe
    [[nodiscard]] MutableBytes tickets() const noexcept { return tickets_; }
    [[nodiscard]] MutableBytes table(std::size_t tier) const noexcept { return tables_[tier]; }
    [[nodiscard]] std::size_t memory() const noexcept { return mapping_.bytes().size(); }

  private:
    std::size_t place_parts(std::byte* memory, const Limits& limits);
    void format(const Limits& limits) const;

    platform::SharedMapping mapping_;
    Commons* commons_ = nullptr;
    platform::RobustMutex* mutexes_ = nullptr;
    MutableBytes tickets_;
    std::array<MutableBytes, tier_count> tables_;
};

} // namespace weightseal::guard

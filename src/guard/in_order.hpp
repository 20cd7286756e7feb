#pragma once
// The order of writes to a table, as a process finds them that takes over from one that was killed.

#include <atomic>

namespace weightseal::guard {

/// Whatever was written before is in memory before anything that is written after. The system sees to it that the
/// writes of a process that has ended are seen by all; so only the compiler must be kept from changing their order.
inline void in_order() noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

} // namespace weightseal::guard

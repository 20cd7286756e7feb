#pragma once
// Event queue: from checks, which never wait, to whoever reads the events.

#include "guard/bounded_queue.hpp"
#include "weightseal/guard/events.hpp"

namespace weightseal::guard {

using EventQueue = BoundedQueue<GuardEvent, 4096>;

} // namespace weightseal::guard

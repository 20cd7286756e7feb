#pragma once
// Randomness of the operating system.

#include "weightseal/core/bytes.hpp"

namespace weightseal::crypto {

void fill_random(MutableBytes to) noexcept;

} // namespace weightseal::crypto

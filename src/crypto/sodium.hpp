#pragma once
// libsodium, initialised once. Chosen for guarded memory, randomness and constant-time helpers.

namespace weightseal::crypto {

/// Initialises libsodium on first use; throws `internal` if it cannot start.
void require_sodium();

} // namespace weightseal::crypto

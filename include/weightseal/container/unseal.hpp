#pragma once
// Unsealing: writes the plaintext model back to disk, byte for byte. The one function that does.

#include "weightseal/container/sealed_model.hpp" // SealedModel

#include <filesystem>

namespace weightseal {

struct UnsealOptions {
    bool overwrite = false; ///< replace an existing file, or a folder that holds only files of this container
    Parallel parallel;
    Hooks hooks;
};

/// WARNING: writes plaintext weights to disk. `path` becomes a file (readable by its owner only) when the container was
/// sealed from a file, else a folder. It appears complete, or not at all. A process that is
/// killed while it writes a folder may leave `.NAME.<16 hex digits>.tmp` with plaintext beside it. Throws `Error`:
/// `file_exists`, `no_space`, `io_failed`, or what reading throws.
void unseal(const SealedModel& model, const std::filesystem::path& path, const UnsealOptions& options = {});

} // namespace weightseal

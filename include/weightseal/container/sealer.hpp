#pragma once
// Sealing: one streaming pass from a model to a container, with constant memory.

#include "weightseal/container/layout.hpp"     // default_chunk_log2
#include "weightseal/core/progress.hpp"        // Hooks
#include "weightseal/core/suite.hpp"           // Suite
#include "weightseal/formats/model_source.hpp" // ModelSource
#include "weightseal/io/parallel.hpp"          // Parallel
#include "weightseal/keys/key.hpp"             // Key

#include <filesystem>

namespace weightseal {

struct SealOptions {
    Suite suite = Suite::aes_256_gcm;
    unsigned chunk_log2 = layout::default_chunk_log2; ///< chunk size as a power of two, 16 … 22
    bool overwrite = false; ///< replace an existing file; it stays as it is until the new one is complete
    Parallel parallel;
    Hooks hooks;
};

/// Seals `model` into a new container at `path`, which appears there complete and synced, or not at all. Its mode is
/// 0600. The file key is fresh for every container. Memory: 16 bytes a chunk, the entries, and fixed buffers. Throws
/// `Error`: what reading the model throws, `file_exists`, `no_space`, `io_failed`, `key_kind`, `cancelled`.
void seal(const ModelSource& model, const std::filesystem::path& path, const Key& key, const SealOptions& options = {});

/// The same from the path of a `.safetensors` file or a model folder.
void seal(const std::filesystem::path& model, const std::filesystem::path& path, const Key& key,
          const SealOptions& options = {});

} // namespace weightseal

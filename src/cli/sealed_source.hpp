#pragma once
// Sealed models as model sources: the watermark reads them without a plaintext copy on disk.

#include "weightseal/core/progress.hpp"        // Hooks
#include "weightseal/formats/model_source.hpp" // ModelSource
#include "weightseal/keys/key.hpp"             // Key

#include <filesystem>
#include <memory>
#include <optional>

namespace weightseal::cli {

/// Opens a plain model, or a sealed one, which may be on a server, with its container's key. The source of a sealed
/// model is for reading: its tensors link to no head.
[[nodiscard]] std::unique_ptr<ModelSource>
open_plain_or_sealed(const std::filesystem::path& path, const std::optional<Key>& container_key, const Hooks& hooks);

} // namespace weightseal::cli

#pragma once
// Model folders: shards by model.safetensors.index.json, and every other file as it is.

#include "weightseal/formats/model_source.hpp" // ModelSource

#include <filesystem>
#include <memory>

namespace weightseal {

/// A folder in the layout of Hugging Face. Shards are those that model.safetensors.index.json names; without an
/// index, model.safetensors; without that, every *.safetensors file of the folder itself. All other files, in
/// subfolders too, are file entries. Links to regular files are followed; anything else is `unsupported_file`.
[[nodiscard]] std::unique_ptr<ModelSource> folder_model(const std::filesystem::path& folder);

} // namespace weightseal

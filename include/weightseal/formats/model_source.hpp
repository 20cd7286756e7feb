#pragma once
// Model sources: the one interface all inputs of sealing implement.

#include "weightseal/core/bytes.hpp" // MutableBytes
#include "weightseal/core/dtype.hpp" // Dtype

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weightseal {

/// One thing a model consists of.
struct SourceEntry {
    enum class Kind : std::uint8_t {
        file,             ///< opaque bytes at a relative path
        safetensors_head, ///< length prefix and JSON header of a safetensors file at a relative path
        tensor,           ///< row-major data
        alias,            ///< another name for the data of an earlier tensor (tied weights)
    };
    Kind kind = Kind::file;
    std::string name;                   ///< tensor name, or path relative to the model with '/' between parts
    Dtype dtype{};                      ///< tensors and aliases
    std::vector<std::uint64_t> shape{}; ///< tensors and aliases
    std::uint64_t bytes = 0;
    /// tensor: the entry of its safetensors_head; alias: its target. An earlier position in `entries()`.
    std::optional<std::size_t> link{};
};

/// A model as a list of entries with random access to their bytes. Thread-safe to read. The tensors that link to
/// one safetensors_head follow each other in the order of their data in that file.
class ModelSource {
  public:
    virtual ~ModelSource() = default;
    [[nodiscard]] virtual const std::vector<SourceEntry>& entries() const = 0;
    /// True when the model is a folder of files, false when it is a single file.
    [[nodiscard]] virtual bool is_folder() const = 0;
    /// Fills `to` with the bytes of entry `entry` from `offset`; throws `Error`. Not called for aliases.
    virtual void read(std::size_t entry, std::uint64_t offset, MutableBytes to) const = 0;
};

/// Opens a `.safetensors` file or a model folder. Throws what those readers throw.
[[nodiscard]] std::unique_ptr<ModelSource> open_model(const std::filesystem::path& path);

} // namespace weightseal

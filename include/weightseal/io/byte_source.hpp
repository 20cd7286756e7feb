#pragma once
// Byte sources: where a container or model is read from. A file, memory, or a caller's read_at.

#include "weightseal/core/bytes.hpp" // MutableBytes

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace weightseal {

/// Random access to bytes. Implementations are thread-safe: reads go on concurrently.
/// Every byte is treated as hostile and may differ between two reads of it.
class ByteSource {
  public:
    virtual ~ByteSource() = default;
    /// Bytes there are now; a file may change.
    [[nodiscard]] virtual std::uint64_t size() const = 0;
    /// Fills all of `to` from `offset`, or throws `Error`; never reads fewer bytes.
    virtual void read_at(std::uint64_t offset, MutableBytes to) const = 0;
    /// What errors call it: a path, "memory", "callback".
    [[nodiscard]] virtual const std::string& name() const = 0;
};

/// A regular file; links are followed. Throws `file_not_found`, `unsupported_file` or `io_failed`.
[[nodiscard]] std::shared_ptr<const ByteSource> file_source(const std::filesystem::path& path);

/// Memory of the caller, which must outlive the source.
[[nodiscard]] std::shared_ptr<const ByteSource> memory_source(Bytes bytes, std::string name = "memory");

/// A caller's function: fills `to` from `offset` completely and returns true, or returns false (`io_failed`).
using ReadAt = std::function<bool(std::uint64_t offset, MutableBytes to)>;
[[nodiscard]] std::shared_ptr<const ByteSource> callback_source(std::uint64_t size, ReadAt read_at,
                                                                std::string name = "callback");

} // namespace weightseal

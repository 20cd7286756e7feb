#pragma once
// Shared memory: a file, mostly in memory, that several processes map.

#include "platform/file.hpp"

namespace weightseal::platform {

/// A regular file of this user, which nobody else may write. While it is opened, no other process opens it like this.
class SharedFile {
  public:
    /// Opens the file, or makes it, empty and with mode 0600. Throws `unsupported_file`, or what opening throws.
    explicit SharedFile(const std::filesystem::path& path);
    SharedFile(const SharedFile&) = delete;
    SharedFile& operator=(const SharedFile&) = delete;
    ~SharedFile();
    /// Of the file now.
    [[nodiscard]] std::uint64_t size() const;
    /// Bytes from the start; false if there are not so many.
    [[nodiscard]] bool read(MutableBytes to) const;
    /// Gives an empty file its size, and makes sure that there is memory for all of it. Killed meanwhile, it leaves a
    /// file that is empty or has that size and is zeros. Throws `no_space`.
    void allocate(std::uint64_t size) const;

  private:
    friend class SharedMapping;
    std::string subject_;
    Descriptor file_;
};

/// A file's bytes, which stay when the file is closed.
class SharedMapping {
  public:
    SharedMapping() noexcept = default;
    /// Throws `out_of_memory`.
    SharedMapping(const SharedFile& file, std::size_t size);
    SharedMapping(SharedMapping&& other) noexcept;
    SharedMapping& operator=(SharedMapping&& other) noexcept;
    ~SharedMapping();
    [[nodiscard]] MutableBytes bytes() const noexcept { return bytes_; }

  private:
    MutableBytes bytes_;
};

} // namespace weightseal::platform

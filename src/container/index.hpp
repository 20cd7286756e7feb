#pragma once
// Index: the entries of a container and the tags of their chunks (FORMAT.md §5).

#include "weightseal/container/layout.hpp"
#include "weightseal/core/aligned_buffer.hpp"
#include "weightseal/core/tensor.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weightseal::container {

enum class EntryKind : std::uint8_t { tensor = 0, file = 1, alias = 2 };
enum class FileRole : std::uint8_t { whole = 0, safetensors_head = 1 };

/// One entry to write.
struct EntryDraft {
    EntryKind kind = EntryKind::file;
    FileRole role = FileRole::whole;
    Dtype dtype{};
    std::vector<std::uint64_t> shape;
    std::string name;
    std::optional<std::uint32_t> link; ///< ordinal of an earlier entry
    std::uint64_t offset = 0;          ///< in the body
    std::uint64_t length = 0;
};

/// Encodes the index with room for its tags, which are zeros, and its padding. `tags_offset` receives where they start.
[[nodiscard]] std::vector<std::byte> encode_index(std::span<const EntryDraft> entries, bool is_folder,
                                                  unsigned chunk_log2, std::size_t& tags_offset);

/// Where the records of an encoded index are, by ordinal.
[[nodiscard]] std::vector<Bytes> entry_records(Bytes index);

/// One entry of an index that was read; its views point into the index.
struct Entry {
    EntryKind kind{};
    FileRole role{};
    Dtype dtype{};
    std::uint32_t ordinal = 0;
    std::uint32_t link = 0; ///< ordinal + 1, or 0
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t first_tag = 0;
    Bytes record;
    std::string_view name;
    std::span<const std::uint64_t> shape;
};

/// A validated index. Owns the plaintext; immutable, so thread-safe.
class Index {
  public:
    Index() = default;
    /// Checks everything FORMAT.md §5 says of entries. `plain` is authentic and as hostile as any input: whoever held
    /// the key wrote it. Throws `bad_index`, `unsafe_name` or `duplicate_name`.
    Index(AlignedBuffer plain, std::uint64_t body_size, unsigned chunk_log2, const std::string& subject);

    [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
    [[nodiscard]] bool is_folder() const noexcept { return is_folder_; }
    /// Ordinals of tensors and aliases, and of files.
    [[nodiscard]] const std::vector<std::uint32_t>& tensors() const noexcept { return tensors_; }
    [[nodiscard]] const std::vector<std::uint32_t>& files() const noexcept { return files_; }
    /// Positions in `tensors()` and `files()`.
    [[nodiscard]] std::optional<std::size_t> find_tensor(std::string_view name) const;
    [[nodiscard]] std::optional<std::size_t> find_file(std::string_view name) const;
    [[nodiscard]] std::span<const std::byte, layout::tag_size> tag(const Entry& entry, std::uint64_t chunk) const;

  private:
    void parse_entries(std::uint64_t entry_count, Bytes records);
    void check_entry(const Entry& entry, std::size_t at);
    void check_layout(std::uint64_t body_size);
    void check_paths() const;
    [[noreturn]] void refuse(std::string_view what, std::size_t at) const;

    AlignedBuffer plain_;
    Bytes tags_;
    unsigned chunk_log2_ = 0;
    bool is_folder_ = false;
    std::string subject_;
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> tensors_;
    std::vector<std::uint32_t> files_;
    std::unordered_map<std::string_view, std::uint32_t> tensor_positions_;
    std::unordered_map<std::string_view, std::uint32_t> file_positions_;
};

} // namespace weightseal::container

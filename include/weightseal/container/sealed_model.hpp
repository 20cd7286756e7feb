#pragma once
// Sealed models: open a container and read tensors from it, decrypted only in memory.

#include "weightseal/container/facts.hpp"     // Facts
#include "weightseal/core/aligned_buffer.hpp" // AlignedBuffer
#include "weightseal/core/progress.hpp"       // Hooks
#include "weightseal/core/tensor.hpp"         // TensorInfo, Slice
#include "weightseal/io/byte_source.hpp"      // ByteSource
#include "weightseal/io/parallel.hpp"         // Parallel
#include "weightseal/keys/key.hpp"            // Key

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace weightseal {

/// A file carried beside the tensors: config.json, tokenizer files.
struct FileInfo {
    std::string_view name; ///< relative path with '/' between parts, safe to join to a folder
    std::uint64_t bytes = 0;
    bool is_safetensors_head = false; ///< only the header of a safetensors file; its data are tensors
};

/// What to read: a tensor by its position in `tensors()`, whole or a slice of it.
struct Selection {
    std::size_t tensor = 0;
    Slice slice;
};

/// A selection with the caller's memory to decrypt it into, exactly `selection_bytes` long.
struct ReadItem {
    Selection selection;
    MutableBytes destination;
};

struct ReadOptions {
    Parallel parallel;
    Hooks hooks;
    /// Called once a selection is authenticated and complete, with its position in the list. From here on its
    /// bytes may be used, even before the call returns: start the device copy. Any worker may call it.
    std::function<void(std::size_t selection, Bytes data)> on_tensor;
    /// Decrypt in scratch memory, verify, then copy: for destinations another process or device can see, in which
    /// unverified plaintext must never stand. Costs about a quarter of the speed.
    bool staged = false;
    /// How buffers are made where weightseal allocates them.
    BufferOptions buffer;
};

/// Several selections in one buffer, in the order of the file.
struct Arena {
    AlignedBuffer buffer;
    /// Where each selection starts in `buffer`: 4096-aligned from 64 KiB on, 64-aligned below. Aliases share.
    std::vector<std::uint64_t> offsets;
    std::vector<std::uint64_t> sizes; ///< bytes of each selection
};

/// Bytes of the file to fetch and pass to `SealedModel::decrypt`.
struct PlanItem {
    std::uint64_t file_offset = 0;
    std::uint64_t length = 0;      ///< bytes
    std::size_t selection = 0;     ///< position in the list `plan` was called with
    std::uint64_t first_chunk = 0; ///< of the tensor
    std::uint64_t chunks = 0;
};

/// What to fetch for a list of selections; made by `SealedModel::plan`.
struct Plan {
    std::vector<Selection> selections;
    std::vector<PlanItem> items; ///< in the order of the file
};

/// An open container. Opening authenticates prelude, slots and index; each read authenticates what it returns.
///
/// Thread-safety: every const member may be called from many threads at once. After a fork, both processes may go
/// on using a handle, provided that no call was in progress at the fork; the child has the keys, too, so drop them
/// before forking a child that must not. File positions are not shared: reads are positional.
///
/// On any error or cancel, all workers have returned and the whole destination of the call is zeroed. Until a call
/// returns, or a selection's `on_tensor` fires, the content of a destination is undefined.
class SealedModel {
  public:
    /// Throws `wrong_key`, `key_kind`, `not_sealed`, `plaintext_model` or another container code of `Errc`.
    [[nodiscard]] static SealedModel open(const std::filesystem::path& path, const Key& key, const Hooks& hooks = {});
    [[nodiscard]] static SealedModel open(std::shared_ptr<const ByteSource> file, const Key& key,
                                          const Hooks& hooks = {});

    SealedModel(SealedModel&&) noexcept;
    SealedModel& operator=(SealedModel&&) noexcept;
    ~SealedModel();

    [[nodiscard]] const Facts& facts() const noexcept;
    /// 'A' or 'B' when one slot block is damaged or older than the other, else nothing.
    [[nodiscard]] std::optional<char> damaged_slot_block() const noexcept;
    [[nodiscard]] bool is_folder() const noexcept; ///< sealed from a folder, not a single file

    /// Tensors in the order of the file. Views live as long as this object.
    [[nodiscard]] std::size_t tensor_count() const noexcept;
    [[nodiscard]] TensorInfo tensor(std::size_t position) const;        ///< throws `invalid_argument`
    [[nodiscard]] std::size_t find_tensor(std::string_view name) const; ///< throws `no_such_tensor`
    /// The tensor whose data this one shares (tied weights), or nothing.
    [[nodiscard]] std::optional<std::size_t> alias_of(std::size_t position) const;

    /// File entries in the order of the file.
    [[nodiscard]] std::size_t file_count() const noexcept;
    [[nodiscard]] FileInfo file(std::size_t position) const;
    [[nodiscard]] std::size_t find_file(std::string_view name) const; ///< throws `no_such_file_entry`

    /// Bytes a selection decrypts to. Throws `slice_out_of_range` or `misaligned_slice`.
    [[nodiscard]] std::uint64_t selection_bytes(const Selection& selection) const;

    /// One tensor or slice into a buffer of its own. A slice touches only its chunks.
    [[nodiscard]] AlignedBuffer read(const Selection& selection, const ReadOptions& options = {}) const;
    /// Many selections into the caller's memory. The destinations must not overlap.
    void read_into(std::span<const ReadItem> items, const ReadOptions& options = {}) const;
    /// Many selections into one arena.
    [[nodiscard]] Arena load(std::span<const Selection> selections, const ReadOptions& options = {}) const;
    /// Every tensor into one arena; `offsets[i]` belongs to tensor i.
    [[nodiscard]] Arena load(const ReadOptions& options = {}) const;
    /// A file entry.
    [[nodiscard]] AlignedBuffer read_file(std::size_t position, const ReadOptions& options = {}) const;

    /// What to fetch with the engine's own I/O. No item is longer than `max_item` bytes rounded up to a chunk.
    [[nodiscard]] Plan plan(std::vector<Selection> selections, std::uint64_t max_item = 4 << 20) const;
    /// Decrypts the bytes of one plan item. `fetched` holds exactly its `length` bytes; `destination` is the memory
    /// of its whole selection, of which only this item's part is written (and zeroed on an error). Both may be the
    /// same memory when the selection is a whole tensor of one item. Different items may go on at once.
    void decrypt(const Plan& plan, std::size_t item, Bytes fetched, MutableBytes destination,
                 bool staged = false) const;

    /// Authenticates every byte of the container. Throws the code of the first damage found.
    void verify(const ReadOptions& options = {}) const;

    /// Wipes the keys of this handle; it can only list from then on. Buffers stay. Reads in progress finish.
    void drop_keys() noexcept;

    struct State;

  private:
    explicit SealedModel(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
    friend struct StateAccess;
};

} // namespace weightseal

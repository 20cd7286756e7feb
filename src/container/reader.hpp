#pragma once
// Reader: fetches, decrypts and authenticates the chunks of many views in parallel.

#include "container/entry_cipher.hpp"
#include "container/view.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace weightseal::container {

/// A view and where its bytes go.
struct Target {
    View view;
    /// Memory of the view's bytes; null when `sink` takes them instead.
    std::byte* destination = nullptr;
    /// Position in the caller's list, for `on_tensor`.
    std::size_t selection = 0;
};

/// Takes authenticated bytes of a target, from byte `offset` of its entry. Called from many threads at once.
using Sink = std::function<void(const Target& target, std::uint64_t offset, Bytes plain)>;

/// What a read needs of an open container.
struct Source {
    const ByteSource& file;
    const KeySchedule& keys;
    const Index& index;
    std::uint64_t body_offset;
    unsigned chunk_log2;
};

/// Reads all targets. On failure, all destinations are zeroed and the first exception is rethrown.
void read_targets(const Source& source, std::vector<Target> targets, const ReadOptions& options, const Sink& sink = {});

/// Ciphertext of one chunk, in private memory, to its destination. `plain` is scratch for a chunk, needed when the view
/// does not cover the chunk or `staged` is set. Throws `corrupt_data`.
void decrypt_chunk(EntryCipher& cipher, const Source& source, const Target& target, std::uint64_t chunk,
                   Bytes ciphertext, MutableBytes plain, bool staged);

} // namespace weightseal::container

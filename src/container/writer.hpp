#pragma once
// Writer: a container from entry drafts and their bytes. Writes what it is given: `seal` checks it before, and tests
// make hostile files with it.

#include "container/index.hpp"
#include "container/prelude.hpp"
#include "weightseal/container/sealer.hpp"

#include <functional>
#include <vector>

namespace weightseal::platform {
class OutputFile;
}

namespace weightseal::container {

/// Fills `to` with the plaintext of a draft from `offset`. Called from many threads at once.
using ReadDraft = std::function<void(std::size_t draft, std::uint64_t offset, MutableBytes to)>;

struct Draft {
    std::vector<EntryDraft> entries;
    bool is_folder = false;
    bool with_leaf_table = false; ///< sets the flag "signed"; the signature itself stays zero
    std::uint64_t body_size = 0;
};

/// Gives every entry its place in the body, in their order, and sets `body_size`. Throws `too_large`.
void place_entries(Draft& draft);

/// Writes everything of the file; the caller commits it. The prelude is written last.
void write_container(platform::OutputFile& file, const Draft& draft, const ReadDraft& read, const Key& key,
                     const SealOptions& options);

} // namespace weightseal::container

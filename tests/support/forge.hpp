#pragma once
// Forging: containers that a holder of the key could write and `seal` never would.

#include "container/writer.hpp"
#include "support/files.hpp"

#include <vector>

namespace weightseal::testing {

/// Writes a container of these entries, with `data[i]` behind entry i, without any check. Entries are placed one after
/// the other unless `placed` says that their offsets and the draft's body size stand already.
[[nodiscard]] Data forge(container::Draft draft, const std::vector<Data>& data, const Key& key,
                         const SealOptions& options = {}, bool placed = false);

/// The same model always: one file entry `config.json` and one small tensor `w`; less than 24 KiB sealed.
[[nodiscard]] Data minimal_container(const Key& key, const SealOptions& options = {});

/// Puts a right checksum on a prelude or slot block that a test altered; its MAC stays wrong.
void refresh_checksum(MutableBytes block);

} // namespace weightseal::testing

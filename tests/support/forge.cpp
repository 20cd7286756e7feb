#include "support/forge.hpp"

#include "crypto/hash.hpp"
#include "platform/file.hpp"
#include "support/models.hpp"
#include "weightseal/container/sealer.hpp"

#include <algorithm>

namespace weightseal::testing {

Data forge(container::Draft draft, const std::vector<Data>& data, const Key& key, const SealOptions& options,
           bool placed) {
    const TemporaryFolder folder;
    if (!placed) container::place_entries(draft);
    const auto read = [&](std::size_t entry, std::uint64_t offset, MutableBytes to) {
        std::copy_n(data[entry].begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
    };
    {
        platform::OutputFile file(folder / "forged", false);
        container::write_container(file, draft, read, key, options);
        file.commit();
    }
    return read_file(folder / "forged");
}

Data minimal_container(const Key& key, const SealOptions& options) {
    const TemporaryFolder folder;
    MemoryModel model;
    model.add_file("config.json", to_data("{}"));
    model.add_tensor(make_tensor("w", "F32", {4, 8}));
    seal(model, folder / "minimal", key, options);
    return read_file(folder / "minimal");
}

void refresh_checksum(MutableBytes block) {
    const auto covered = Bytes(block).first(block.size() - 32);
    std::ranges::copy(crypto::sha256({covered}), block.end() - 32);
}

} // namespace weightseal::testing

#pragma once
// Fixture: models in memory, sealed and opened again, and what reading must give.

#include "support/models.hpp"
#include "weightseal/container/sealed_model.hpp"
#include "weightseal/container/sealer.hpp"

#include <vector>

namespace weightseal::testing {

[[nodiscard]] inline Data seal_to_memory(const ModelSource& model, const Key& key, const SealOptions& options = {}) {
    const TemporaryFolder folder;
    seal(model, folder / "sealed", key, options);
    return read_file(folder / "sealed");
}

/// A sealed model in memory with its key. Chunks of 64 KiB unless told, so that small tensors have several.
struct Sealed {
    Key key = Key::generate(KeyKind::seal);
    Data file;
    explicit Sealed(const ModelSource& model, SealOptions options = {.chunk_log2 = 16})
        : file(seal_to_memory(model, key, options)) {}
    [[nodiscard]] SealedModel open() const { return SealedModel::open(memory_source(file), key); }
};

/// Bytes of every tensor and alias of a model, by position in the sealed model.
[[nodiscard]] inline std::vector<Data> tensors_of(const MemoryModel& model) {
    std::vector<Data> tensors;
    for (std::size_t i = 0; i < model.entries().size(); ++i) {
        const SourceEntry& entry = model.entries()[i];
        if (entry.kind == SourceEntry::Kind::tensor) tensors.push_back(model.data(i));
        if (entry.kind == SourceEntry::Kind::alias) tensors.push_back(model.data(*entry.link));
    }
    return tensors;
}

[[nodiscard]] inline Selection whole(std::size_t tensor) {
    return {tensor, {}};
}

[[nodiscard]] inline bool equal(Bytes a, Bytes b) {
    return std::ranges::equal(a, b);
}

/// A caller's pool: runs the workers one after the other, the last first.
[[nodiscard]] inline Parallel engine_pool(unsigned threads) {
    return {threads, [](std::size_t count, const std::function<void(std::size_t)>& body) {
                for (std::size_t i = count; i > 0; --i)
                    body(i - 1);
            }};
}

} // namespace weightseal::testing

#include "watermark/digest.hpp"

#include "crypto/hash.hpp"
#include "io/work.hpp"

#include <algorithm>
#include <atomic>

namespace weightseal::watermark {

std::vector<std::size_t> tensors_by_size(const ModelSource& model) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < model.entries().size(); ++i)
        if (model.entries()[i].kind == SourceEntry::Kind::tensor) order.push_back(i);
    std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return model.entries()[i].bytes; });
    return order;
}

std::vector<Digest> digest_tensors(const ModelSource& model, const Parallel& parallel, io::Work& work,
                                   const OnBlock& on_block) {
    std::vector<Digest> digests(model.entries().size());
    const std::vector<std::size_t> order = tensors_by_size(model);
    std::atomic<std::size_t> next{0};
    work.run(parallel, order.size(), [&](std::size_t) {
        std::vector<std::byte> buffer(block_size);
        while (work.goes_on()) {
            const std::size_t turn = next.fetch_add(1, std::memory_order_relaxed);
            if (turn >= order.size()) return;
            const std::size_t entry = order[turn];
            const std::uint64_t size = model.entries()[entry].bytes;
            crypto::Sha256 hash;
            for (std::uint64_t offset = 0; offset < size && work.goes_on(); offset += buffer.size()) {
                const MutableBytes block =
                    MutableBytes(buffer).first(std::min<std::uint64_t>(buffer.size(), size - offset));
                model.read(entry, offset, block);
                hash.add(block);
                if (on_block) on_block(entry, offset, block);
                work.advance(block.size());
            }
            digests[entry] = hash.finish();
        }
    });
    return digests;
}

} // namespace weightseal::watermark

#pragma once
// Records of tests. Headers only, because fuzz targets use them too.

#include "weightseal/watermark/record.hpp"

#include <algorithm>
#include <string>

namespace weightseal::testing {

/// 32 bytes that differ by `seed`.
[[nodiscard]] inline Digest some_digest(unsigned seed) {
    Digest digest;
    for (std::size_t i = 0; i < digest.size(); ++i)
        digest[i] = static_cast<std::byte>(seed * 37 + i * 11 + 1);
    return digest;
}

[[nodiscard]] inline RecordTensor plain_tensor(std::string name, Dtype dtype, std::vector<std::uint64_t> shape,
                                               unsigned seed) {
    return {std::move(name), dtype, std::move(shape), some_digest(seed), {}, {}};
}

[[nodiscard]] inline RecordTensor marked_tensor(std::string name, Dtype dtype, std::vector<std::uint64_t> shape,
                                                unsigned seed, std::uint64_t elements) {
    RecordTensor tensor = plain_tensor(std::move(name), dtype, std::move(shape), seed);
    tensor.mark = {some_digest(seed + 100), some_digest(seed + 200), elements, {}};
    for (std::size_t i = 0; i < sketch_size; ++i)
        tensor.mark->sketch[i] = static_cast<std::int8_t>(static_cast<int>(i * (seed + 3) % 255) - 127);
    return tensor;
}

/// A small record with a tensor of every kind; not signed.
[[nodiscard]] inline WatermarkRecord sample_record() {
    WatermarkRecord record;
    record.owner = "ACME Corp.";
    record.model_id = "tiny-1";
    record.strength = 0.0025;
    record.tensors = {
        marked_tensor("embed.weight", Dtype::bf16, {100, 64}, 1, 6400),
        plain_tensor("layer.bias", Dtype::f32, {64}, 2),
        marked_tensor("layer.weight", Dtype::f32, {64, 128}, 3, 8000),
        plain_tensor("lm_head.weight", Dtype::bf16, {100, 64}, 1),
        plain_tensor("step", Dtype::i64, {}, 4),
    };
    record.tensors[3].tied_to = "embed.weight";
    record.root = original_root(record.tensors);
    return record;
}

[[nodiscard]] inline Key fixed_key(KeyKind kind, unsigned seed) {
    return {kind, Secret::copy_of(some_digest(seed))};
}

[[nodiscard]] inline WatermarkRecord signed_record() {
    WatermarkRecord record = sample_record();
    sign_record(record, fixed_key(KeyKind::signing, 7));
    return record;
}

} // namespace weightseal::testing

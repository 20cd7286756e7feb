#include "watermark/identity.hpp"

#include "watermark/encode.hpp"

#include <algorithm>

namespace weightseal::watermark {

Identity::Identity(const Key& key, const MarkIdentity& identity) {
    require_kind(key, KeyKind::watermark);
    prk_ = Secret::make([&](std::span<std::byte, secret_size> to) {
        crypto::hkdf_extract(as_bytes("weightseal/watermark/v1"), key.secret.bytes(), to);
    });
    crypto::Sha256 hash;
    hash.add(as_bytes("weightseal/watermark/v1/identity"));
    add_text(hash, identity.owner);
    add_text(hash, identity.model_id);
    hash.add(identity.scope);
    identity_ = hash.finish();
}

Secret Identity::chip_key(std::string_view tensor, std::span<const std::uint64_t> shape) const {
    return derive("weightseal/watermark/v1/chips", tensor, shape);
}

Secret Identity::dither_key(std::string_view tensor, std::span<const std::uint64_t> shape) const {
    return derive("weightseal/watermark/v1/dither", tensor, shape);
}

Secret Identity::derive(std::string_view label, std::string_view tensor, std::span<const std::uint64_t> shape) const {
    crypto::Sha256 hash;
    add_text(hash, tensor);
    add_shape(hash, shape);
    const Digest place = hash.finish();
    std::array<std::byte, 96> info;
    auto end = std::ranges::copy(as_bytes(label), info.begin()).out;
    end = std::ranges::copy(identity_, end).out;
    end = std::ranges::copy(place, end).out;
    return Secret::make(
        [&](std::span<std::byte, secret_size> to) { crypto::hkdf_expand(prk_.bytes(), Bytes(info.begin(), end), to); });
}

Digest commitment(const Secret& chip_key) {
    return crypto::sha256({as_bytes("weightseal/watermark/v1/commitment"), chip_key.bytes()});
}

} // namespace weightseal::watermark

namespace weightseal {

Digest mark_scope(const WatermarkRecord& record) {
    using namespace watermark;
    crypto::Sha256 hash;
    hash.add(as_bytes("weightseal/watermark/v1/scope"));
    hash.add(record.root);
    for (const RecordTensor& tensor : record.tensors) {
        add_le(hash, static_cast<std::uint8_t>(tensor.mark ? 1 : tensor.tied_to ? 2 : 0));
        if (tensor.mark) hash.add(std::as_bytes(std::span(tensor.mark->sketch)));
        if (tensor.tied_to) add_text(hash, *tensor.tied_to);
    }
    return hash.finish();
}

MarkIdentity mark_identity(const WatermarkRecord& record) {
    return {record.owner, record.model_id, mark_scope(record)};
}

} // namespace weightseal

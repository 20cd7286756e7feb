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
    hash.add(identity.root);
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

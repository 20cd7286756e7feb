#include "weightseal/keys/signing.hpp"

#include "crypto/ed25519.hpp"
#include "keys/key_text.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal {
namespace {

// Not a `KeyKind`: the public half opens and signs nothing, so it is no key to the rest of the library.
constexpr std::string_view kind = "signer";

} // namespace

PublicKey public_key(const Key& signing_key) {
    require_kind(signing_key, KeyKind::signing);
    return crypto::ed25519::public_key(signing_key.secret.bytes());
}

std::string format_public_key(const PublicKey& key) {
    std::string text(key_text::prefix(kind).size() + key_text::encoded_size, '\0');
    key_text::encode(kind, key, text);
    return text;
}

PublicKey parse_public_key(std::string_view text) {
    const std::string_view line = key_text::line(text);
    const std::string start = key_text::prefix(kind);
    if (!line.starts_with(start))
        throw Error(Errc::key_format, "signer",
                    "is not the public half of a signing key, which starts with 'wseal_signer_'");
    PublicKey key;
    key_text::decode(kind, line.substr(start.size()), key);
    return key;
}

Signature sign(const Key& signing_key, Bytes message) {
    require_kind(signing_key, KeyKind::signing);
    return crypto::ed25519::sign(signing_key.secret.bytes(), message);
}

bool is_signed_by(const PublicKey& key, Bytes message, const Signature& signature) noexcept {
    return crypto::ed25519::verify(key, message, signature);
}

} // namespace weightseal

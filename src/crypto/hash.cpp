#include "crypto/hash.hpp"

#include "crypto/check.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

namespace weightseal::crypto {
namespace {

// Fetching an algorithm takes locks and look-ups; these live as long as the process.
const EVP_MD* sha256_md() {
    static EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    check(md != nullptr, "libcrypto has no SHA-256");
    return md;
}

EVP_KDF* hkdf() {
    static EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
    check(kdf != nullptr, "libcrypto has no HKDF");
    return kdf;
}

struct KdfContext {
    EVP_KDF_CTX* context = EVP_KDF_CTX_new(hkdf());
    KdfContext() { check(context != nullptr, "HKDF context"); }
    ~KdfContext() { EVP_KDF_CTX_free(context); }
    KdfContext(const KdfContext&) = delete;
    KdfContext& operator=(const KdfContext&) = delete;
};

// OSSL_PARAM takes non-const pointers and does not write through them.
OSSL_PARAM octets(const char* name, Bytes bytes) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::byte*>(bytes.data()), bytes.size());
}

void derive(int mode, Bytes key, const char* second_name, Bytes second, MutableBytes out) {
    const KdfContext kdf;
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        octets(OSSL_KDF_PARAM_KEY, key),
        octets(second_name, second),
        OSSL_PARAM_construct_end(),
    };
    check(EVP_KDF_derive(kdf.context, reinterpret_cast<unsigned char*>(out.data()), out.size(), params) == 1, "HKDF");
}

} // namespace

struct Sha256::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
    check(state_->context != nullptr && EVP_DigestInit_ex(state_->context, sha256_md(), nullptr) == 1, "SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::add(Bytes part) {
    check(EVP_DigestUpdate(state_->context, part.data(), part.size()) == 1, "SHA-256");
}

Hash Sha256::finish() {
    Hash hash;
    check(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(hash.data()), nullptr) == 1, "SHA-256");
    return hash;
}

Hash sha256(std::initializer_list<Bytes> parts) {
    Sha256 hash;
    for (const Bytes part : parts)
        hash.add(part);
    return hash.finish();
}

Hash hmac_sha256(Bytes key, Bytes data) {
    Hash mac;
    check(HMAC(sha256_md(), key.data(), static_cast<int>(key.size()),
               reinterpret_cast<const unsigned char*>(data.data()), data.size(),
               reinterpret_cast<unsigned char*>(mac.data()), nullptr) != nullptr,
          "HMAC-SHA-256");
    return mac;
}

void hkdf_extract(Bytes salt, Bytes key, MutableBytes prk) {
    derive(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, key, OSSL_KDF_PARAM_SALT, salt, prk);
}

void hkdf_expand(Bytes prk, Bytes info, MutableBytes out) {
    derive(EVP_KDF_HKDF_MODE_EXPAND_ONLY, prk, OSSL_KDF_PARAM_INFO, info, out);
}

} // namespace weightseal::crypto

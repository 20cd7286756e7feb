#include "crypto/ctr.hpp"

#include "crypto/check.hpp"

#include <algorithm>
#include <array>
#include <openssl/evp.h>

namespace weightseal::crypto {
namespace {

// What is encrypted: zeros, so that the keystream itself comes out.
constexpr std::array<unsigned char, 16384> zeros{};

const EVP_CIPHER* aes_256_ctr() {
    static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr);
    check(cipher != nullptr, "libcrypto has no AES-256-CTR");
    return cipher;
}

} // namespace

struct AesCtr::State {
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    ~State() { EVP_CIPHER_CTX_free(context); }
};

AesCtr::AesCtr(std::span<const std::byte, 32> key) : state_(std::make_unique<State>()) {
    check(state_->context != nullptr &&
              EVP_EncryptInit_ex2(state_->context, aes_256_ctr(), reinterpret_cast<const unsigned char*>(key.data()),
                                  nullptr, nullptr) == 1,
          "AES-256-CTR");
}

AesCtr::~AesCtr() = default;

void AesCtr::fill(std::uint64_t offset, MutableBytes to) {
    std::array<unsigned char, 16> counter{};
    for (std::uint64_t block = offset / counter.size(), i = counter.size(); block != 0; block >>= 8)
        counter[--i] = static_cast<unsigned char>(block);
    check(EVP_EncryptInit_ex2(state_->context, nullptr, nullptr, counter.data(), nullptr) == 1, "AES-256-CTR");
    while (!to.empty()) {
        const std::size_t size = std::min(to.size(), zeros.size());
        int written = 0;
        check(EVP_EncryptUpdate(state_->context, reinterpret_cast<unsigned char*>(to.data()), &written, zeros.data(),
                                static_cast<int>(size)) == 1,
              "AES-256-CTR");
        to = to.subspan(size);
    }
}

} // namespace weightseal::crypto

#include "crypto/aead.hpp"
#include "crypto/check.hpp"
#include "crypto/nonce.hpp"

#include <algorithm>
#include <array>
#include <openssl/evp.h>

namespace weightseal::crypto {
namespace {

// Fetching an algorithm takes locks and look-ups; these live as long as the process.
const EVP_CIPHER* aead_cipher(Suite suite) {
    static EVP_CIPHER* const gcm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    static EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
    const EVP_CIPHER* cipher = suite == Suite::aes_256_gcm ? gcm : chacha;
    check(cipher != nullptr, "the suite's AEAD is not available");
    return cipher;
}

const EVP_CIPHER* stream_cipher(Suite suite) {
    static EVP_CIPHER* const ctr = EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr);
    static EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20", nullptr);
    const EVP_CIPHER* cipher = suite == Suite::aes_256_gcm ? ctr : chacha;
    check(cipher != nullptr, "the suite's stream cipher is not available");
    return cipher;
}

const unsigned char* raw(const std::byte* bytes) {
    return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* raw(std::byte* bytes) {
    return reinterpret_cast<unsigned char*>(bytes);
}

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); } // wipes
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

Context make_context() {
    Context context(EVP_CIPHER_CTX_new());
    check(context != nullptr, "no memory for a cipher context");
    return context;
}

// libcrypto takes lengths as int.
constexpr std::size_t max_update = std::size_t{1} << 30;

class LibcryptoAead final : public Aead {
  public:
    LibcryptoAead(Suite suite, Direction direction) {
        check(EVP_CipherInit_ex(context_.get(), aead_cipher(suite), nullptr, nullptr, nullptr,
                                direction == Direction::encrypt ? 1 : 0) == 1,
              "cipher context");
    }

    [[nodiscard]] std::string_view kernel() const noexcept override { return "libcrypto"; }

    void set_key(std::span<const std::byte, 32> key) override {
        check(EVP_CipherInit_ex(context_.get(), nullptr, nullptr, raw(key.data()), nullptr, -1) == 1, "cipher key");
    }

    void encrypt(Nonce nonce, Bytes plain, std::byte* cipher, std::span<std::byte, tag_size> tag) override {
        update(nonce, plain, cipher);
        check(finish() && control(EVP_CTRL_AEAD_GET_TAG, tag.data()), "tag");
    }

    [[nodiscard]] bool decrypt(Nonce nonce, Bytes cipher, std::byte* plain,
                               std::span<const std::byte, tag_size> tag) override {
        update(nonce, cipher, plain);
        std::array<std::byte, tag_size> expected;
        std::ranges::copy(tag, expected.begin());
        check(control(EVP_CTRL_AEAD_SET_TAG, expected.data()), "tag");
        return finish();
    }

  private:
    void update(Nonce nonce, Bytes from, std::byte* to) {
        const NonceBytes iv = nonce_bytes(nonce);
        check(EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, iv.data(), -1) == 1, "nonce");
        while (!from.empty()) {
            const int size = static_cast<int>(std::min(from.size(), max_update));
            int written = 0;
            check(EVP_CipherUpdate(context_.get(), raw(to), &written, raw(from.data()), size) == 1 && written == size,
                  "cipher");
            from = from.subspan(static_cast<std::size_t>(size));
            to += size;
        }
    }
    bool finish() {
        int written = 0;
        unsigned char none[16];
        return EVP_CipherFinal_ex(context_.get(), none, &written) == 1;
    }
    bool control(int command, std::byte* tag) {
        return EVP_CIPHER_CTX_ctrl(context_.get(), command, tag_size, tag) == 1;
    }

    Context context_ = make_context();
};

} // namespace

std::unique_ptr<Aead> make_libcrypto_aead(Suite suite, Direction direction) {
    return std::make_unique<LibcryptoAead>(suite, direction);
}

void keystream(Suite suite, std::span<const std::byte, 32> key, std::uint64_t number, MutableBytes to) {
    // AES-CTR takes its initial counter block; ChaCha20 takes a 32-bit block counter, then the nonce.
    std::array<unsigned char, 16> iv{};
    store_be64(number, suite == Suite::aes_256_gcm ? iv.data() : iv.data() + 8);
    const Context context = make_context();
    std::ranges::fill(to, std::byte{0});
    int written = 0;
    check(EVP_EncryptInit_ex(context.get(), stream_cipher(suite), nullptr, raw(key.data()), iv.data()) == 1 &&
              EVP_EncryptUpdate(context.get(), raw(to.data()), &written, raw(to.data()), static_cast<int>(to.size())) ==
                  1,
          "keystream");
}

} // namespace weightseal::crypto

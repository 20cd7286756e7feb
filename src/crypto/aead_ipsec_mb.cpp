#include "crypto/aead.hpp"
#include "crypto/nonce.hpp"

#if defined(WEIGHTSEAL_IPSEC_MB)

#include "crypto/compare.hpp"
#include "weightseal/core/aligned_buffer.hpp"

#include <algorithm>
#include <array>
#include <intel-ipsec-mb.h>

namespace weightseal::crypto {
namespace {

// The manager is a table of functions for this processor; null where libcrypto is as good.
IMB_MGR* manager() {
    static IMB_MGR* const chosen = [] {
        constexpr std::uint64_t needed = IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ | IMB_FEATURE_AVX512_SKX;
        IMB_MGR* const made = alloc_mb_mgr(0);
        if (made == nullptr || (made->features & needed) != needed) {
            free_mb_mgr(made);
            return static_cast<IMB_MGR*>(nullptr);
        }
        init_mb_mgr_avx512(made);
        if (imb_get_errno(made) != 0) { // its self-test failed
            free_mb_mgr(made);
            return static_cast<IMB_MGR*>(nullptr);
        }
        return made;
    }();
    return chosen;
}

class IpsecMbAead final : public Aead {
  public:
    IpsecMbAead() = default;
    IpsecMbAead(const IpsecMbAead&) = delete;
    IpsecMbAead& operator=(const IpsecMbAead&) = delete;
    ~IpsecMbAead() override {
        wipe(std::as_writable_bytes(std::span(&key_, 1)));
        wipe(std::as_writable_bytes(std::span(&context_, 1)));
    }

    [[nodiscard]] std::string_view kernel() const noexcept override { return "ipsec-mb"; }

    void set_key(std::span<const std::byte, 32> key) override { manager()->gcm256_pre(key.data(), &key_); }

    void encrypt(Nonce nonce, Bytes plain, std::byte* cipher, std::span<std::byte, tag_size> tag) override {
        apply(manager()->gcm256_enc, nonce, plain, cipher, tag);
    }

    [[nodiscard]] bool decrypt(Nonce nonce, Bytes cipher, std::byte* plain,
                               std::span<const std::byte, tag_size> tag) override {
        // Never equal by chance, should the library leave it as it is.
        std::array<std::byte, tag_size> computed;
        std::ranges::transform(tag, computed.begin(), [](std::byte b) { return ~b; });
        apply(manager()->gcm256_dec, nonce, cipher, plain, computed);
        return equal(computed, tag);
    }

  private:
    void apply(aes_gcm_enc_dec_t function, Nonce nonce, Bytes from, std::byte* to, std::span<std::byte, tag_size> tag) {
        const NonceBytes iv = nonce_bytes(nonce);
        const std::uint8_t no_aad = 0;
        function(&key_, &context_, reinterpret_cast<std::uint8_t*>(to),
                 reinterpret_cast<const std::uint8_t*>(from.data()), from.size(), iv.data(), &no_aad, 0,
                 reinterpret_cast<std::uint8_t*>(tag.data()), tag.size());
    }

    // The library loads and stores both with aligned instructions.
    alignas(64) gcm_key_data key_{};
    alignas(64) gcm_context_data context_{};
};

} // namespace

std::unique_ptr<Aead> make_ipsec_mb_aead(Suite suite, Direction) {
    if (suite != Suite::aes_256_gcm || manager() == nullptr) return nullptr;
    return std::make_unique<IpsecMbAead>();
}

} // namespace weightseal::crypto

#else

namespace weightseal::crypto {

std::unique_ptr<Aead> make_ipsec_mb_aead(Suite, Direction) {
    return nullptr;
}

} // namespace weightseal::crypto

#endif

#include "crypto/aead.hpp"

#include "core/forced_kernel.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal {
namespace crypto {
std::unique_ptr<Aead> make_aead(Suite suite, Direction direction) {
    static const std::string_view forced = forced_kernel(cipher_kernels);
    if (forced != "libcrypto")
        if (auto aead = make_ipsec_mb_aead(suite, direction)) return aead;
    if (forced == "ipsec-mb" && suite == Suite::aes_256_gcm)
        throw Error(Errc::unsupported, "WEIGHTSEAL_FORCE_KERNEL",
                    "names ipsec-mb, which this build or processor lacks");
    return make_libcrypto_aead(suite, direction);
}

} // namespace crypto

std::string_view suite_name(Suite suite) noexcept {
    return suite == Suite::aes_256_gcm ? "AES-256-GCM" : "ChaCha20-Poly1305";
}

std::string_view suite_kernel(Suite suite) {
    return crypto::make_aead(suite, crypto::Direction::decrypt)->kernel();
}

} // namespace weightseal

#include "crypto/aead.hpp"

#include "weightseal/core/error.hpp"

#include <cstdlib>

namespace weightseal {
namespace crypto {
namespace {

enum class Choice { fastest, libcrypto, ipsec_mb };

Choice forced_kernel() {
    const char* const value = std::getenv("WEIGHTSEAL_FORCE_KERNEL");
    const std::string_view name = value == nullptr ? "" : value;
    if (name.empty()) return Choice::fastest;
    if (name == "libcrypto") return Choice::libcrypto;
    if (name == "ipsec-mb") return Choice::ipsec_mb;
    throw Error(Errc::invalid_argument, "WEIGHTSEAL_FORCE_KERNEL", "is neither libcrypto nor ipsec-mb");
}

} // namespace

std::unique_ptr<Aead> make_aead(Suite suite, Direction direction) {
    static const Choice choice = forced_kernel();
    if (choice != Choice::libcrypto)
        if (auto aead = make_ipsec_mb_aead(suite, direction)) return aead;
    if (choice == Choice::ipsec_mb && suite == Suite::aes_256_gcm)
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

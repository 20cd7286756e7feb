#include "crypto/sodium.hpp"

#include "crypto/compare.hpp"
#include "crypto/random.hpp"
#include "weightseal/core/aligned_buffer.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/keys/secret.hpp"

#include <sodium.h>

namespace weightseal {
namespace crypto {

void require_sodium() {
    static const bool ready = sodium_init() >= 0; // 1 means that the host initialised it before
    if (!ready) throw Error(Errc::internal, "libsodium", "cannot be initialised");
}

void fill_random(MutableBytes to) noexcept {
    randombytes_buf(to.data(), to.size());
}

bool equal(Bytes a, Bytes b) noexcept {
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace crypto

void wipe(MutableBytes bytes) noexcept {
    sodium_memzero(bytes.data(), bytes.size());
}

Secret Secret::make(const std::function<void(std::span<std::byte, secret_size>)>& fill) {
    crypto::require_sodium();
    auto* memory = static_cast<std::byte*>(sodium_malloc(secret_size));
    if (memory == nullptr) throw Error(Errc::out_of_memory, "secret", "the system gave no guarded memory");
    Secret secret;
    // sodium_free wipes.
    secret.bytes_ = std::shared_ptr<const std::byte>(memory, [memory](const std::byte*) { sodium_free(memory); });
    fill(std::span<std::byte, secret_size>{memory, secret_size});
    sodium_mprotect_readonly(memory);
    return secret;
}

Secret Secret::random() {
    return make([](std::span<std::byte, secret_size> to) { crypto::fill_random(to); });
}

Secret Secret::copy_of(std::span<const std::byte, secret_size> bytes) {
    return make([bytes](std::span<std::byte, secret_size> to) { std::memcpy(to.data(), bytes.data(), to.size()); });
}

} // namespace weightseal

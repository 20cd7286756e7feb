// The ciphers behind the seam: every kernel of this build gives the same bytes.

#include "crypto/aead.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <array>
#include <vector>

namespace weightseal::testing {
namespace {

using crypto::Direction;
using MakeAead = std::unique_ptr<crypto::Aead> (*)(Suite, Direction);

// The kernels that this build and this processor have for a suite.
std::vector<MakeAead> kernels(Suite suite) {
    std::vector<MakeAead> found;
    for (const MakeAead make : {&crypto::make_libcrypto_aead, &crypto::make_ipsec_mb_aead, &crypto::make_aead})
        if (make(suite, Direction::encrypt) != nullptr) found.push_back(make);
    return found;
}

struct Sealed {
    Data cipher;
    std::array<std::byte, crypto::tag_size> tag{};
    bool operator==(const Sealed&) const = default;
};

Sealed encrypt(MakeAead make, Suite suite, Bytes key, std::uint64_t number, Bytes plain) {
    Sealed sealed{Data(plain.size()), {}};
    const auto aead = make(suite, Direction::encrypt);
    aead->set_key(key.first<32>());
    aead->encrypt({number}, plain, sealed.cipher.data(), sealed.tag);
    return sealed;
}

bool decrypt(MakeAead make, Suite suite, Bytes key, std::uint64_t number, const Sealed& sealed, Data& plain) {
    const auto aead = make(suite, Direction::decrypt);
    aead->set_key(key.first<32>());
    plain.resize(sealed.cipher.size());
    return aead->decrypt({number}, sealed.cipher, plain.data(), sealed.tag);
}

constexpr std::array suites{Suite::aes_256_gcm, Suite::chacha20_poly1305};

} // namespace

TEST_CASE("kernels agree on every length around their block sizes, and on every nonce") {
    const Data key = patterned(32, 1);
    std::vector<std::size_t> sizes{4096, 4097, 65536, 262144, 1'000'003};
    for (std::size_t size = 0; size <= 300; ++size)
        sizes.push_back(size);
    for (const Suite suite : suites) {
        const std::vector<MakeAead> all = kernels(suite);
        REQUIRE(all.size() >= 2);
        for (const std::size_t size : sizes) {
            INFO("suite " << static_cast<int>(suite) << ", " << size << " bytes");
            const Data plain = patterned(size, size + 2);
            const std::uint64_t number = size * 0x0102030405060708;
            const Sealed expected = encrypt(all.front(), suite, key, number, plain);
            for (const MakeAead make : all) {
                REQUIRE(encrypt(make, suite, key, number, plain) == expected);
                Data back;
                REQUIRE(decrypt(make, suite, key, number, expected, back));
                REQUIRE(back == plain);
            }
        }
    }
}

TEST_CASE("every kernel refuses another tag, ciphertext, nonce and key") {
    const Data key = patterned(32, 3);
    const Data other_key = patterned(32, 4);
    for (const Suite suite : suites)
        for (const MakeAead make : kernels(suite))
            for (const std::size_t size : {std::size_t{1}, std::size_t{16}, std::size_t{1000}, std::size_t{65536}}) {
                INFO("suite " << static_cast<int>(suite) << ", " << size << " bytes");
                const Sealed sealed = encrypt(make, suite, key, 5, patterned(size, 6));
                Data back;
                REQUIRE(decrypt(make, suite, key, 5, sealed, back));
                for (std::size_t bit = 0; bit < 128; ++bit) {
                    Sealed wrong = sealed;
                    wrong.tag[bit / 8] ^= std::byte(1U << bit % 8);
                    REQUIRE_FALSE(decrypt(make, suite, key, 5, wrong, back));
                }
                for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
                    Sealed wrong = sealed;
                    wrong.cipher[at] ^= std::byte{0x10};
                    REQUIRE_FALSE(decrypt(make, suite, key, 5, wrong, back));
                }
                CHECK_FALSE(decrypt(make, suite, key, 6, sealed, back));
                CHECK_FALSE(decrypt(make, suite, other_key, 5, sealed, back));
            }
}

TEST_CASE("every kernel works in place, and again under a new key") {
    for (const Suite suite : suites)
        for (const MakeAead make : kernels(suite)) {
            const auto encryptor = make(suite, Direction::encrypt);
            const auto decryptor = make(suite, Direction::decrypt);
            for (std::uint64_t round = 0; round < 3; ++round) {
                const Data key = patterned(32, 10 + round);
                const Data plain = patterned(5000, 20 + round);
                encryptor->set_key(Bytes(key).first<32>());
                decryptor->set_key(Bytes(key).first<32>());
                Data bytes = plain;
                std::array<std::byte, crypto::tag_size> tag{};
                encryptor->encrypt({round}, bytes, bytes.data(), tag);
                CHECK(bytes != plain);
                REQUIRE(decryptor->decrypt({round}, bytes, bytes.data(), tag));
                CHECK(bytes == plain);
            }
        }
}

} // namespace weightseal::testing

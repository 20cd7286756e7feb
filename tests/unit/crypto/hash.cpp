// SHA-256, HMAC and HKDF against the published test vectors.

#include "crypto/hash.hpp"
#include "crypto/keyed_hmac.hpp"
#include "support/catch.hpp"
#include "unit/vectors.hpp"

namespace weightseal::testing {

TEST_CASE("SHA-256 of FIPS 180-2's examples, in one part or several") {
    constexpr const char* abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    CHECK(to_hex(crypto::sha256({as_bytes("abc")})) == abc);
    CHECK(to_hex(crypto::sha256({as_bytes("a"), {}, as_bytes("bc")})) == abc);
    CHECK(to_hex(crypto::sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("HMAC-SHA-256 of RFC 4231, test case 2") {
    CHECK(to_hex(crypto::hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("a prepared key makes the same HMAC-SHA-256 as often as it is used") {
    std::array<std::byte, 32> key;
    crypto::KeyedHmac keyed;
    for (const std::byte fill : {std::byte{0x5A}, std::byte{0xA5}}) {
        key.fill(fill);
        keyed.set_key(key);
        for (const char* text : {"", "what do ya want for nothing?", ""})
            CHECK(keyed.of(as_bytes(text)) == crypto::hmac_sha256(key, as_bytes(text)));
    }
}

TEST_CASE("HKDF-SHA-256 of RFC 5869, test case 1") {
    const Data key(22, std::byte{0x0b});
    Data prk(32);
    crypto::hkdf_extract(from_hex("000102030405060708090a0b0c"), key, prk);
    CHECK(to_hex(prk) == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    Data out(42);
    crypto::hkdf_expand(prk, from_hex("f0f1f2f3f4f5f6f7f8f9"), out);
    CHECK(to_hex(out) == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

} // namespace weightseal::testing

// Signing keys: their public half, its text form, signatures.

#include "weightseal/keys/signing.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "unit/vectors.hpp"

namespace weightseal::testing {
namespace {

Key signing_key(const nlohmann::json& seed) {
    return {KeyKind::signing, Secret::copy_of(bytes32(seed))};
}

// RFC 8032, section 7.1.
struct Example {
    const char *seed, *public_half, *message, *signature;
};
constexpr Example examples[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
     "655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
     "b00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
     "c027beceea1ec40a"},
};

} // namespace

TEST_CASE("Ed25519 of RFC 8032's examples") {
    for (const Example& example : examples) {
        const Key key = signing_key(example.seed);
        const Data message = from_hex(example.message);
        const Signature signature = sign(key, message);
        CHECK(to_hex(public_key(key)) == example.public_half);
        CHECK(to_hex(signature) == example.signature);
        CHECK(is_signed_by(public_key(key), message, signature));
    }
}

TEST_CASE("a signature is good for its message and its signer alone") {
    const Key key = signing_key(examples[2].seed);
    const Data message = from_hex(examples[2].message);
    const Signature signature = sign(key, message);
    for (std::size_t bit = 0; bit < 8 * signature.size(); ++bit) {
        Signature wrong = signature;
        wrong[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        REQUIRE_FALSE(is_signed_by(public_key(key), message, wrong));
    }
    CHECK_FALSE(is_signed_by(public_key(key), from_hex("af83"), signature));
    CHECK_FALSE(is_signed_by(public_key(key), from_hex("af"), signature));
    CHECK_FALSE(is_signed_by(public_key(signing_key(examples[1].seed)), message, signature));
}

TEST_CASE("a public key of small order signs nothing") {
    // Under such a key one signature would be good for every message.
    const PublicKey identity{std::byte{1}};
    Signature signature{};
    signature[0] = std::byte{1};
    CHECK_FALSE(is_signed_by(identity, as_bytes("any message"), signature));
    CHECK_FALSE(is_signed_by(PublicKey{}, as_bytes("any message"), Signature{}));
}

TEST_CASE("only a signing key signs") {
    for (const KeyKind kind : {KeyKind::seal, KeyKind::recipient, KeyKind::watermark}) {
        const Key key = Key::generate(kind);
        CHECK(refusal([&] { (void)public_key(key); }) == "key_kind");
        CHECK(refusal([&] { (void)sign(key, {}); }) == "key_kind");
    }
    CHECK(refusal([] { (void)sign(Key{KeyKind::signing, {}}, {}); }) == "invalid_argument");
}

TEST_CASE("the text form of known public keys") {
    const auto vectors = load_vectors("keys.json");
    REQUIRE(vectors["signers"].size() == 4);
    for (const auto& vector : vectors["signers"]) {
        const PublicKey key = public_key(signing_key(vector["signing_key"]));
        const auto text = vector["text"].get<std::string>();
        CHECK(to_hex(key) == vector["public"].get<std::string>());
        CHECK(format_public_key(key) == text);
        CHECK(parse_public_key(text) == key);
        CHECK(parse_public_key("# the press office's\r\n\n  " + text + " \r\n") == key);
    }
}

TEST_CASE("a text that is no public key") {
    const auto parsing = [](const std::string& text) { return refusal([&] { (void)parse_public_key(text); }); };
    const std::string text = format_public_key(PublicKey{std::byte{7}});
    for (const std::string& other : {std::string(), std::string("# ") + text, std::string("hello"), "x" + text,
                                     text + "\n" + text, std::string("wseal_signing_") + text.substr(13)})
        CHECK(parsing(other) == "key_format");
    for (std::size_t i = 13; i < text.size(); ++i) {
        std::string typo = text;
        typo[i] = typo[i] == 'A' ? 'B' : 'A';
        REQUIRE(parsing(typo) == "key_checksum");
        typo[i] = '+';
        REQUIRE(parsing(typo) == "key_checksum");
    }
    CHECK(parsing(text + "A") == "key_checksum");
    CHECK(parsing(text.substr(0, text.size() - 1)) == "key_checksum");
}

TEST_CASE("the public half is not taken for the secret one") {
    const std::string text = format_public_key(PublicKey{std::byte{7}});
    CHECK(refusal([&] { (void)Key::parse(text); }) == "key_format");
}

} // namespace weightseal::testing

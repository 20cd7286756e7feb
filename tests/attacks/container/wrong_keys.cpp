// Keys that do not open a container, and texts that are not keys.

#include "support/catch.hpp"
#include "support/forge.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace weightseal::testing {
namespace {

std::string text_of(const Key& key) {
    std::string text(key_text_size(key.kind), '\0');
    format_key(key, text);
    return text;
}

// The same key in every run.
Key fixed_key() {
    const Data bytes = patterned(secret_size, 7);
    return {KeyKind::seal, Secret::copy_of(std::span<const std::byte, secret_size>(bytes))};
}

std::string parsing(std::string_view text) {
    return refusal([&] { (void)Key::parse(text); });
}

} // namespace

TEST_CASE("a wrong key says wrong key, not corrupt") {
    const Key key = Key::generate(KeyKind::seal);
    const Key other = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key);
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(file), other); }) == "wrong_key");

    // Also when one slot block is damaged: the other one is whole, and the key does not open it.
    Data damaged = file;
    damaged[layout::prelude::size + 100] ^= std::byte{1};
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(damaged), other); }) == "wrong_key");
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(damaged), key); }) == "nothing refused");
}

TEST_CASE("a key that differs in one bit is a wrong key") {
    const Key key = fixed_key();
    const Data file = minimal_container(key);
    for (std::size_t bit = 0; bit < secret_size * 8; ++bit) {
        std::array<std::byte, secret_size> bytes{};
        std::copy_n(key.secret.bytes().begin(), secret_size, bytes.begin());
        bytes[bit / 8] ^= std::byte(1U << bit % 8);
        const Key other{KeyKind::seal, Secret::copy_of(bytes)};
        REQUIRE(refusal([&] { (void)SealedModel::open(memory_source(file), other); }) == "wrong_key");
    }
}

TEST_CASE("a key of another kind opens and seals nothing, even with the same bytes") {
    const Key key = fixed_key();
    const Data file = minimal_container(key);
    const TemporaryFolder folder;
    write_file(folder / "model.safetensors", std::string_view("\x02\0\0\0\0\0\0\0{}", 10));
    for (const KeyKind kind : {KeyKind::recipient, KeyKind::signing, KeyKind::watermark}) {
        const Key other{kind, key.secret};
        CHECK(refusal([&] { (void)SealedModel::open(memory_source(file), other); }) == "key_kind");
        CHECK(refusal([&] { seal(folder / "model.safetensors", folder / "out", other); }) == "key_kind");
        CHECK_FALSE(std::filesystem::exists(folder / "out"));
        CHECK(Key::parse(text_of(other)).kind == kind);
    }
}

TEST_CASE("a key's text with the prefix of another kind is refused: the kind is in the checksum") {
    const std::string text = text_of(fixed_key());
    const std::string payload = text.substr(std::string_view("wseal_seal_").size());
    CHECK(parsing("wseal_seal_" + payload) == "nothing refused");
    for (const char* const prefix : {"wseal_recipient_", "wseal_signing_", "wseal_watermark_"})
        CHECK(parsing(prefix + payload) == "key_checksum");
}

TEST_CASE("an empty key is refused") {
    const Data file = minimal_container(fixed_key());
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(file), Key{}); }) == "invalid_argument");
}

TEST_CASE("every typo of one character in a key's text is refused") {
    const std::string text = text_of(fixed_key());
    std::size_t refused = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (int code = 0; code < 256; ++code) {
            std::string typo = text;
            typo[at] = static_cast<char>(code);
            if (typo == text) continue;
            const std::string result = parsing(typo);
            if (result != "key_checksum" && result != "key_format") {
                CAPTURE(at, code);
                REQUIRE(result == "key_checksum");
            }
            ++refused;
        }
    }
    CHECK(refused == text.size() * 255);
}

TEST_CASE("a character missing, added, doubled or exchanged with its neighbour in a key's text is refused") {
    const std::string text = text_of(fixed_key());
    for (std::size_t at = 0; at < text.size(); ++at) {
        CAPTURE(at);
        std::string typo = text;
        typo.erase(at, 1);
        REQUIRE(parsing(typo) != "nothing refused");
        for (const char extra : {'A', '_', '\0', '\n', '=', text[at]}) {
            typo = text;
            typo.insert(at, 1, extra);
            // A line break before the key is a blank line, which key files may have.
            if (at == 0 && extra == '\n') continue;
            REQUIRE(parsing(typo) != "nothing refused");
        }
        if (at + 1 < text.size() && text[at] != text[at + 1]) {
            typo = text;
            std::swap(typo[at], typo[at + 1]);
            REQUIRE(parsing(typo) != "nothing refused");
        }
    }
}

TEST_CASE("texts that are no keys") {
    const std::string text = text_of(fixed_key());
    CHECK(parsing("") == "key_format");
    CHECK(parsing("\n\n# only a comment\n") == "key_format");
    CHECK(parsing("wseal_") == "key_format");
    CHECK(parsing("wseal_seal_") == "key_checksum");
    CHECK(parsing(text + "\n" + text) == "key_format");
    CHECK(parsing(text + " " + text) == "key_checksum");
    CHECK(parsing(std::string(text).append(1, '\0')) == "key_checksum");
    CHECK(parsing(std::string(1 << 20, 'A')) == "key_format");
    std::string upper = text;
    for (char& c : upper)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    CHECK(parsing(upper) == "key_format");
}

TEST_CASE("refusing a key's text does not repeat it") {
    std::string typo = text_of(fixed_key());
    typo[20] = typo[20] == 'x' ? 'y' : 'x';
    const std::string secret_part = typo.substr(24);
    try {
        (void)Key::parse(typo);
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK_THAT(error.what(), !ContainsSubstring(secret_part));
        CHECK_THAT(error.what(), !ContainsSubstring(secret_part.substr(0, 8)));
    }
}

} // namespace weightseal::testing

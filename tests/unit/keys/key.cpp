// Keys and their text form.

#include "weightseal/keys/key.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "unit/vectors.hpp"

namespace weightseal::testing {
namespace {

std::string text_of(const Key& key) {
    std::string text(key_text_size(key.kind), '?');
    format_key(key, text);
    return text;
}

bool same(const Key& a, const Key& b) {
    return a.kind == b.kind && std::ranges::equal(a.secret.bytes(), b.secret.bytes());
}

std::string parsing(std::string_view text) {
    return refusal([&] { (void)Key::parse(text); });
}

constexpr std::array kinds{KeyKind::seal, KeyKind::recipient, KeyKind::signing, KeyKind::watermark};

} // namespace

TEST_CASE("the text form of known keys") {
    const auto vectors = load_vectors("keys.json");
    REQUIRE(vectors["keys"].size() == 16);
    for (const auto& vector : vectors["keys"]) {
        const auto text = vector["text"].get<std::string>();
        INFO(text);
        const Key key = Key::parse(text);
        CHECK(key_kind_name(key.kind) == vector["kind"].get<std::string>());
        CHECK(to_hex(key.secret.bytes()) == vector["key"].get<std::string>());
        CHECK(text_of(key) == text);
        CHECK(key_text_size(key.kind) == text.size());
    }
}

TEST_CASE("keys of every kind survive their text form") {
    for (const KeyKind kind : kinds)
        for (int i = 0; i < 50; ++i) {
            const Key key = Key::generate(kind);
            REQUIRE(same(Key::parse(text_of(key)), key));
        }
}

TEST_CASE("generated keys differ") {
    CHECK_FALSE(same(Key::generate(KeyKind::seal), Key::generate(KeyKind::seal)));
}

TEST_CASE("blank lines, comments, spaces and Windows line ends around a key do not matter") {
    const Key key = Key::generate(KeyKind::seal);
    const std::string text = text_of(key);
    for (const std::string& file : {text + "\n", text + "\r\n", "\n\n" + text, "# made today\n" + text + "\n# the end",
                                    "  \t" + text + " \n \t \n", "# public half\r\n\r\n" + text + "\r\n",
                                    "#" + text + "x\n" + text, "   # " + text + "\n" + text})
        CHECK(same(Key::parse(file), key));
}

TEST_CASE("a text without a key, or with two, is no key") {
    const std::string text = text_of(Key::generate(KeyKind::seal));
    for (const std::string& file : {std::string(), std::string("\n"), std::string("# " + text), std::string("hello"),
                                    text + "\n" + text, std::string("wseal_"), "x" + text, std::string("WSEAL_SEAL_")})
        CHECK(parsing(file) == "key_format");
}

TEST_CASE("a message about a bad key never repeats it") {
    const std::string text = text_of(Key::generate(KeyKind::seal));
    std::string wrong = text;
    wrong[20] = wrong[20] == 'A' ? 'B' : 'A';
    for (const std::string& file : {wrong, text + "A", text.substr(0, 40), text + "\n" + text, "x" + text}) {
        try {
            (void)Key::parse(file);
            FAIL("accepted");
        } catch (const Error& error) {
            const std::string message = error.what();
            for (std::size_t i = 11; i + 8 <= text.size(); ++i)
                REQUIRE(message.find(text.substr(i, 8)) == std::string::npos);
        }
    }
}

TEST_CASE("format_key wants exactly the room the text needs") {
    const Key key = Key::generate(KeyKind::seal);
    std::string room(key_text_size(KeyKind::seal) - 1, 'x');
    CHECK(refusal([&] { format_key(key, room); }) == "invalid_argument");
    room.resize(room.size() + 2);
    CHECK(refusal([&] { format_key(key, room); }) == "invalid_argument");
    room.pop_back();
    CHECK(refusal([&] { format_key(Key{}, room); }) == "invalid_argument");
}

TEST_CASE("require_kind accepts the kind and nothing else") {
    for (const KeyKind have : kinds)
        for (const KeyKind want : kinds) {
            const Key key = Key::generate(have);
            CHECK(refusal([&] { require_kind(key, want); }) == (have == want ? "nothing refused" : "key_kind"));
        }
    CHECK(refusal([] { require_kind(Key{}, KeyKind::seal); }) == "invalid_argument");
}

} // namespace weightseal::testing

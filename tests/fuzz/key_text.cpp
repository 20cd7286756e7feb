// Texts of keys. What is accepted is written back as it was, but for blanks and comments around it.

#include "base.hpp"

#include <string>

using namespace weightseal;
using namespace weightseal::testing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Half of the inputs are a valid key with a few bytes changed, which a fuzzer does not find by itself.
    std::string text(as_text(std::as_bytes(std::span(data, size))));
    std::string valid(key_text_size(KeyKind::seal), '\0');
    format_key(fuzz_key(), valid);
    if (!text.empty() && text[0] == 'p') {
        std::string patched = valid;
        for (std::size_t i = 1; i + 1 < text.size(); i += 2)
            patched[static_cast<unsigned char>(text[i]) % patched.size()] = text[i + 1];
        text = std::move(patched);
    }
    try {
        const Key key = Key::parse(text);
        std::string written(key_text_size(key.kind), '\0');
        format_key(key, written);
        require(text.find(written) != std::string::npos, "another text for the same key");
        require(written != valid || crypto::sha256({key.secret.bytes()}) == crypto::sha256({fuzz_key().secret.bytes()}),
                "another key for the same text");
    } catch (const Error&) {
    }
    return 0;
}

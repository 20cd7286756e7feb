// Keys.

#include "common.hpp"

#include "weightseal/keys/key_source.hpp"

SAME(WSEAL_KEY_WATERMARK, weightseal::KeyKind::watermark);
#undef SAME

using namespace weightseal;
using namespace weightseal::capi;

namespace {

bool is_key_kind(uint32_t kind) {
    return kind >= WSEAL_KEY_SEAL && kind <= WSEAL_KEY_WATERMARK;
}

} // namespace

extern "C" {

wseal_status wseal_key_generate(uint32_t kind, wseal_key** own_key, wseal_error* error) {
    return guarded(error, [&] {
        require(own_key);
        if (!is_key_kind(kind) || kind == WSEAL_KEY_RECIPIENT)
            throw Error(Errc::unsupported, "key", "only seal, watermark and signing keys can be generated");
        *own_key = new wseal_key{Key::generate(static_cast<KeyKind>(kind))};
    });
}

wseal_status wseal_key_parse(const char* text, wseal_key** own_key, wseal_error* error) {
    return guarded(error, [&] {
        require(text, own_key);
        *own_key = new wseal_key{Key::parse(text)};
    });
}

wseal_status wseal_key_from_bytes(uint32_t kind, const uint8_t bytes[WSEAL_KEY_BYTES], wseal_key** own_key,
                                  wseal_error* error) {
    return guarded(error, [&] {
        require(bytes, own_key);
        if (!is_key_kind(kind)) throw Error(Errc::invalid_argument, "key", "has a kind that does not exist");
        const std::span<const std::byte, secret_size> raw(reinterpret_cast<const std::byte*>(bytes), secret_size);
        *own_key = new wseal_key{{static_cast<KeyKind>(kind), Secret::copy_of(raw)}};
    });
}

wseal_status wseal_key_from_source(const char* source, wseal_key** own_key, wseal_error* error) {
    return guarded(error, [&] {
        require(source, own_key);
        *own_key = new wseal_key{key_from_source(source)};
    });
}

wseal_status wseal_key_format(const wseal_key* key, char* text, size_t text_size, wseal_error* error) {
    return guarded(error, [&] {
        require(key, text);
        const std::size_t size = key_text_size(key->key.kind);
        if (text_size <= size) throw Error(Errc::destination_size, "key", "the room for its text is too small");
        format_key(key->key, {text, size});
        text[size] = '\0';
    });
}

void wseal_key_free(wseal_key* own_key) {
    delete own_key;
}

} // extern "C"

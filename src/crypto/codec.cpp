#include "crypto/codec.hpp"

#include "weightseal/core/aligned_buffer.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <sodium.h>
#include <vector>

namespace weightseal::crypto {

constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

void to_base64url(Bytes from, std::span<char> to) {
    const std::size_t room = sodium_base64_encoded_len(from.size(), variant); // with terminator
    if (to.size() + 1 != room) throw Error(Errc::invalid_argument, "base64url", "the room has another size");
    std::vector<char> text(room);
    sodium_bin2base64(text.data(), room, reinterpret_cast<const unsigned char*>(from.data()), from.size(), variant);
    std::memcpy(to.data(), text.data(), to.size());
    wipe(std::as_writable_bytes(std::span(text)));
}

bool from_base64url(std::string_view text, MutableBytes to) noexcept {
    // libsodium 1.0.18 takes some bytes above 0x7F for digits.
    unsigned all = 0;
    for (const char c : text)
        all |= static_cast<unsigned char>(c);
    if (all > 0x7F) return false;
    std::size_t size = 0;
    const char* end = nullptr;
    return sodium_base642bin(reinterpret_cast<unsigned char*>(to.data()), to.size(), text.data(), text.size(), nullptr,
                             &size, &end, variant) == 0 &&
           size == to.size() && end == text.data() + text.size();
}

std::string to_hex(Bytes from) {
    std::string text(2 * from.size() + 1, '\0'); // with terminator
    sodium_bin2hex(text.data(), text.size(), reinterpret_cast<const unsigned char*>(from.data()), from.size());
    text.pop_back();
    return text;
}

bool from_hex(std::string_view text, MutableBytes to) noexcept {
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'F'; };
    if (text.size() != 2 * to.size() || std::ranges::any_of(text, is_upper)) return false;
    if (to.empty()) return true; // libsodium wants no null pointers
    std::size_t size = 0;
    const char* end = nullptr;
    return sodium_hex2bin(reinterpret_cast<unsigned char*>(to.data()), to.size(), text.data(), text.size(), nullptr,
                          &size, &end) == 0 &&
           size == to.size() && end == text.data() + text.size();
}

} // namespace weightseal::crypto

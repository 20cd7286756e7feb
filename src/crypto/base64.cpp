#include "crypto/base64.hpp"

#include <openssl/evp.h>

namespace weightseal::crypto {

std::string to_base64(Bytes from) {
    std::string text((from.size() + 2) / 3 * 4 + 1, '\0'); // with terminator
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), reinterpret_cast<const unsigned char*>(from.data()),
                    static_cast<int>(from.size()));
    text.pop_back();
    return text;
}

std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
    std::vector<std::byte> bytes(text.size() / 4 * 3);
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    // What padding stands for is decoded as zeros.
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    if (size < 0 || static_cast<std::size_t>(size) < padding) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(size) - padding);
    // libcrypto takes blanks, padding anywhere and stray bits.
    if (to_base64(bytes) != text) return std::nullopt;
    return bytes;
}

} // namespace weightseal::crypto

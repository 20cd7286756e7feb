#pragma once
// Vectors: the committed files of tests/vectors, and the text forms of bytes in them.

#include "crypto/codec.hpp"
#include "support/files.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <string>

namespace weightseal::testing {

[[nodiscard]] inline nlohmann::json load_vectors(std::string_view name) {
    const Data file = read_file(tests_folder() / "vectors" / name);
    return nlohmann::json::parse(as_text(file));
}

[[nodiscard]] inline Data from_hex(const nlohmann::json& value) {
    const auto text = value.get<std::string>();
    Data data;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        data.push_back(static_cast<std::byte>(std::stoi(text.substr(i, 2), nullptr, 16)));
    return data;
}

[[nodiscard]] inline std::array<std::byte, 32> bytes32(const nlohmann::json& value) {
    const Data data = from_hex(value);
    std::array<std::byte, 32> bytes{};
    std::copy_n(data.begin(), bytes.size(), bytes.begin());
    return bytes;
}

[[nodiscard]] inline std::string to_hex(Bytes bytes) {
    std::string text;
    for (const std::byte b : bytes) {
        constexpr std::string_view digits = "0123456789abcdef";
        text += digits[std::to_integer<unsigned>(b) >> 4U];
        text += digits[std::to_integer<unsigned>(b) & 15U];
    }
    return text;
}

[[nodiscard]] inline Data from_base64url(const nlohmann::json& value) {
    const auto text = value.get<std::string>();
    Data data(text.size() * 3 / 4);
    if (!crypto::from_base64url(text, data)) throw std::runtime_error("a vector is not base64url");
    return data;
}

} // namespace weightseal::testing

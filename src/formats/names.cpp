#include "formats/names.hpp"

#include "weightseal/core/tensor.hpp"

#include <algorithm>
#include <cstdint>

namespace weightseal::formats {

// Unicode 15, table 3-7.
std::size_t utf8_sequence(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = lead == 0xED ? 0x9F : 0xBF; // no surrogates
        return byte(1) >= low && byte(1) <= high && continues(2) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xF4 ? 0x8F : 0xBF; // up to U+10FFFF
        return byte(1) >= low && byte(1) <= high && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

bool is_valid_name(std::string_view name) noexcept {
    if (name.size() > max_name_size) return false;
    while (!name.empty()) {
        const std::size_t length = utf8_sequence(name);
        if (length == 0 || name.front() == '\0') return false;
        name.remove_prefix(length);
    }
    return true;
}

std::optional<std::string_view> file_below_a_file(std::vector<std::string_view> files) {
    // With '/' below every other byte, what stands in a folder follows the folder at once. Looking up every folder of
    // every path instead would take a hostile index of long paths quadratic time.
    const auto rank = [](char c) { return c == '/' ? 0U : static_cast<unsigned char>(c) + 1U; };
    std::ranges::sort(files, [&](std::string_view a, std::string_view b) {
        return std::ranges::lexicographical_compare(a, b, {}, rank, rank);
    });
    for (std::size_t i = 1; i < files.size(); ++i)
        if (files[i].size() > files[i - 1].size() && files[i].starts_with(files[i - 1]) &&
            files[i][files[i - 1].size()] == '/')
            return files[i];
    return std::nullopt;
}

bool is_valid_label(std::string_view text) noexcept {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    return is_valid_name(text) && std::none_of(text.begin(), text.end(), is_control);
}

bool is_safe_path(std::string_view name) noexcept {
    if (!is_valid_label(name) || name.find('\\') != std::string_view::npos) return false;
    for (;;) {
        const std::size_t end = std::min(name.find('/'), name.size());
        const std::string_view part = name.substr(0, end);
        if (part.empty() || part == "." || part == "..") return false;
        if (end == name.size()) return true;
        name.remove_prefix(end + 1);
    }
}

} // namespace weightseal::formats

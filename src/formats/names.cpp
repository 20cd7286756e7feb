#include "formats/names.hpp"

#include "core/text.hpp"
#include "weightseal/core/tensor.hpp"

#include <algorithm>

namespace weightseal::formats {

bool is_valid_name(std::string_view name) noexcept {
    if (name.size() > max_name_size) return false;
    while (!name.empty()) {
        const std::size_t length = first_code_point(name).size;
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

#include "storage/text.hpp"

#include <algorithm>

namespace weightseal::storage {

bool matches(std::string_view pattern, std::string_view text) noexcept {
    std::size_t p = 0, t = 0;
    std::size_t star = pattern.npos, resume = 0; // the last *, and where its text ends
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p, ++t;
        } else if (star != pattern.npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == pattern.npos;
}

std::string lower(std::string_view text) {
    std::string copy(text);
    for (char& c : copy)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return copy;
}

std::string other_case(std::string_view text) {
    std::string copy(text);
    for (char& c : copy)
        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) c = static_cast<char>(c ^ 0x20);
    return copy;
}

bool has_wildcard(std::string_view pattern) noexcept {
    return pattern.find_first_of("*?") != pattern.npos;
}

bool has_variable(std::string_view text) noexcept {
    return text.find("${") != text.npos;
}

std::optional<Arn> Arn::parse(std::string_view text) noexcept {
    std::array<std::string_view, 5> head;
    for (std::string_view& part : head) {
        const std::size_t colon = text.find(':');
        if (colon == text.npos) return std::nullopt;
        part = text.substr(0, colon);
        text.remove_prefix(colon + 1);
    }
    if (head[0] != "arn") return std::nullopt;
    return Arn{head[1], head[2], head[3], head[4], text};
}

std::array<std::string_view, 6> Arn::parts() const noexcept {
    return {"arn", partition, service, region, account, resource};
}

bool is_account(std::string_view text) noexcept {
    return text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_unique_id(std::string_view text) noexcept {
    const auto is_base32 = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
    return (text.starts_with("AROA") || text.starts_with("AIDA")) && text.size() >= 16 && text.size() <= 128 &&
           std::ranges::all_of(text, is_base32);
}

} // namespace weightseal::storage

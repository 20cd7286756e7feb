#include "storage/pattern.hpp"

#include "storage/text.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

// In the order of preference; the last ones only where patterns name all before.
constexpr std::string_view letters = "xyzqjkvwbcdfghlmnprstaeiou0123456789XYZQJKVWBCDFGHLMNPRSTAEIOU-_.~!@+=,;";

// Texts with wildcards filled; the product of many * here and many ? elsewhere would be megabytes.
constexpr std::size_t max_filled_size = 16'384;

void require_short(const std::string& text) {
    if (text.size() > max_filled_size)
        throw Error(Errc::policy_too_large, "policy",
                    fmt::format("holds patterns whose texts are longer than {} bytes", max_filled_size));
}

// Several * in a row are one.
std::string without_doubles(std::string_view pattern) {
    std::string text;
    for (const char c : pattern)
        if (c != '*' || text.empty() || text.back() != '*') text += c;
    return text;
}

} // namespace

std::string signature_of(const std::set<std::string>& patterns, std::string_view text) {
    std::string signature;
    for (const std::string& pattern : patterns)
        signature += matches(pattern, text) ? '1' : '0';
    return signature;
}

std::string instance_of(std::string_view pattern) {
    std::string text(pattern);
    for (char& c : text)
        if (c == '*' || c == '?') c = 'x';
    return text;
}

Filler::Filler(const std::set<std::string>& patterns) {
    std::size_t most = 0; // of ? in a pattern: they may match a text that is not longer
    std::string rarest;
    std::size_t least = std::string::npos;
    for (const std::string& pattern : patterns)
        most = std::max(most, static_cast<std::size_t>(std::ranges::count(pattern, '?')));
    for (const char letter : letters) {
        std::size_t count = 0;
        for (const std::string& pattern : patterns)
            count += static_cast<std::size_t>(std::ranges::count(pattern, letter));
        if (count >= least) continue;
        least = count;
        rarest = letter;
        if (count == 0) break;
    }
    for (std::size_t i = 0; i <= most; ++i)
        text_ += rarest;
}

std::string Filler::fill(std::string_view pattern) const {
    std::string text;
    for (const char c : pattern) {
        if (c == '*')
            text += text_;
        else
            text += c == '?' ? text_[0] : c;
    }
    require_short(text);
    return text;
}

std::set<std::string> Filler::texts_of(std::string_view pattern) const {
    return {instance_of(pattern), fill(pattern)};
}

// A path through the product of both patterns, depth first: how each place in it was reached, and back from its end.
std::string Filler::fill_both(std::string_view one, std::string_view other) const {
    enum Step : char { unseen, first, in_one, in_other, in_both };
    const std::string a = without_doubles(one), b = without_doubles(other);
    const std::size_t width = b.size() + 1;
    std::vector<Step> steps((a.size() + 1) * width, unseen);
    struct Place {
        std::size_t i, j;
        Step step;
    };
    std::vector<Place> places{{0, 0, first}};
    while (!places.empty() && steps.back() == unseen) {
        const auto [i, j, step] = places.back();
        places.pop_back();
        if (steps[i * width + j] != unseen) continue;
        steps[i * width + j] = step;
        const char x = i < a.size() ? a[i] : '\0', y = j < b.size() ? b[j] : '\0';
        if (y == '*') places.push_back({i, j + 1, in_other});
        if (x == '*') places.push_back({i + 1, j, in_one});
        if (x == '\0' || y == '\0' || (x == '*' && y == '*')) continue;
        if (x == '*')
            places.push_back({i, j + 1, in_other});
        else if (y == '*')
            places.push_back({i + 1, j, in_one});
        else if (x == y || x == '?' || y == '?')
            places.push_back({i + 1, j + 1, in_both});
    }
    if (steps.back() == unseen) return {};
    std::string text; // backwards
    for (std::size_t i = a.size(), j = b.size(); i != 0 || j != 0;) {
        const Step step = steps[i * width + j];
        i -= step == in_other ? 0 : 1;
        j -= step == in_one ? 0 : 1;
        const char x = i < a.size() ? a[i] : '\0', y = j < b.size() ? b[j] : '\0';
        if (x == '*' && y == '*') {
            text += text_;
            continue;
        }
        const char letter = step == in_one ? x : step == in_other || x == '?' ? y : x;
        if (letter != '*') text += letter == '?' ? text_[0] : letter;
    }
    require_short(text);
    return {text.rbegin(), text.rend()};
}

std::set<std::string> rests_of(std::string_view pattern, std::string_view start) {
    const std::string text = without_doubles(pattern);
    std::set<std::size_t> places{0};
    for (const char c : start) {
        std::set<std::size_t> next;
        for (std::size_t place : places) {
            if (place < text.size() && text[place] == '*') next.insert(place++);
            if (place < text.size() && (text[place] == '?' || text[place] == c)) next.insert(place + 1);
        }
        places = std::move(next);
    }
    std::set<std::string> rests;
    for (const std::size_t place : places)
        rests.insert(text.substr(place));
    return rests;
}

} // namespace weightseal::storage

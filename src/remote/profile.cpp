#include "remote/profile.hpp"

#include "core/text.hpp"
#include "remote/environment.hpp"
#include "remote/secret_file.hpp"

#include <algorithm>
#include <cctype>

namespace weightseal::remote {
namespace {

constexpr std::size_t longest_file = std::size_t{1} << 20;

std::string in_lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

std::string path_of(const char* variable, const char* file) {
    if (std::string path = environment({variable}); !path.empty()) return path;
    const std::string home = environment({"HOME"});
    return home.empty() ? std::string() : home + "/.aws/" + file;
}

Settings read_section(const std::string& path, std::string_view name) {
    const auto text = path.empty() ? std::nullopt : read_secret_file(path, longest_file);
    return text ? parse_section(text->view(), name) : Settings();
}

} // namespace

Settings parse_section(std::string_view text, std::string_view name) {
    Settings settings;
    bool is_ours = false;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view raw = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        const std::string_view line = trimmed(raw);
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line.front() == '[') {
            is_ours = trimmed(line.substr(1, line.find(']') - 1)) == name;
            continue;
        }
        // An indented line belongs to the setting before it, such as those of "s3 =".
        if (!is_ours || raw.front() == ' ' || raw.front() == '\t') continue;
        const std::size_t equals = line.find('=');
        if (equals == line.npos) continue;
        settings.insert_or_assign(in_lower_case(trimmed(line.substr(0, equals))),
                                  SecretText(trimmed(line.substr(equals + 1))));
    }
    return settings;
}

Settings read_profile(const std::string& name) {
    Settings settings = read_section(path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials"), name);
    // The configuration calls all profiles but the default one "profile NAME".
    settings.merge(read_section(path_of("AWS_CONFIG_FILE", "config"), name == "default" ? name : "profile " + name));
    return settings;
}

std::string setting(const Settings& settings, std::string_view name) {
    const auto found = settings.find(name);
    return found == settings.end() ? std::string() : std::string(found->second.view());
}

} // namespace weightseal::remote

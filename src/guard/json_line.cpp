#include "guard/json_line.hpp"

#include <set>
#include <string>
#include <vector>

namespace weightseal::guard {
namespace {

using Json = nlohmann::json;

constexpr int max_depth = 16;

struct Refused {};

} // namespace

std::optional<Json> parse_json_line(std::string_view line) {
    // The parser takes NUL for the end of its input and would pass over whatever follows.
    if (line.find('\0') != std::string_view::npos) return std::nullopt;
    std::vector<std::set<std::string>> names; // of the objects that are open
    const auto watch = [&](int depth, Json::parse_event_t event, const Json& parsed) {
        if (depth > max_depth) throw Refused();
        if (event == Json::parse_event_t::object_start) names.emplace_back();
        if (event == Json::parse_event_t::object_end) names.pop_back();
        if (event == Json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second)
            throw Refused();
        return true;
    };
    try {
        Json json = Json::parse(line.begin(), line.end(), watch, false);
        if (json.is_object()) return json;
    } catch (const Refused&) {
    }
    return std::nullopt;
}

std::optional<std::uint64_t> whole_number(const Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
    return found->get<std::uint64_t>();
}

const std::string* text_member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

} // namespace weightseal::guard

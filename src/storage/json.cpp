#include "storage/json.hpp"

#include "weightseal/core/error.hpp"

#include <fmt/format.h>
#include <unordered_set>
#include <vector>

namespace weightseal::storage {
namespace {

// Sees names twice and depth, which the parser itself does not, before more is built.
class Checker {
  public:
    explicit Checker(std::string_view subject) : subject_(subject) {}

    void check(Json::parse_event_t event, const Json& parsed) {
        using Event = Json::parse_event_t;
        switch (event) {
        case Event::object_start:
        case Event::array_start:
            if (names_.size() == max_depth)
                throw Error(Errc::policy_too_large, subject_,
                            fmt::format("is nested deeper than {} levels", max_depth));
            names_.emplace_back();
            break;
        case Event::object_end:
        case Event::array_end: names_.pop_back(); break;
        case Event::key: {
            const auto& name = parsed.get_ref<const std::string&>();
            if (!names_.back().insert(name).second)
                throw Error(Errc::duplicate_policy_field, subject_, fmt::format("the field '{}' stands twice", name));
            break;
        }
        case Event::value: break;
        }
    }

  private:
    std::string_view subject_;
    std::vector<std::unordered_set<std::string>> names_;
};

} // namespace

Json parse_json(std::string_view text, std::string_view subject) {
    if (text.size() > max_text_size)
        throw Error(Errc::policy_too_large, subject, fmt::format("is larger than {} MiB", max_text_size >> 20));
    // The parser takes NUL for the end of its input and would pass over whatever follows.
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        throw Error(Errc::policy_not_json, subject, "holds NUL", nul);
    Checker checker(subject);
    try {
        return Json::parse(text.begin(), text.end(), [&](int, Json::parse_event_t event, const Json& parsed) {
            checker.check(event, parsed);
            return true;
        });
    } catch (const Json::parse_error& error) {
        throw Error(Errc::policy_not_json, subject, "is not valid JSON", error.byte);
    } catch (const Json::out_of_range&) {
        throw Error(Errc::policy_not_json, subject, "holds a number that is out of range");
    }
}

const Json& at(const Json& json, std::initializer_list<std::string_view> path) {
    static const Json nothing;
    const Json* here = &json;
    for (const std::string_view name : path) {
        if (name == "0") {
            if (!here->is_array() || here->empty()) return nothing;
            here = &here->front();
            continue;
        }
        const auto found = here->is_object() ? here->find(name) : here->end();
        if (!here->is_object() || found == here->end()) return nothing;
        here = &*found;
    }
    return *here;
}

std::string text_at(const Json& json, std::initializer_list<std::string_view> path) {
    const Json& value = at(json, path);
    return value.is_string() ? value.get<std::string>() : std::string();
}

} // namespace weightseal::storage

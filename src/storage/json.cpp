#include "storage/json.hpp"

#include "weightseal/core/error.hpp"

#include <fmt/format.h>
#include <unordered_set>
#include <vector>

namespace weightseal::storage {
namespace {

// Sees names twice and depth, which the parser itself does not, before anything is built.
class Checker final : public nlohmann::json_sax<Json> {
  public:
    explicit Checker(std::string_view subject) : subject_(subject) {}

    bool start_object(std::size_t) override { return enter(); }
    bool end_object() override { return leave(); }
    bool start_array(std::size_t) override { return enter(); }
    bool end_array() override { return leave(); }
    bool key(std::string& name) override {
        if (!names_.back().insert(name).second)
            throw Error(Errc::duplicate_policy_field, subject_, fmt::format("the field '{}' stands twice", name));
        return true;
    }
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(std::string&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
        throw Error(Errc::policy_not_json, subject_, "is not valid JSON", position);
    }

  private:
    bool enter() {
        if (names_.size() == max_depth)
            throw Error(Errc::policy_too_large, subject_, fmt::format("is nested deeper than {} levels", max_depth));
        names_.emplace_back();
        return true;
    }
    bool leave() {
        names_.pop_back();
        return true;
    }

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
    Json::sax_parse(text.begin(), text.end(), &checker);
    return Json::parse(text.begin(), text.end());
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

} // namespace weightseal::storage

// The JSON form of limits. A SAX parser, so that fields are seen as they stand: twice, or on a line.

#include "guard/limits_rules.hpp"
#include "guard/signals_rules.hpp"
#include "weightseal/guard/limits.hpp"

#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

namespace weightseal {
namespace guard {
namespace {

using Json = nlohmann::json;

// Counts the lines that the parser has consumed. It reads ahead of numbers only, and lines are asked for at names.
class LineCounter {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    LineCounter(const char* at, std::size_t& line) : at_(at), line_(&line) {}
    reference operator*() const { return *at_; }
    LineCounter& operator++() {
        if (*at_++ == '\n') ++*line_;
        return *this;
    }
    bool operator==(const LineCounter& other) const { return at_ == other.at_; }

  private:
    const char* at_;
    std::size_t* line_;
};

enum class Type { number, boolean, text, array, object };

struct Field {
    std::string_view name;
    Type type;
    Range range;
    bool required;
};

constexpr std::array top_fields{
    Field{"limits", Type::array, {}, true},
    Field{"capacity", Type::number, capacity_range, false},
    Field{"ticket_lifetime", Type::number, ticket_lifetime_range, false},
    Field{"tickets", Type::number, tickets_range, false},
    Field{"logprobs_or_logit_bias", Type::boolean, {}, false},
    Field{"signals", Type::object, {}, false},
};
constexpr std::array limit_fields{
    Field{"tier", Type::text, {}, false},
    Field{"budget", Type::text, {}, true},
    Field{"limit", Type::number, limit_range, true},
    Field{"window", Type::number, window_range, false}, // required or not is a matter of the budget
    Field{"overflow_limit", Type::number, {1, max_limit}, false},
};

std::string_view type_name(Type type) {
    constexpr std::array<std::string_view, 5> names{"a whole number", "true or false", "a text", "an array",
                                                    "an object"};
    return names[static_cast<std::size_t>(type)];
}

// Finds a value by its name.
template <class Value, std::size_t count>
std::optional<Value> named(std::string_view name, std::string_view (*name_of)(Value) noexcept) {
    for (std::size_t i = 0; i < count; ++i)
        if (name_of(static_cast<Value>(i)) == name) return static_cast<Value>(i);
    return std::nullopt;
}

class LimitsBuilder final : public nlohmann::json_sax<Json> {
  public:
    LimitsBuilder(std::string_view subject, const std::size_t& line) : subject_(subject), rules_(subject), line_(line) {
        limits_.limits.clear();
    }

    Limits finish() { return std::move(limits_); }

    bool start_object(std::size_t) override {
        if (where_ == Where::outside) {
            where_ = Where::top;
        } else if (where_ == Where::array) {
            where_ = Where::limit;
            limit_ = Limit{};
            limit_.window = 0;
            limit_line_ = line_;
        } else if (where_ == Where::top && field_->type == Type::object) {
            where_ = Where::signals;
            limits_.signals.emplace();
        } else {
            wrong_type();
        }
        seen_ = {};
        return true;
    }

    bool end_object() override {
        if (where_ == Where::top) {
            rules_.at_line(line_);
            for (std::size_t i = 0; i < top_fields.size(); ++i)
                if (top_fields[i].required && !seen_top_[i])
                    rules_.refuse(Errc::missing_limits_field, top_fields[i].name, "is missing");
            return true;
        }
        if (where_ == Where::signals) {
            where_ = Where::top;
            return true;
        }
        rules_.at_line(limit_line_);
        const std::string field = limit_field(limits_.limits.size());
        for (std::size_t i = 0; i < limit_fields.size(); ++i)
            if (limit_fields[i].required && !seen_[i]) missing(field, limit_fields[i].name);
        const bool has_window = limit_.window != 0;
        if (limit_.budget != Budget::concurrency && !has_window) missing(field, "window");
        if (limit_.budget == Budget::concurrency && has_window)
            rules_.refuse(Errc::unknown_limits_field, field + ".window",
                          "is no field of concurrency, which counts a request until ticket_lifetime");
        if (!has_window) limit_.window = Limit{}.window;
        rules_.check_new(field, limit_, limits_.limits);
        limits_.limits.push_back(limit_);
        where_ = Where::array;
        return true;
    }

    bool start_array(std::size_t) override {
        if (where_ != Where::top || field_->type != Type::array) wrong_type();
        where_ = Where::array;
        return true;
    }

    bool end_array() override {
        where_ = Where::top;
        rules_.check_count(limits_.limits.size());
        return true;
    }

    bool key(std::string& name) override {
        rules_.at_line(line_);
        if (where_ == Where::signals) {
            path_ = signals_field(name);
            signals_field_ = &known_field(signals_fields, seen_signals_, name);
        } else if (where_ == Where::top) {
            path_ = name;
            field_ = &known_field(top_fields, seen_top_, name);
        } else {
            path_ = limit_field(limits_.limits.size()) + '.' + name;
            field_ = &known_field(limit_fields, seen_, name);
        }
        return true;
    }

    bool number_unsigned(number_unsigned_t value) override {
        if (where_ == Where::signals) {
            rules_.check_range(path_, value, signals_field_->range);
            (*limits_.signals).*signals_field_->member = value;
            return true;
        }
        expect(Type::number);
        rules_.check_range(path_, value, field_->range);
        if (field_->name == "capacity") limits_.capacity = value;
        if (field_->name == "ticket_lifetime") limits_.ticket_lifetime = static_cast<std::uint32_t>(value);
        if (field_->name == "tickets") limits_.tickets = value;
        if (field_->name == "limit") limit_.limit = value;
        if (field_->name == "window") limit_.window = static_cast<std::uint32_t>(value);
        if (field_->name == "overflow_limit") limit_.overflow_limit = value;
        return true;
    }

    bool number_integer(number_integer_t) override { // negative
        if (where_ != Where::signals) expect(Type::number);
        rules_.refuse(Errc::limits_out_of_range, path_, "must not be negative");
    }

    bool boolean(bool value) override {
        expect(Type::boolean);
        limits_.logprobs_or_logit_bias = value;
        return true;
    }

    bool string(std::string& value) override {
        expect(Type::text);
        if (field_->name == "tier")
            limit_.tier = known(named<Tier, tier_count>(value, tier_name), value, "tier");
        else
            limit_.budget = known(named<Budget, budget_count>(value, budget_name), value, "budget");
        return true;
    }

    bool null() override { wrong_type(); }
    bool number_float(number_float_t, const string_t&) override { wrong_type(); }
    bool binary(binary_t&) override { wrong_type(); }
    bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
        throw Error(Errc::limits_not_json, subject_, fmt::format("line {}: is not valid JSON", line_), position);
    }

  private:
    enum class Where { outside, top, array, limit, signals };

    void expect(Type type) const {
        if ((where_ != Where::top && where_ != Where::limit) || field_->type != type) wrong_type();
    }

    /// The field of this name, which is `path_` to messages and has not been there before.
    template <class F, std::size_t count>
    const F& known_field(const std::array<F, count>& fields, std::array<bool, count>& seen,
                         std::string_view name) const {
        const auto found = std::ranges::find(fields, name, &F::name);
        if (found == fields.end())
            rules_.refuse(Errc::unknown_limits_field, path_, "is no field that this version knows");
        bool& before = seen[static_cast<std::size_t>(found - fields.begin())];
        if (before) rules_.refuse(Errc::duplicate_limits_field, path_, "stands twice");
        before = true;
        return *found;
    }

    [[noreturn]] void wrong_type() const {
        if (where_ == Where::outside) rules_.refuse(Errc::limits_field_type, "the text", "must be an object");
        if (where_ == Where::array) rules_.refuse(Errc::limits_field_type, "limits", "must hold objects");
        const Type type = where_ == Where::signals ? Type::number : field_->type;
        rules_.refuse(Errc::limits_field_type, path_, fmt::format("must be {}", type_name(type)));
    }

    [[noreturn]] void missing(const std::string& limit, std::string_view name) const {
        rules_.refuse(Errc::missing_limits_field, fmt::format("{}.{}", limit, name), "is missing");
    }

    template <class Value>
    Value known(std::optional<Value> value, const std::string& text, std::string_view what) const {
        if (!value)
            rules_.refuse(Errc::unknown_limits_value, path_, fmt::format("is '{}', which is no {}", text, what));
        return *value;
    }

    std::string_view subject_;
    LimitsRules rules_;
    const std::size_t& line_;
    Limits limits_;
    Limit limit_;
    std::size_t limit_line_ = 0;
    Where where_ = Where::outside;
    const Field* field_ = nullptr;
    std::string path_;
    std::array<bool, top_fields.size()> seen_top_{};
    std::array<bool, limit_fields.size()> seen_{};
    std::array<bool, signals_fields.size()> seen_signals_{};
    const SignalsField* signals_field_ = nullptr;
};

} // namespace
} // namespace guard

Limits Limits::parse(std::string_view json, std::string_view subject) {
    // The parser takes NUL for the end of its input and would pass over whatever follows.
    if (const std::size_t nul = json.find('\0'); nul != std::string_view::npos)
        throw Error(Errc::limits_not_json, subject, "holds NUL", nul);
    std::size_t line = 1;
    guard::LimitsBuilder builder(subject, line);
    const char* const end = json.data() + json.size();
    guard::Json::sax_parse(guard::LineCounter(json.data(), line), guard::LineCounter(end, line), &builder);
    return builder.finish();
}

} // namespace weightseal

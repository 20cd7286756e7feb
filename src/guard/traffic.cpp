#include "guard/traffic.hpp"

#include "guard/json_line.hpp"

#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace weightseal::guard {
namespace {

using Json = nlohmann::json;
using std::chrono::nanoseconds;

// Of times that nanoseconds of 64 bits can tell, and more to add to them.
constexpr double max_seconds = 9e9;

struct Refused {
    std::string problem;
};

/// "2026-01-31T23:59:59.5Z", "2026-01-31T23:59:59+01:00" (RFC 3339).
std::optional<nanoseconds> parse_date_time(std::string_view text) {
    const auto number = [&](std::size_t at, std::size_t size) -> int {
        int value = -1;
        if (at + size > text.size()) return -1;
        const char* const end = text.data() + at + size;
        return text[at] != '-' && std::from_chars(text.data() + at, end, value).ptr == end ? value : -1;
    };
    const auto has = [&](std::size_t at, std::string_view one_of) {
        return at < text.size() && one_of.find(text[at]) != std::string_view::npos;
    };
    if (!has(4, "-") || !has(7, "-") || !has(10, "Tt ") || !has(13, ":") || !has(16, ":")) return std::nullopt;
    const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
    const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
    const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day)));
    if (year < 1970 || year > 2200 || month < 1 || day < 1 || !date.ok()) return std::nullopt;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
    nanoseconds time = std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
                       std::chrono::minutes(minute) + std::chrono::seconds(second);
    std::size_t at = 19;
    if (has(at, ".")) {
        std::int64_t unit = 100'000'000;
        for (++at; has(at, "0123456789"); ++at, unit /= 10)
            time += nanoseconds((text[at] - '0') * unit);
    }
    if (has(at, "Zz")) return at + 1 == text.size() ? std::optional(time) : std::nullopt;
    const int hours = number(at + 1, 2), minutes = number(at + 4, 2);
    if (!has(at, "+-") || !has(at + 3, ":") || at + 6 != text.size() || hours < 0 || hours > 23 || minutes < 0 ||
        minutes > 59)
        return std::nullopt;
    const nanoseconds offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    return has(at, "+") ? time - offset : time + offset;
}

/// The members of a line; null is as good as none.
class Members {
  public:
    explicit Members(const Json& json) : json_(json) {}

    /// One of two names.
    [[nodiscard]] const Json* find(const char* name, const char* other = nullptr) const {
        const Json* const value = member(name);
        const Json* const alias = other == nullptr ? nullptr : member(other);
        if (value != nullptr && alias != nullptr) refuse(name, fmt::format("stands beside '{}'", other));
        return value != nullptr ? value : alias;
    }

    [[nodiscard]] std::optional<std::uint64_t> count(const char* name, const char* other = nullptr) const {
        const Json* const value = find(name, other);
        if (value == nullptr) return std::nullopt;
        if (!value->is_number_unsigned()) refuse(name, "is no whole number from 0 to 2^64 - 1");
        return value->get<std::uint64_t>();
    }

    [[nodiscard]] std::optional<std::string> text(const char* name, const char* other = nullptr) const {
        const Json* const value = find(name, other);
        if (value == nullptr) return std::nullopt;
        if (!value->is_string()) refuse(name, "is no text");
        return value->get<std::string>();
    }

    [[noreturn]] static void refuse(const char* name, std::string_view what) {
        throw Refused{fmt::format("is no request: '{}' {}", name, what)};
    }

  private:
    [[nodiscard]] const Json* member(const char* name) const {
        const auto found = json_.find(name);
        return found == json_.end() || found->is_null() ? nullptr : &*found;
    }

    const Json& json_;
};

nanoseconds seconds_of(const Json& value, const char* name) {
    const double seconds = value.is_number() ? value.get<double>() : -1;
    if (!(seconds >= 0 && seconds <= max_seconds)) Members::refuse(name, "is no number of seconds from 0 to 9e9");
    const double whole = std::floor(seconds); // so that the fraction keeps its digits
    return std::chrono::seconds(static_cast<std::int64_t>(whole)) + nanoseconds(std::llround((seconds - whole) * 1e9));
}

nanoseconds time_of(const Members& members) {
    const Json* const value = members.find("time", "now");
    if (value == nullptr) Members::refuse("time", "is missing");
    if (const auto* const text = value->get_ptr<const std::string*>()) {
        if (const auto time = parse_date_time(*text)) return *time;
        Members::refuse("time", "is no time of RFC 3339, such as 2026-01-31T23:59:59Z");
    }
    return seconds_of(*value, "time");
}

nanoseconds duration_of(const Members& members) {
    const Json* const value = members.find("duration");
    if (value == nullptr) return nanoseconds(0);
    return seconds_of(*value, "duration");
}

// As requests have it: whether, or how many.
bool logprobs_of(const Members& members) {
    const Json* const value = members.find("logprobs");
    if (value == nullptr) return false;
    if (value->is_boolean()) return value->get<bool>();
    if (value->is_number_unsigned()) return value->get<std::uint64_t>() != 0;
    Members::refuse("logprobs", "is neither true or false nor a whole number");
}

// As requests have it, a map, or its number of entries.
std::uint64_t logit_bias_of(const Members& members) {
    const Json* const value = members.find("logit_bias_entries", "logit_bias");
    if (value == nullptr) return 0;
    if (value->is_object()) return value->size();
    if (value->is_number_unsigned()) return value->get<std::uint64_t>();
    Members::refuse("logit_bias_entries", "is neither a whole number nor an object");
}

TrafficRequest read(const Members& members) {
    TrafficRequest traffic;
    traffic.time = time_of(members);
    traffic.name = members.text("client", "name");
    traffic.pool = members.text("pool");
    traffic.address_text = members.text("address", "peer");
    if (traffic.address_text) {
        traffic.address = Address::parse(*traffic.address_text);
        if (!traffic.address) Members::refuse("address", "is no address of the Internet");
    }
    CompletionRequest& request = traffic.request;
    request.prompts = members.count("prompts").value_or(1);
    request.n = members.count("n").value_or(1);
    request.best_of = members.count("best_of").value_or(1);
    request.input_tokens = members.count("input_tokens").value_or(0);
    request.max_tokens = members.count("max_tokens").value_or(0);
    request.logprobs = logprobs_of(members);
    request.logit_bias_entries = logit_bias_of(members);
    traffic.tokens = members.count("tokens", "used_tokens");
    traffic.logprob_tokens = members.count("logprob_tokens");
    traffic.duration = duration_of(members);
    return traffic;
}

} // namespace

std::optional<TrafficRequest> parse_traffic(std::string_view line, std::string& problem) {
    const std::optional<Json> json = parse_json_line(line);
    if (!json) {
        problem = "is no request: no JSON object, or one with a name twice";
        return std::nullopt;
    }
    try {
        return read(Members(*json));
    } catch (const Refused& refused) {
        problem = refused.problem;
        return std::nullopt;
    }
}

} // namespace weightseal::guard

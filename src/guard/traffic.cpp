#include "guard/traffic.hpp"

#include "core/date_time.hpp"
#include "guard/json_line.hpp"

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
        if (const auto time = parse_recent_time(*text)) return time->time_since_epoch();
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

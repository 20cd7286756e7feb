// Simulated traffic through the signals of the guard: ordinary services and campaigns of extraction, from fixed seeds.
//
// `bench_guard_signals LIMITS SEED…` prints one JSON object a line: for each seed and scenario which events there were
// and when. LIMITS is the JSON of limits, with signals. guard_signals.py makes tables of it.

#include "weightseal/guard/guard.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <numbers>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using namespace weightseal;
using std::chrono::nanoseconds;

/// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
    double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
    std::uint64_t below(std::uint64_t bound) {
        return static_cast<std::uint64_t>(uniform() * static_cast<double>(bound));
    }
    double normal() { return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * std::numbers::pi * uniform()); }
    std::uint64_t poisson(double mean) {
        if (mean > 30) return static_cast<std::uint64_t>(std::max(0.0, std::round(mean + std::sqrt(mean) * normal())));
        std::uint64_t count = 0;
        for (double product = uniform(); product > std::exp(-mean); product *= uniform())
            ++count;
        return count;
    }

  private:
    std::uint64_t state_;
};

constexpr unsigned hours_of_week = 7 * 24;
constexpr std::uint64_t queries_per_hour = 500; // the default limit

/// How busy people are: a curve over the day, and half as much at weekends.
double office(unsigned hour) {
    const double day = 0.55 - 0.45 * std::cos(2 * std::numbers::pi * (hour % 24 - 2.0) / 24);
    return hour % hours_of_week >= 5 * 24 ? day / 2 : day;
}

enum class Kind { person, application, batch, logprobs, attacker, service };

const char* kind_name(Kind kind) {
    constexpr std::array names{"person", "application", "batch", "logprobs", "attacker", "service"};
    return names[static_cast<std::size_t>(kind)];
}

struct Sender {
    Kind kind = Kind::person;
    double rate = 0;     ///< requests an hour, at its busiest
    unsigned starts = 0; ///< hours
    unsigned ends = 0;   ///< hours
    unsigned phase = 0;  ///< hours, of a time zone or of a nightly job
    double repeats = 0;
    bool logprobs = false, logit_bias = false;
    std::uint64_t last_prompt = 0;
};

struct Scenario {
    const char* name;
    unsigned accounts; ///< of the attacker
    double rate;       ///< requests an hour, each
    unsigned hours;    ///< that it lasts
    double repeats = 0;
    bool logprobs = false, logit_bias = false;
    enum { registers, takes_over, ages } accounts_are = registers; ///< new, an ordinary client's, or kept for weeks
};

constexpr unsigned warm_weeks = 2;
constexpr unsigned weeks = 2; // that are judged
constexpr unsigned attack_at = warm_weeks * hours_of_week + 30;
constexpr unsigned end = (warm_weeks + weeks) * hours_of_week;

constexpr unsigned days(unsigned count) {
    return count * 24;
}
constexpr double campaign_rate = 667.0 / days(10); // what each account of the known campaign asked for, on average

constexpr Scenario scenarios[] = {
    {"nobody", 0, 0, 0},
    {"one key at its limit", 1, 480, 72},
    {"one key, 100 an hour", 1, 100, days(12)},
    {"one key, 20 an hour", 1, 20, days(12)},
    {"stolen key, 300 an hour", 1, 300, 72, 0, false, false, Scenario::takes_over},
    {"logprobs and logit_bias", 1, 60, 24, 0, true, true},
    {"each prompt sampled ten times", 1, 200, 48, 0.9},
    {"24,000 accounts", 24'000, campaign_rate, days(12)},
    {"2,400 accounts", 2'400, campaign_rate, days(12)},
    {"2,400 accounts, aged", 2'400, campaign_rate, days(12), 0, false, false, Scenario::ages},
    {"240 accounts", 240, campaign_rate, days(12)},
};

/// What changes the traffic of everybody: growth, better and worse days, an outage, a day in the news.
class Weather {
  public:
    explicit Weather(Random& random) : news_(warm_weeks * 7 + random.below(weeks * 7 * 2)), outage_(random.below(end)) {
        for (double& day : days_)
            day = std::exp(0.1 * random.normal());
        for (double& hour : hours_)
            hour = std::exp(0.05 * random.normal());
    }
    [[nodiscard]] double at(unsigned hour) const {
        if (hour == outage_ || hour == outage_ + 1) return 0;
        return days_[hour / 24] * hours_[hour] * (1 + 0.03 * hour / hours_of_week) * (in_the_news(hour) ? 1.5 : 1);
    }
    /// When somebody comes who would have come at this hour: those of a week come on the day in the news.
    [[nodiscard]] unsigned attracts(unsigned hour, Random& random) const {
        const bool soon = hour / 24 >= news_ && hour / 24 < news_ + 7;
        return soon ? static_cast<unsigned>(news_ * 24 + random.below(24)) : hour;
    }

  private:
    [[nodiscard]] bool in_the_news(unsigned hour) const { return hour / 24 == news_; } // in half of the runs

    std::uint64_t news_, outage_;
    std::array<double, end / 24> days_{};
    std::array<double, end> hours_{};
};

std::vector<Sender> ordinary(Random& random, const Weather& weather) {
    std::vector<Sender> senders;
    const auto add = [&](Sender sender) {
        sender.ends = end;
        senders.push_back(sender);
    };
    // People: a heavy tail (Pareto with exponent 1.2) cut at the limit, from three parts of the world; newcomers all
    // the time.
    for (int i = 0; i < 4000; ++i) {
        Sender sender;
        sender.rate = std::min(400.0, 1.2 * std::pow(1 - random.uniform(), -1 / 1.2));
        if (i % 2 != 0) sender.starts = static_cast<unsigned>(random.below(end));
        if (i % 4 == 1) sender.starts = weather.attracts(sender.starts, random);
        sender.phase = static_cast<unsigned>(random.below(3)) * 8;
        sender.repeats = 0.2 * random.uniform();
        add(sender);
    }
    // Applications: prompts from templates, day and night; some are new.
    for (int i = 0; i < 60; ++i)
        add({.kind = Kind::application,
             .rate = 30 * std::pow(10, random.uniform()),
             .starts = i % 6 == 0 ? static_cast<unsigned>(random.below(end)) : 0,
             .phase = static_cast<unsigned>(random.below(24)),
             .repeats = 0.7 * random.uniform()});
    // Jobs: an hour or two at the limit every night.
    for (int i = 0; i < 30; ++i)
        add({.kind = Kind::batch,
             .rate = 450,
             .starts = i % 6 == 0 ? static_cast<unsigned>(random.below(end)) : 0,
             .phase = static_cast<unsigned>(random.below(24)),
             .repeats = 0.3 * random.uniform()});
    // Those who use log-probabilities, or bias, for a living.
    for (int i = 0; i < 20; ++i)
        add({.kind = Kind::logprobs,
             .rate = 40,
             .starts = i % 10 == 0 ? static_cast<unsigned>(random.below(end)) : 0,
             .phase = static_cast<unsigned>(random.below(24)),
             .repeats = 0.1,
             .logprobs = i % 2 == 0,
             .logit_bias = i % 2 != 0});
    return senders;
}

/// How many requests a client sends in an hour, and how many of a retry storm.
struct Hour {
    std::uint64_t requests = 0;
    std::uint64_t storm = 0;
};

Hour plan(const Sender& sender, unsigned hour, const Weather& weather, Random& random) {
    Hour plan;
    const unsigned local = hour + sender.phase;
    double mean = sender.rate;
    switch (sender.kind) {
    case Kind::person:
        mean *= random.uniform() < 0.4 * office(local) ? 2.5 * office(local) * weather.at(hour) : 0;
        break;
    case Kind::application:
        mean *= (0.4 + 0.6 * office(local)) * weather.at(hour);
        if (random.uniform() < 0.002) plan.storm = random.poisson(200);
        break;
    case Kind::batch: mean *= local % 24 < 2 && random.uniform() < 0.8 ? 1 : 0; break;
    case Kind::logprobs: mean *= office(local); break;
    case Kind::attacker:
    case Kind::service: break;
    }
    plan.requests = std::min(random.poisson(mean), queries_per_hour);
    plan.storm = std::min(plan.storm, queries_per_hour - plan.requests);
    return plan;
}

struct Outcome {
    std::uint64_t requests = 0; ///< of the judged weeks
    std::uint64_t attack_requests = 0;
    std::map<GuardEventKind, double> detected_after;                 ///< hours, until the first event
    std::map<std::pair<GuardEventKind, Kind>, std::uint64_t> alarms; ///< about those who did nothing
    std::map<Kind, double> days;                                     ///< of clients, and of the service
};

Outcome simulate(const Scenario& scenario, std::uint64_t seed, const Limits& limits) {
    Random random(seed);
    const Weather weather(random);
    Guard guard(limits, Secret::copy_of(as_bytes("a key of simulations, 32 bytes..").first<secret_size>()));
    std::vector<Sender> senders = ordinary(random, weather);
    const std::size_t honest = senders.size();
    const bool is_campaign = scenario.accounts > 1;
    for (unsigned i = 0; i < scenario.accounts; ++i)
        senders.push_back({.kind = Kind::attacker,
                           .rate = scenario.rate,
                           .starts = attack_at + (is_campaign ? static_cast<unsigned>(random.below(days(4))) : 0),
                           .ends = std::min(end, attack_at + scenario.hours),
                           .repeats = scenario.repeats,
                           .logprobs = scenario.logprobs,
                           .logit_bias = scenario.logit_bias});
    std::vector<ClientKey> keys;
    std::unordered_map<std::uint64_t, std::size_t> by_hash;
    for (std::size_t i = 0; i < senders.size(); ++i) {
        const std::string name = "client-" + std::to_string(i);
        keys.push_back(guard.identify({.name = name}));
        if (scenario.accounts_are == Scenario::takes_over && i == honest) {
            std::size_t victim = 0; // a person of ordinary size, there from the start
            while (senders[victim].rate < 3 || senders[victim].rate > 10 || senders[victim].starts != 0)
                ++victim;
            keys[i] = keys[victim];
        }
        by_hash[keys[i].hashes[0]] = i; // a stolen key is the thief's
    }
    Outcome outcome;
    struct Request {
        std::uint32_t sender;
        bool storm;
    };
    std::vector<Request> requests;
    std::vector<GuardEvent> events(4096);
    std::uint64_t prompt = seed << 32;
    for (unsigned hour = 0; hour < end; ++hour) {
        requests.clear();
        for (std::size_t i = 0; i < senders.size(); ++i) {
            const bool waits = scenario.accounts_are == Scenario::ages && i >= honest && hour < senders[i].starts;
            if (waits && random.below(48) == 0) requests.push_back({static_cast<std::uint32_t>(i), false});
            if (hour < senders[i].starts || hour >= senders[i].ends) continue;
            const Hour planned = plan(senders[i], hour, weather, random);
            requests.insert(requests.end(), planned.requests, {static_cast<std::uint32_t>(i), false});
            requests.insert(requests.end(), planned.storm, {static_cast<std::uint32_t>(i), true});
        }
        for (std::size_t i = requests.size(); i > 1; --i)
            std::swap(requests[i - 1], requests[random.below(i)]);
        const bool judged = hour >= warm_weeks * hours_of_week;
        const bool attacked = scenario.accounts != 0 && hour >= attack_at;
        if (judged) {
            for (std::size_t i = 0; i < honest; ++i)
                if (hour >= senders[i].starts) outcome.days[senders[i].kind] += 1.0 / 24;
            if (!attacked || !is_campaign) outcome.days[Kind::service] += 1.0 / 24;
            outcome.requests += requests.size();
        }
        for (std::size_t i = 0; i < requests.size(); ++i) {
            Sender& sender = senders[requests[i].sender];
            const bool again = requests[i].storm || random.uniform() < sender.repeats;
            if (!again || sender.last_prompt == 0) sender.last_prompt = ++prompt;
            const double seconds = 3600 * (hour + static_cast<double>(i) / static_cast<double>(requests.size()));
            const nanoseconds now(static_cast<std::int64_t>(seconds * 1e9));
            guard.observe(keys[requests[i].sender],
                          {.prompt_hash = sender.last_prompt,
                           .logprobs = sender.logprobs,
                           .logit_bias_entries = sender.logit_bias ? 20U : 0U},
                          now);
            outcome.attack_requests += judged && sender.kind == Kind::attacker;
        }
        const std::size_t count = guard.take_events(events);
        for (const GuardEvent& event : std::span(events).first(judged ? count : 0)) {
            const bool total = event.tier == Tier::pool;
            const Kind kind = total ? Kind::service : senders[by_hash.at(event.client)].kind;
            if (attacked && (total ? is_campaign : kind == Kind::attacker))
                outcome.detected_after.try_emplace(event.kind,
                                                   static_cast<double>(event.now.count()) / 3.6e12 - attack_at);
            else
                ++outcome.alarms[{event.kind, kind}];
        }
    }
    return outcome;
}

template <class Map, class Print>
void print_object(const char* name, const Map& map, Print print) {
    fmt::print(", \"{}\": {{", name);
    const char* comma = "";
    for (const auto& [key, value] : map) {
        fmt::print("{}\"", std::exchange(comma, ", "));
        print(key, value);
    }
    fmt::print("}}");
}

void print(const Scenario& scenario, const Outcome& outcome) {
    fmt::print("{{\"scenario\": \"{}\", \"requests\": {}, \"attack_requests\": {}", scenario.name, outcome.requests,
               outcome.attack_requests);
    print_object("detected_after", outcome.detected_after,
                 [](GuardEventKind kind, double hours) { fmt::print("{}\": {:.2f}", event_name(kind), hours); });
    print_object("alarms", outcome.alarms, [](const auto& kinds, std::uint64_t count) {
        fmt::print("{} {}\": {}", event_name(kinds.first), kind_name(kinds.second), count);
    });
    print_object("days", outcome.days,
                 [](Kind kind, double days) { fmt::print("{}\": {:.1f}", kind_name(kind), days); });
    fmt::print("}}\n");
    std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: bench_guard_signals LIMITS SEED…\n", stderr);
        return 2;
    }
    const Limits limits = Limits::parse(argv[1]);
    for (int i = 2; i < argc; ++i) {
        std::uint64_t seed = std::strtoull(argv[i], nullptr, 10) << 8;
        for (const Scenario& scenario : scenarios)
            print(scenario, simulate(scenario, ++seed, limits));
    }
}

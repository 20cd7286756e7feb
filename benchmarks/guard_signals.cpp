// Simulated traffic through the signals of the guard: ordinary services and campaigns of extraction, from fixed seeds.
//
// `bench_guard_signals SEED…` prints one JSON object a line: for each seed and scenario the events, and what they are
// about. `bench_guard_signals speed` measures `observe` instead. guard_signals.py makes a table of it.

#include "weightseal/guard/guard.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <numbers>
#include <string>
#include <span>
#include <thread>
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
    std::uint64_t below(std::uint64_t bound) { return static_cast<std::uint64_t>(uniform() * static_cast<double>(bound)); }
    double normal() {
        return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * std::numbers::pi * uniform());
    }
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

enum class Kind { person, application, batch, logprobs, attacker };
constexpr const char* kind_names[] = {"person", "application", "batch", "logprobs", "attacker"};

/// What a client does in one hour.
struct Plan {
    double requests = 0; ///< on average
    double repeats = 0;  ///< share of prompts that were asked before
    bool logprobs = false, logit_bias = false;
};

struct Sender {
    Kind kind = Kind::person;
    double rate = 0;      ///< requests an hour, at its busiest
    unsigned starts = 0;  ///< hours
    unsigned ends = 0;    ///< hours
    unsigned phase = 0;   ///< hours, of a time zone or of a nightly job
    double repeats = 0;
    bool logprobs = false, logit_bias = false;
    std::uint64_t last_prompt = 0;
};

struct Scenario {
    const char* name;
    unsigned accounts;   ///< of the attacker
    double rate;         ///< requests an hour, each
    unsigned hours;      ///< that it lasts
    double repeats = 0;
    bool logprobs = false, logit_bias = false;
    bool takes_over = false; ///< an ordinary client's key
};

constexpr unsigned warm_weeks = 2;
constexpr unsigned weeks = 3; // that are judged
constexpr unsigned attack_at = warm_weeks * hours_of_week + 30;
constexpr unsigned end = (warm_weeks + weeks) * hours_of_week;

constexpr Scenario scenarios[] = {
    {"nobody", 0, 0, 0},
    {"one key at its limit", 1, 480, 72},
    {"one key, slow and low", 1, 100, 14 * 24},
    {"stolen key", 1, 300, 72, 0, false, false, true},
    {"logprobs and logit_bias", 1, 60, 24, 0, true, true},
    {"the same prompts sampled", 1, 200, 48, 0.9},
    {"paraphrases", 1, 20, 7 * 24},
    {"campaign, 24,000 accounts in 3 weeks", 24'000, 667.0 / (21 * 24 - 30), 21 * 24 - 30},
    {"campaign, 2,400 accounts in 3 weeks", 2'400, 667.0 / (21 * 24 - 30), 21 * 24 - 30},
    {"campaign, 2,400 accounts in 3 days", 2'400, 667.0 / 72, 72},
    {"campaign, 240 accounts in 3 days", 240, 667.0 / 72, 72},
};

std::vector<Sender> ordinary(Random& random) {
    std::vector<Sender> senders;
    const auto add = [&](Sender sender) {
        sender.ends = end;
        senders.push_back(sender);
    };
    // People: a heavy tail (Pareto with exponent 1.2) cut at the limit, from three parts of the world; newcomers all the time.
    for (int i = 0; i < 4000; ++i) {
        Sender sender;
        sender.rate = std::min(400.0, 1.2 * std::pow(1 - random.uniform(), -1 / 1.2));
        sender.starts = i % 2 == 0 ? 0 : static_cast<unsigned>(random.below(end));
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

/// How many requests a client sends in this hour, and how many of a retry storm.
struct Hour {
    std::uint64_t requests = 0;
    std::uint64_t storm = 0;
};

Hour plan(const Sender& sender, unsigned hour, Random& random) {
    Hour plan;
    const unsigned local = hour + sender.phase;
    switch (sender.kind) {
    case Kind::person:
        plan.requests = random.uniform() < 0.4 * office(local) ? random.poisson(sender.rate * office(local) * 2.5) : 0;
        break;
    case Kind::batch: plan.requests = local % 24 < 2 && random.uniform() < 0.8 ? random.poisson(sender.rate) : 0; break;
    case Kind::application:
        plan.requests = random.poisson(sender.rate * (0.4 + 0.6 * office(local)));
        if (random.uniform() < 0.002) plan.storm = random.poisson(200);
        break;
    case Kind::logprobs: plan.requests = random.poisson(sender.rate * office(local)); break;
    case Kind::attacker: plan.requests = random.poisson(sender.rate); break;
    }
    plan.requests = std::min(plan.requests, queries_per_hour);
    plan.storm = std::min(plan.storm, queries_per_hour - plan.requests);
    return plan;
}

struct Outcome {
    std::map<int, std::uint64_t> alarms;  // kind → of ordinary clients or, where nobody attacks, of totals
    std::map<int, double> detected_after; // kind → hours
    std::map<std::pair<int, int>, std::uint64_t> alarms_of; // kind, kind of client
    double client_days[4] = {};
    std::uint64_t requests = 0, attack_requests = 0;
};

Outcome simulate(const Scenario& scenario, std::uint64_t seed, const Signals& signals) {
    Random random(seed * 0x9E3779B97F4A7C15 + 1);
    Limits limits;
    limits.signals = signals;
    limits.capacity = 100'000;
    Guard guard(limits, Secret::copy_of(std::as_bytes(std::span<const char, 32>("a key of simulations, 32 bytes.."  , 32))));
    std::vector<Sender> senders = ordinary(random);
    const std::size_t honest = senders.size();
    for (unsigned i = 0; i < scenario.accounts; ++i)
        senders.push_back({.kind = Kind::attacker,
                           .rate = scenario.rate,
                           .starts = attack_at,
                           .ends = std::min(end, attack_at + scenario.hours),
                           .repeats = scenario.repeats,
                           .logprobs = scenario.logprobs,
                           .logit_bias = scenario.logit_bias});
    std::vector<ClientKey> keys;
    std::map<std::uint64_t, std::size_t> by_hash;
    for (std::size_t i = 0; i < senders.size(); ++i) {
        const std::string name = "client-" + std::to_string(i);
        keys.push_back(guard.identify({.name = name}));
        if (scenario.takes_over && i == honest) {
            std::size_t victim = 0; // a person with an ordinary rate, there from the start
            while (senders[victim].rate < 3 || senders[victim].starts != 0)
                ++victim;
            keys[i] = keys[victim];
        }
        by_hash[keys[i].hashes[0]] = i; // a taken-over key is the attacker's
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
            if (hour < senders[i].starts || hour >= senders[i].ends) continue;
            const Hour planned = plan(senders[i], hour, random);
            requests.insert(requests.end(), planned.requests, {static_cast<std::uint32_t>(i), false});
            requests.insert(requests.end(), planned.storm, {static_cast<std::uint32_t>(i), true});
        }
        for (std::size_t i = requests.size(); i > 1; --i)
            std::swap(requests[i - 1], requests[random.below(i)]);
        if (hour >= warm_weeks * hours_of_week)
            for (std::size_t i = 0; i < honest; ++i)
                if (hour >= senders[i].starts) outcome.client_days[static_cast<int>(senders[i].kind)] += 1.0 / 24;
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
            outcome.attack_requests += sender.kind == Kind::attacker;
        }
        outcome.requests += requests.size();
        const std::size_t count = guard.take_events(events);
        for (std::size_t i = 0; i < count; ++i) {
            const int kind = static_cast<int>(events[i].kind);
            const double hours = static_cast<double>(events[i].now.count()) / 3.6e12;
            if (hours < warm_weeks * hours_of_week) continue;
            const bool total = events[i].tier == Tier::pool;
            const std::size_t who = total ? 0 : by_hash.at(events[i].client);
            const bool attacker = !total && who >= honest && hours >= attack_at;
            const bool during = total && scenario.accounts != 0 && hours >= attack_at;
            if (attacker || during)
                outcome.detected_after.try_emplace(kind, hours - attack_at);
            else {
                ++outcome.alarms[kind];
                if (!total) ++outcome.alarms_of[{kind, static_cast<int>(senders[who].kind)}];
            }
        }
    }
    return outcome;
}

} // namespace

int main(int argc, char** argv) {
    Signals signals;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        const std::uint64_t seed = std::strtoull(argv[i], nullptr, 10);
        for (const Scenario& scenario : scenarios) {
            const auto begin = std::chrono::steady_clock::now();
            const Outcome outcome = simulate(scenario, seed, signals);
            const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
            std::printf("{\"seed\": %llu, \"scenario\": \"%s\", \"requests\": %llu, \"attack_requests\": %llu, \"wall\": %.1f, \"detected_after\": {",
                        static_cast<unsigned long long>(seed), scenario.name,
                        static_cast<unsigned long long>(outcome.requests),
                        static_cast<unsigned long long>(outcome.attack_requests), wall);
            const char* comma = "";
            for (const auto& [kind, hours] : outcome.detected_after)
                std::printf("%s\"%s\": %.2f", std::exchange(comma, ", "), event_name(static_cast<GuardEventKind>(kind)), hours);
            std::printf("}, \"alarms\": {");
            comma = "";
            for (const auto& [kind, count] : outcome.alarms)
                std::printf("%s\"%s\": %llu", std::exchange(comma, ", "), event_name(static_cast<GuardEventKind>(kind)), static_cast<unsigned long long>(count));
            std::printf("}, \"alarms_of\": {");
            comma = "";
            for (const auto& [kinds, count] : outcome.alarms_of)
                std::printf("%s\"%s %s\": %llu", std::exchange(comma, ", "), event_name(static_cast<GuardEventKind>(kinds.first)), kind_names[kinds.second], static_cast<unsigned long long>(count));
            std::printf("}, \"client_days\": {");
            comma = "";
            for (int kind = 0; kind < 4; ++kind)
                std::printf("%s\"%s\": %.0f", std::exchange(comma, ", "), kind_names[kind], outcome.client_days[kind]);
            std::printf("}}\n");
            std::fflush(stdout);
        }
    }
}

// Signals of one client: what raises an event, with which numbers, and how often.

#include "support/signals.hpp"

namespace weightseal::testing {
namespace {

using Kind = GuardEventKind;

// No warm-up, and nothing but what a test switches on.
Signals nothing() {
    return {.clients = 64,
            .warm_up = 0,
            .distinct_prompts = 0,
            .duplicate_percent = 0,
            .logprobs_percent = 0,
            .logit_bias_percent = 0,
            .surge_ratio = 0,
            .total_excess = 0};
}

} // namespace

TEST_CASE("without signals, observing does nothing and takes no memory") {
    Guard plain(only({queries(500, 3600)})), observing(with({}));
    std::uint64_t prompt = 0;
    for (int hour = 0; hour < 30; ++hour)
        send(plain, named(plain, 1), 1000, noon + hours(hour), prompt);
    CHECK(Heard(plain).all() == 0);
    CHECK(observing.memory() - plain.memory() > 30U << 20);
    CHECK(observing.memory() - plain.memory() <= 64U << 20); // as documented: 16,384 times 4 KiB
}

TEST_CASE("many distinct prompts in a day raise one event, which names client, number and threshold") {
    Signals signals = nothing();
    signals.distinct_prompts = 150; // counted exactly
    Guard guard(with(signals));
    const ClientKey client = named(guard, 7);
    std::uint64_t prompt = 0;
    send(guard, client, 149, noon, prompt);
    prompt = 0;
    send(guard, client, 149, noon + hours(1), prompt); // the same again
    CHECK(Heard(guard).all() == 0);
    send(guard, client, 1, noon + hours(2), prompt);
    send(guard, client, 500, noon + hours(3), prompt);
    const Heard heard(guard);
    CHECK(heard.all() == 1);
    const GuardEvent& event = heard.last.at(Kind::distinct_prompts);
    CHECK(event.used == 150);
    CHECK(event.limit == 150);
    CHECK(event.window == 86'400);
    CHECK(event.tier == Tier::client);
    CHECK(event.client == client.hashes[0]);
    CHECK(event.now == noon + hours(2));
}

TEST_CASE("what has become a client's habit raises no event any more, until it was given up") {
    Signals signals = nothing();
    signals.distinct_prompts = 100;
    Guard guard(with(signals));
    std::uint64_t prompt = 0;
    const auto event_on = [&](int day, std::uint64_t requests) {
        send(guard, named(guard, 7), requests, noon + hours(24 * day), prompt);
        return Heard(guard).of(Kind::distinct_prompts);
    };
    CHECK(event_on(0, 150) == 1);
    for (int day = 1; day < 10; ++day)
        CHECK(event_on(day, 150) == 0);
    for (int day = 10; day < 20; ++day) // the average of a week falls below a half
        CHECK(event_on(day, 10) == 0);
    CHECK(event_on(20, 150) == 1);
}

TEST_CASE("a large share of duplicates raises an event, once there are enough prompts") {
    Signals signals = nothing();
    signals.duplicate_percent = 80;
    Guard guard(with(signals));
    const auto ask = [&](std::uint64_t client, std::uint64_t times, std::uint64_t distinct) {
        for (std::uint64_t i = 0; i < times; ++i)
            guard.observe(named(guard, client), {.prompt_hash = i % distinct}, noon);
        return Heard(guard);
    };
    CHECK(ask(1, 99, 1).all() == 0); // fewer than `minimum`
    CHECK(ask(2, 100, 21).all() == 0);
    const Heard heard = ask(3, 100, 20);
    CHECK(heard.all() == 1);
    CHECK(heard.last.at(Kind::duplicate_prompts).used == 80);
    CHECK(heard.last.at(Kind::duplicate_prompts).limit == 80);
    CHECK(ask(4, 400, 400).all() == 0);
}

TEST_CASE("logprobs and logit_bias raise events by count and share, and only when they are no habit") {
    Signals signals = nothing();
    signals.logprobs_percent = signals.logit_bias_percent = 50;
    Guard guard(with(signals));
    std::uint64_t prompt = 0;
    const Observation plain{}, logprobs{.logprobs = true}, bias{.logit_bias_entries = 300};
    send(guard, named(guard, 1), 99, noon, prompt, logprobs);
    CHECK(Heard(guard).all() == 0);
    send(guard, named(guard, 1), 1, noon + hours(1), prompt, logprobs);
    Heard heard(guard);
    CHECK(heard.all() == 1);
    CHECK(heard.last.at(Kind::logprobs_use).used == 100);
    CHECK(heard.last.at(Kind::logprobs_use).budget == Budget::logprob_tokens);
    send(guard, named(guard, 2), 102, noon + hours(2), prompt, plain);
    send(guard, named(guard, 2), 101, noon + hours(3), prompt, bias); // not half of all
    CHECK(Heard(guard).all() == 0);
    send(guard, named(guard, 2), 1, noon + hours(4), prompt, bias);
    const Heard biased(guard);
    CHECK(biased.all() == 1);
    CHECK(biased.last.at(Kind::logit_bias_use).used == 50);
    CHECK(biased.last.at(Kind::logit_bias_use).limit == 50);
    CHECK(biased.last.at(Kind::logit_bias_use).budget == Budget::logit_bias_entries);
    for (int day = 1; day < 5; ++day)
        send(guard, named(guard, 1), 200, noon + hours(24 * day), prompt, logprobs);
    CHECK(Heard(guard).all() == 0);
}

TEST_CASE("an hour far above the client's own baseline raises an event") {
    Signals signals = nothing();
    signals.surge_ratio = 8;
    signals.warm_up = 48;
    Guard guard(with(signals));
    std::uint64_t prompt = 0;
    for (int hour = 0; hour < 72; ++hour) { // busy at noon: 20 requests
        for (std::uint64_t client = 1; client <= 2; ++client)
            for (std::uint64_t i = 0; i < (hour % 24 == 12 ? 20 : 2); ++i)
                guard.observe(named(guard, client), {}, noon + hours(hour));
    }
    send(guard, named(guard, 1), 159, noon + hours(72), prompt);
    CHECK(Heard(guard).all() == 0);
    send(guard, named(guard, 2), 400, noon + hours(72), prompt);
    const Heard heard(guard);
    CHECK(heard.of(Kind::client_surge) == 1);
    const GuardEvent& event = heard.last.at(Kind::client_surge);
    CHECK(event.client == named(guard, 2).hashes[0]);
    CHECK(event.limit == 8);
    CHECK(event.used == 8);
    CHECK(event.window == 3600);
    send(guard, named(guard, 2), 2000, noon + hours(73), prompt);
    CHECK(Heard(guard).of(Kind::client_surge) == 1); // the next hour may say it again
}

TEST_CASE("no baseline is believed before its warm-up, nor below the minimum") {
    Signals signals = nothing();
    signals.surge_ratio = 2;
    signals.warm_up = 24;
    Guard guard(with(signals));
    std::uint64_t prompt = 0;
    for (int hour = 0; hour < 23; ++hour)
        send(guard, named(guard, 1), 5, noon + hours(hour), prompt);
    send(guard, named(guard, 1), 1000, noon + hours(23), prompt); // one hour too early
    CHECK(Heard(guard).all() == 0);
    for (int hour = 0; hour < 40; ++hour)
        send(guard, named(guard, 2), 5, noon + hours(24 + hour), prompt);
    send(guard, named(guard, 2), 99, noon + hours(64), prompt);
    CHECK(Heard(guard).all() == 0);
    send(guard, named(guard, 2), 1, noon + hours(64.9995), prompt);
    CHECK(Heard(guard).of(Kind::client_surge) == 1);
}

TEST_CASE("without a warm-up there is still no surge before a first hour to compare with") {
    Signals signals = nothing();
    signals.surge_ratio = 2;
    Guard guard(with(signals));
    std::uint64_t prompt = 0;
    send(guard, named(guard, 1), 1000, noon, prompt);
    CHECK(Heard(guard).all() == 0);
    send(guard, named(guard, 1), 2000, noon + hours(1), prompt);
    CHECK(Heard(guard).of(Kind::client_surge) == 1);
}

TEST_CASE("signals of a day wait for the warm-up of the guard") {
    Signals signals = nothing();
    signals.distinct_prompts = 100;
    signals.warm_up = 72;
    Guard guard(with(signals));
    std::uint64_t prompt = 0;
    for (int day = 0; day < 10; ++day) // was there when signals began: its habit
        send(guard, named(guard, 1), 200, noon + hours(24 * day), prompt);
    CHECK(Heard(guard).all() == 0);
    send(guard, named(guard, 2), 200, noon + hours(240), prompt); // begins now
    CHECK(Heard(guard).of(Kind::distinct_prompts) == 1);
}

TEST_CASE("prompts count by their bytes or their hashes, requests without either count as requests") {
    Signals signals = nothing();
    signals.distinct_prompts = 3;
    signals.logprobs_percent = 50;
    signals.minimum = 10;
    Guard guard(with(signals));
    for (const char* const prompt : {"a", "b", "a", "b", "a"})
        guard.observe(named(guard, 1), {.prompt = prompt}, noon);
    CHECK(Heard(guard).all() == 0);
    guard.observe(named(guard, 1), {.prompt = ""}, noon); // a prompt as well
    CHECK(Heard(guard).of(Kind::distinct_prompts) == 1);
    for (int i = 0; i < 10; ++i)
        guard.observe(named(guard, 2), {.logprobs = true}, noon);
    const Heard heard(guard);
    CHECK(heard.all() == 1);
    CHECK(heard.of(Kind::logprobs_use) == 1);
    for (const std::uint64_t hash : {0U, 1U, 0U, 1U}) // hashes that are anything but random
        guard.observe(named(guard, 3), {.prompt_hash = hash << 63}, noon);
    CHECK(Heard(guard).all() == 0);
}

TEST_CASE("a client is its name, else its address, who tells neither counts in totals only") {
    Signals signals = nothing();
    signals.distinct_prompts = 100;
    Guard guard(with(signals));
    std::uint64_t prompt = 0;
    const Address address = *Address::parse("2001:db8::1");
    for (int i = 0; i < 10; ++i) { // ten addresses of one key
        Address other = address;
        other.bytes[0] = static_cast<std::uint8_t>(i);
        send(guard, guard.identify({.name = "key", .address = other}), 10, noon + hours(i), prompt);
    }
    Heard heard(guard);
    CHECK(heard.all() == 1);
    CHECK(heard.last.at(Kind::distinct_prompts).tier == Tier::client);
    send(guard, guard.identify({.address = address}), 100, noon + hours(10), prompt);
    const Heard of_address(guard);
    CHECK(of_address.all() == 1);
    CHECK(of_address.last.at(Kind::distinct_prompts).tier == Tier::address);
    send(guard, guard.identify({}), 1000, noon + hours(11), prompt);
    send(guard, guard.identify({.pool = "pool"}), 1000, noon + hours(12), prompt);
    CHECK(Heard(guard).all() == 0);
}

TEST_CASE("a flood of clients that come once hides nobody") {
    Signals signals = nothing();
    signals.distinct_prompts = 180;
    Guard guard(with(signals)); // 64 records
    std::uint64_t prompt = 0;
    send(guard, named(guard, 0), 100, noon, prompt);
    for (std::uint64_t i = 1; i <= 20'000 * effort; ++i)
        guard.observe(named(guard, i), {.prompt_hash = i}, noon + hours(1));
    send(guard, named(guard, 0), 100, noon + hours(2), prompt);
    const Heard heard(guard);
    CHECK(heard.all() == 1);
    CHECK(heard.of(Kind::distinct_prompts) == 1);
}

} // namespace weightseal::testing

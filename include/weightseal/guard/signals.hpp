#pragma once
// Signals: what looks like model extraction and is within all limits. They raise events and refuse nothing.
//
// No such detector is a proof. Whoever asks as ordinary clients do is not told from them by any of these numbers. For
// some models (polynomial decision trees, if learning parity with noise is hard) no efficient observer of queries can
// be complete and sound: A. Karchmer, "Theoretical limits of provable security against model extraction by efficient
// observational defenses", SaTML 2023.
//
// Hours and days are those of guard time since signals began. Baselines and habits are slow averages over a week of
// days with traffic; what lasts becomes usual, so an event comes at the start of something and not as long as it lasts.

#include <cstdint>     // std::uint64_t
#include <optional>    // std::optional
#include <string_view> // std::string_view

namespace weightseal {

/// Thresholds of the signals, which are on where `Limits` have them. A threshold of 0 switches its signal off.
/// An event's `used` is what was measured and `limit` the threshold, in the units given here. Each kind comes at most
/// once in an hour (`surge_ratio`, `total_excess`) or a day (the others) for each client, pool, or the guard.
struct Signals {
    /// Clients with records of their own: about the busiest. Rounded up to a multiple of 64; 64 … 2²⁰. Of pools a
    /// sixteenth as many have one. Together they take at most 4 KiB for each client.
    std::uint64_t clients = 16'384;
    /// Hours, 0 … 8784, before anything is reported: since signals began, since the first request of a pool, and for
    /// `surge_ratio` since the first request of the client.
    std::uint64_t warm_up = 72;
    /// Requests in an hour or day below which a client's ratio and shares say nothing, and the least that counts as a
    /// usual hour of a total (of new clients a tenth of it); 1 … 10¹².
    std::uint64_t minimum = 100;

    // Of a client, unless more than half of the threshold is its habit.
    std::uint64_t distinct_prompts = 2'000; ///< in a day
    std::uint64_t duplicate_percent = 80;   ///< of a day's prompts, how many were there before; up to 100
    std::uint64_t logprobs_percent = 50;    ///< of a day's requests, how many want log-probabilities; up to 100
    std::uint64_t logit_bias_percent = 50;  ///< of a day's requests, how many have a logit_bias; up to 100

    /// Requests of a client's running hour ÷ its baseline, which is the busiest hour of its usual day; up to 10⁶.
    std::uint64_t surge_ratio = 8;
    /// Requests, new clients and distinct prompts of a pool and of the guard: excess over the baseline for that hour of
    /// the day, beyond the usual deviation, added up over hours (a cumulative sum: E. S. Page, Biometrika 41, 1954), in
    /// percent of a usual hour; up to 10⁶.
    std::uint64_t total_excess = 600;

    bool operator==(const Signals&) const = default;
};

/// What an admitted request looks like. (Refused ones tell their senders nothing about the model.)
struct Observation {
    std::optional<std::string_view> prompt; ///< hashed with a secret key, and not kept
    /// In place of the prompt, a 64-bit hash of it; keyed, lest clients choose prompts that collide.
    std::optional<std::uint64_t> prompt_hash;
    bool logprobs = false;
    std::uint64_t logit_bias_entries = 0;
};

} // namespace weightseal

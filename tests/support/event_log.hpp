#pragma once
// What tests of event logs share: a key, a guard with events to tell, logs in memory.

#include "support/guard.hpp"
#include "weightseal/guard/event_log.hpp"
#include "weightseal/guard/verify_log.hpp"

#include <array>
#include <string>
#include <vector>

namespace weightseal::testing {

inline Secret fixed_secret(unsigned char byte) {
    std::array<std::byte, secret_size> bytes;
    bytes.fill(static_cast<std::byte>(byte));
    return Secret::copy_of(bytes);
}

inline Key signing_key(unsigned char byte = 7) {
    return {KeyKind::signing, fixed_secret(byte)};
}

/// Makes `count` events: each of another client that asks for more than its one query in a minute.
inline void make_events(Guard& guard, std::uint64_t count, std::uint64_t first = 0, nanoseconds now = noon) {
    for (std::uint64_t i = first; i < first + count; ++i)
        for (int query = 0; query < 2; ++query)
            static_cast<void>(guard.check(named(guard, i), {}, now));
}

inline Limits one_query() {
    return only({queries(1, 60)}, 10'000);
}

inline LogCallback into(std::string& text) {
    return [&text](std::string_view lines) {
        text += lines;
        return true;
    };
}

/// A log of `events` events, closed.
inline std::string some_log(std::uint64_t events, std::uint32_t checkpoint_every = 256,
                            const Key& key = signing_key()) {
    std::string text;
    Guard guard(one_query(), fixed_secret(1));
    EventLog log(guard, into(text), key, noon, checkpoint_every);
    make_events(guard, events);
    while (log.write(noon, noon) != 0) {
    }
    log.close(noon, noon);
    return text;
}

inline LogVerification verify(std::string_view text, std::span<const PublicKey> signers = {}) {
    const std::array inputs{log_text(text, "log")};
    return verify_log(inputs, signers);
}

/// Each with its end.
inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
        lines.push_back(text.substr(at, end - at));
        at = end;
    }
    return lines;
}

inline std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line;
    return text;
}

} // namespace weightseal::testing

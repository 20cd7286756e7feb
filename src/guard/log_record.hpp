#pragma once
// Records: the lines of an event log, as GUARD_LOG.md has them.

#include "weightseal/core/digest.hpp"
#include "weightseal/guard/events.hpp"
#include "weightseal/keys/signing.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weightseal::guard {

/// Longest line that is read, without its end. The lines that are written have less than 1 KiB.
inline constexpr std::size_t max_record_size = std::size_t{64} << 10;

/// What a checkpoint, which is a signed record, was written for.
enum class Checkpoint : std::uint8_t { opened, regular, rotated, closed };

/// "log_opened", "checkpoint", "log_rotated" or "log_closed".
[[nodiscard]] std::string_view checkpoint_name(Checkpoint checkpoint) noexcept;

/// Where a record stands: what all kinds of it say.
struct RecordPlace {
    std::uint64_t sequence = 0;
    Digest previous{};         ///< SHA-256 of the line before, without its end; zeros where there is none
    std::int64_t time = 0;     ///< milliseconds since 1970-01-01T00:00:00Z
    std::uint64_t dropped = 0; ///< events that were lost since the guard was made
};

/// The line of an event, without its end. `pseudonym` is empty where it is about no client.
[[nodiscard]] std::string event_line(const RecordPlace& place, const GuardEvent& event, std::string_view pseudonym);
/// The line of a checkpoint, signed.
[[nodiscard]] std::string checkpoint_line(const RecordPlace& place, Checkpoint checkpoint, const Key& signing_key);

[[nodiscard]] Digest line_digest(std::string_view line);

/// What a reader needs to know of a line.
struct Record {
    RecordPlace place;
    std::optional<Checkpoint> checkpoint;
    PublicKey signer{};             ///< of a checkpoint
    bool is_signature_good = false; ///< of a checkpoint
};

/// Whether a text, cut off anywhere, may be the start of a record that was written by this version.
[[nodiscard]] bool starts_like_record(std::string_view text) noexcept;

/// Nothing when the line is no record of an event log of version 1.
[[nodiscard]] std::optional<Record> parse_record(std::string_view line);

} // namespace weightseal::guard

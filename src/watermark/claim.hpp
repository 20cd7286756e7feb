#pragma once
// What writer and reader of a record agree on (WATERMARK.md §7 and §8).

#include "crypto/hash.hpp"
#include "weightseal/watermark/record.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal::watermark {

inline constexpr std::uint64_t record_version = 1;

/// The shortest decimal that reads back as the same double, without an exponent.
[[nodiscard]] std::string strength_text(double strength);

/// Hands `claim_text` over in parts: a large model's has a hundred megabytes.
void write_claim(const WatermarkRecord& record, const std::function<void(std::string_view)>& write);

/// SHA-256 of `claim_text`.
[[nodiscard]] Digest claim_digest(const WatermarkRecord& record);

/// What the signer signs.
[[nodiscard]] std::vector<std::byte> signed_message(const Digest& claim_digest);

/// Whether the record's signature is good for the claim with this digest. The record must have a signer.
[[nodiscard]] bool is_signature_good(const WatermarkRecord& record, const Digest& claim_digest);

/// What a time-stamp is of: SHA-256 of the claim's text and, if there is one, the signature.
[[nodiscard]] Digest timestamp_imprint(const WatermarkRecord& record);

} // namespace weightseal::watermark

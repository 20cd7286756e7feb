#pragma once
// Time-stamps: an authority's word, by RFC 3161, that a record existed at a time (WATERMARK.md §8).

#include "weightseal/watermark/record.hpp" // WatermarkRecord

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace weightseal {

/// Largest TimeStampResp that is read, bytes.
inline constexpr std::size_t max_timestamp_size = std::size_t{1} << 20;

/// "2026-01-31T23:59:59Z", of seconds since 1970-01-01T00:00:00Z.
[[nodiscard]] std::string utc_text(std::int64_t seconds);

/// A TimeStampReq, DER, over the SHA-256 of the record's claim and signature: to be sent to an authority by the caller,
/// for example as the body of a POST of application/timestamp-query. Holds a fresh nonce and asks for the authority's
/// certificate.
[[nodiscard]] std::vector<std::byte> timestamp_request(const WatermarkRecord& record);

/// What a verified time-stamp says.
struct TimeStamp {
    std::int64_t seconds = 0; ///< since 1970-01-01T00:00:00Z
    std::string authority;    ///< subject of the certificate that signed it
};

/// Stores an authority's TimeStampResp, DER, in the record, in place of an earlier one. With the TimeStampReq, DER,
/// that it should answer, its nonce and policy must be that one's, too. Who signed it is not checked. Throws
/// `timestamp_malformed`, `timestamp_mismatch`.
void add_timestamp(WatermarkRecord& record, Bytes response, std::optional<Bytes> request = std::nullopt);

/// Verifies the record's time-stamp up to one of the certificates in `authorities`, a PEM file, each of which is
/// trusted. Certificates must have been valid at the time of the stamp; whether one was revoked is not checked. Throws
/// `timestamp_malformed` (also when the record has none), `timestamp_mismatch`, `timestamp_untrusted`, or what reading
/// the file throws.
[[nodiscard]] TimeStamp verify_timestamp(const WatermarkRecord& record, const std::filesystem::path& authorities);

} // namespace weightseal

#include "weightseal/watermark/timestamp.hpp"

#include "crypto/rfc3161.hpp"
#include "platform/file.hpp"
#include "watermark/claim.hpp"
#include "weightseal/core/error.hpp"

#include <fmt/chrono.h>

namespace weightseal {
namespace {

using crypto::rfc3161::Response;

/// A bundle of all authorities that a system trusts has a few hundred kilobytes.
constexpr std::uint64_t max_authorities_size = std::uint64_t{16} << 20;

void require_imprint(const Response& response, const WatermarkRecord& record) {
    if (!response.is_of(watermark::timestamp_imprint(record)))
        throw Error(Errc::timestamp_mismatch, "time-stamp", "is not of this record, or of it with another signature");
}

} // namespace

Digest watermark::timestamp_imprint(const WatermarkRecord& record) {
    crypto::Sha256 hash;
    write_claim(record, [&](std::string_view part) { hash.add(as_bytes(part)); });
    if (record.signer) hash.add(record.signature);
    return hash.finish();
}

std::string utc_text(std::int64_t seconds) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::vector<std::byte> timestamp_request(const WatermarkRecord& record) {
    return crypto::rfc3161::make_request(watermark::timestamp_imprint(record));
}

void add_timestamp(WatermarkRecord& record, Bytes response, std::optional<Bytes> request) {
    if (response.size() > max_timestamp_size)
        throw Error(Errc::timestamp_malformed, "time-stamp",
                    fmt::format("is larger than {} bytes", max_timestamp_size));
    const Response answer(response);
    require_imprint(answer, record);
    if (request) answer.require_answer_to(*request);
    record.timestamp.assign(response.begin(), response.end());
}

TimeStamp verify_timestamp(const WatermarkRecord& record, const std::filesystem::path& authorities) {
    if (record.timestamp.empty()) throw Error(Errc::timestamp_malformed, "record", "has no time-stamp");
    const Response response(record.timestamp);
    require_imprint(response, record);
    const std::string trusted = platform::read_file(authorities, max_authorities_size, Errc::too_large);
    std::string authority = response.verify(as_bytes(trusted));
    return {response.seconds(), std::move(authority)};
}

} // namespace weightseal

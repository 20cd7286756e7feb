#include "weightseal/watermark/record.hpp"

#include "crypto/hash.hpp"
#include "platform/file.hpp"
#include "platform/process.hpp" // write_new_file
#include "watermark/claim.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>

namespace weightseal {
namespace watermark {

Digest claim_digest(const WatermarkRecord& record) {
    crypto::Sha256 hash;
    write_claim(record, [&](std::string_view part) { hash.add(as_bytes(part)); });
    return hash.finish();
}

std::vector<std::byte> signed_message(const Digest& claim_digest) {
    const Bytes domain = as_bytes("weightseal/watermark/v1/record");
    std::vector<std::byte> message(domain.size() + claim_digest.size());
    std::ranges::copy(claim_digest, std::ranges::copy(domain, message.begin()).out);
    return message;
}

bool is_signature_good(const WatermarkRecord& record, const Digest& claim_digest) {
    return is_signed_by(*record.signer, signed_message(claim_digest), record.signature);
}

} // namespace watermark

std::uint64_t WatermarkRecord::marked_elements() const noexcept {
    std::uint64_t sum = 0;
    for (const RecordTensor& tensor : tensors)
        if (tensor.mark) sum += tensor.mark->elements;
    return sum;
}

std::optional<std::size_t> WatermarkRecord::position(std::string_view name) const noexcept {
    const auto found = std::ranges::lower_bound(tensors, name, {}, &RecordTensor::name);
    if (found == tensors.end() || found->name != name) return std::nullopt;
    return static_cast<std::size_t>(found - tensors.begin());
}

Digest original_root(const std::vector<RecordTensor>& tensors) {
    std::vector<std::byte> part; // of one tensor: fewer, longer calls of the hash
    const auto add = [&](Bytes bytes) { part.insert(part.end(), bytes.begin(), bytes.end()); };
    const auto add_number = [&]<class T>(T value) { add(std::as_bytes(std::span(&value, 1))); };
    const auto add_text = [&](std::string_view text) {
        add_number(static_cast<std::uint32_t>(text.size()));
        add(as_bytes(text));
    };
    crypto::Sha256 hash;
    add(as_bytes("weightseal/watermark/v1/root"));
    add_number(std::uint64_t{tensors.size()});
    for (const RecordTensor& tensor : tensors) {
        add_text(tensor.name);
        add_text(dtype_name(tensor.dtype));
        add_number(static_cast<std::uint32_t>(tensor.shape.size()));
        for (const std::uint64_t extent : tensor.shape)
            add_number(extent);
        add(tensor.digest);
        hash.add(part);
        part.clear();
    }
    hash.add(part); // of a model without tensors
    return hash.finish();
}

WatermarkRecord load_record(const std::filesystem::path& path) {
    return parse_record(platform::read_file(path, max_record_size, Errc::too_large), path.native());
}

void save_record(const WatermarkRecord& record, const std::filesystem::path& path, bool overwrite) {
    platform::write_new_file(path, as_bytes(to_json(record)), overwrite);
}

void sign_record(WatermarkRecord& record, const Key& signing_key) {
    record.signature = sign(signing_key, watermark::signed_message(watermark::claim_digest(record)));
    record.signer = public_key(signing_key);
    record.timestamp.clear(); // it was of the record without this signature
}

void require_signature(const WatermarkRecord& record, const std::optional<PublicKey>& signer) {
    if (!record.signer) throw Error(Errc::record_unsigned, "record", "is not signed");
    if (signer && *record.signer != *signer)
        throw Error(Errc::record_signature, "record",
                    "is signed by another signer, " + format_public_key(*record.signer));
    if (!watermark::is_signature_good(record, watermark::claim_digest(record)))
        throw Error(Errc::record_signature, "record", "its signature does not match its content");
}

} // namespace weightseal

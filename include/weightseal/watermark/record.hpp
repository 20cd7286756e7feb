#pragma once
// The record of a marking: what a verifier needs beside the key, and what the owner commits to (WATERMARK.md §7).

#include "weightseal/core/bytes.hpp"   // Bytes
#include "weightseal/core/digest.hpp"  // Digest
#include "weightseal/core/dtype.hpp"   // Dtype
#include "weightseal/keys/key.hpp"     // Key
#include "weightseal/keys/signing.hpp" // PublicKey

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal {

/// Elements of a sketch.
inline constexpr std::size_t sketch_size = 512;

/// One tensor of the original, marked or not.
struct RecordTensor {
    /// Of a marked tensor.
    struct Mark {
        Digest commitment{};        ///< of the key of its chips, so that one tensor's can be revealed
        Digest digest{};            ///< SHA-256 of the marked data
        std::uint64_t elements = 0; ///< marked: finite and not zero
        std::array<std::int8_t, sketch_size> sketch{}; ///< of the original, key-free: finds the tensor again by content
    };
    std::string name; ///< in the original model; the canonical name
    Dtype dtype{};
    std::vector<std::uint64_t> shape;
    Digest digest{};                    ///< SHA-256 of the original data
    std::optional<Mark> mark;           ///< empty: copied untouched
    std::optional<std::string> tied_to; ///< name of the marked tensor whose equal data stands for this one's, too
};

/// A record. Plain data; `to_json` and `parse_record` carry it.
struct WatermarkRecord {
    std::string owner;
    std::string model_id;
    Digest root{};                     ///< of all unmarked original tensors (`original_root`)
    double strength = 0;               ///< s: the mark's amplitude divided by the row's deviation
    std::vector<RecordTensor> tensors; ///< of the original, all of them, sorted by name

    // The evidence; empty until added. Both cover `claim_text`.
    std::optional<PublicKey> signer;  ///< Ed25519
    Signature signature{};            ///< valid when `signer` is there
    std::vector<std::byte> timestamp; ///< an RFC 3161 TimeStampResp, DER

    /// Marked elements over all tensors, tied ones once.
    [[nodiscard]] std::uint64_t marked_elements() const noexcept;
    /// Which of the tensors has this name.
    [[nodiscard]] std::optional<std::size_t> position(std::string_view name) const noexcept;
};

/// SHA-256 root over tensors sorted by name: of `RecordTensor::digest`. `tensors` must be sorted.
[[nodiscard]] Digest original_root(const std::vector<RecordTensor>& tensors);

/// Largest record that is read, bytes of JSON.
inline constexpr std::uint64_t max_record_size = std::uint64_t{1} << 30;

/// The JSON text of a record (WATERMARK.md §7). Deterministic.
[[nodiscard]] std::string to_json(const WatermarkRecord& record);

/// Reads a record, which is untrusted. `subject` is what errors call it. The digest and the root it contains, and its
/// signature if it has one, are checked; who signed and the time-stamp are not. Throws `too_large`, `record_not_json`,
/// `record_malformed`, `record_version`, `record_altered`, `record_signature`.
[[nodiscard]] WatermarkRecord parse_record(std::string_view json, const std::string& subject = "record");

/// `parse_record` of a file.
[[nodiscard]] WatermarkRecord load_record(const std::filesystem::path& path);

/// Writes the JSON text, complete and synced or not at all, mode 0600. Throws `file_exists`, `no_space`, `io_failed`.
void save_record(const WatermarkRecord& record, const std::filesystem::path& path, bool overwrite);

/// The part of the JSON text that signature and time-stamp cover: everything but the evidence.
[[nodiscard]] std::string claim_text(const WatermarkRecord& record);

/// Adds the signature of `signing_key`; drops an earlier signature and time-stamp.
void sign_record(WatermarkRecord& record, const Key& signing_key);

/// Throws `record_unsigned` or `record_signature` unless the record is signed, by `signer` if one is given.
void require_signature(const WatermarkRecord& record, const std::optional<PublicKey>& signer = std::nullopt);

} // namespace weightseal

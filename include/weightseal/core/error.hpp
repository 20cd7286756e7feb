#pragma once
// Errors: one enumeration with pinned numbers (shared with the C ABI) and one exception type.

#include <cstdint>      // std::uint64_t
#include <optional>     // std::optional
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <system_error> // std::system_error

namespace weightseal {

/// Everything weightseal can refuse or fail at. The numbers are part of the ABI and never change.
enum class Errc : int {
    // general
    invalid_argument = 1, ///< a caller broke the documented contract of a function
    out_of_memory = 2,    ///< an allocation, ours or the caller's allocator's, failed
    cancelled = 3,        ///< the `cancelled` hook said so
    unsupported = 4,      ///< valid, but this build does not implement it
    internal = 5,         ///< a failure inside weightseal or libcrypto that has no better name
    callback_failed = 6,  ///< a caller's hook did not do what it must

    // input and output
    io_failed = 10,        ///< the operating system refused a read, write or other call
    file_not_found = 11,   ///< no such file or folder
    file_exists = 12,      ///< the output exists and overwriting was not asked for
    no_space = 13,         ///< the device or quota is full
    source_changed = 14,   ///< an input became shorter or different while it was read
    unsupported_file = 15, ///< neither a regular file nor a folder (a device, a socket, a linked folder)

    // keys
    wrong_key = 20,         ///< the container is intact, and no slot opens with this key
    key_format = 21,        ///< the text is not a weightseal key
    key_checksum = 22,      ///< the text looks like a key, and its checksum does not match: a typo
    key_kind = 23,          ///< a key of another kind
    key_source_failed = 24, ///< the key source is malformed or gave nothing
    keys_dropped = 25,      ///< the keys of this handle were dropped; it can only list

    // container
    not_sealed = 30,         ///< not a weightseal container
    plaintext_model = 31,    ///< a plaintext model was offered where a sealed one is required
    truncated = 32,          ///< the file is shorter than its prelude says
    trailing_bytes = 33,     ///< the file is longer than its prelude says
    unknown_version = 34,    ///< a container version this build does not read
    unknown_suite = 35,      ///< a cipher suite this build does not have
    corrupt_prelude = 36,    ///< checksum, commitment or MAC of the prelude is wrong
    bad_prelude = 37,        ///< a field of the prelude is out of its range
    corrupt_slots = 38,      ///< both slot blocks are damaged
    corrupt_index = 39,      ///< the index failed authentication
    bad_index = 40,          ///< the index is authentic and breaks the format
    corrupt_data = 41,       ///< a chunk of a tensor or file entry failed authentication
    corrupt_gap = 42,        ///< bytes between entries are not the expected keystream
    damaged_slot_block = 43, ///< `verify` only: one of the two slot blocks is damaged or stale
    corrupt_leaf_table = 44, ///< a leaf does not match the body
    unsafe_name = 45,        ///< an entry name that must not become a path
    duplicate_name = 46,     ///< two entries of one name
    no_such_tensor = 47,     ///< no tensor of this name
    no_such_file_entry = 48, ///< no file entry of this name
    slice_out_of_range = 49, ///< a slice leaves the tensor's shape
    misaligned_slice = 50,   ///< a slice of a sub-byte dtype that does not start and end on a byte
    destination_size = 51,   ///< the caller's buffer has not the size of what was asked for
    too_large = 52,          ///< a count or size beyond the format's limits

    // safetensors
    header_truncated = 60,     ///< shorter than its own header
    header_too_long = 61,      ///< header length above 100,000,000
    header_not_json = 62,      ///< not valid JSON, or does not start with '{'
    header_malformed = 63,     ///< JSON of another shape than the format's
    duplicate_tensor = 64,     ///< a name twice, in one file or in two shards
    tensor_hole = 65,          ///< bytes that belong to no tensor
    tensor_overlap = 66,       ///< two tensors share bytes
    tensor_out_of_bounds = 67, ///< offsets past the end of the file
    shape_overflow = 68,       ///< the product of a shape does not fit
    unknown_dtype = 69,        ///< a dtype outside the specification
    tensor_size_mismatch = 70, ///< offsets and shape disagree
    data_trailing_bytes = 71,  ///< bytes after the last tensor
    misaligned_tensor = 72,    ///< a sub-byte tensor whose size is not a whole number of bytes

    // model folders
    shard_index_not_json = 80,  ///< model.safetensors.index.json is not valid JSON
    shard_index_malformed = 81, ///< ... or has another shape
    unsafe_shard_name = 82,     ///< it names a path instead of a file of the folder
    missing_shard = 83,         ///< it names a file that is not there
    wrong_shard = 84,           ///< a tensor is in another shard than it says
    missing_tensor = 85,        ///< a tensor it names is in no shard
    no_model = 86,              ///< the folder holds no safetensors file

    // watermark
    bad_strength = 90,         ///< a strength outside its range
    nothing_to_mark = 91,      ///< no tensor of the model can be marked
    unmarkable_dtype = 92,     ///< a tensor of FP8 or integers was chosen for marking
    already_marked = 93,       ///< the model is the marked one of this record
    key_mismatch = 94,         ///< not the key that the record commits to
    original_mismatch = 95,    ///< not the original that the record commits to
    no_common_tensor = 96,     ///< the suspect holds none of the record's marked tensors
    record_not_json = 97,      ///< the record is not valid JSON
    record_malformed = 98,     ///< JSON of another shape than a record's
    record_version = 99,       ///< a record version this build does not read
    record_altered = 100,      ///< the record's digest or root does not match its content
    record_unsigned = 101,     ///< a signature was demanded, and the record has none
    record_signature = 102,    ///< the record's signature is wrong, or another signer's
    timestamp_malformed = 103, ///< not an RFC 3161 response that grants a time-stamp
    timestamp_mismatch = 104,  ///< the time-stamp is of something else
    timestamp_untrusted = 105, ///< no given authority vouches for the time-stamp

    // guard
    limits_not_json = 110,        ///< the limits are not valid JSON
    unknown_limits_field = 111,   ///< a field that this version does not know
    missing_limits_field = 112,   ///< a field that must be there is not
    duplicate_limits_field = 113, ///< a field twice
    limits_field_type = 114,      ///< a value of another JSON type than the field's
    limits_out_of_range = 115,    ///< a number outside the field's range
    unknown_limits_value = 116,   ///< a tier or budget that this version does not know
    duplicate_limit = 117,        ///< two limits of one tier, budget and window
    limits_change_pending = 118,  ///< too many earlier changes of windows are still passing
    bad_address = 119,            ///< not an address or network of the Internet
    not_a_guard_log = 120,        ///< a line of an event log that is no event
    guard_log_changed = 121,      ///< an event log whose chain or signature does not hold
    not_a_traffic_log = 122,      ///< a line of a traffic log that is no request
    bad_server_url = 123,         ///< not the address of a server or of an object on one
    server_unreachable = 124,     ///< no connection to a server, or it was lost
    server_refused = 125,         ///< a server answered with an error
    server_answer = 126,          ///< a server answered something that its protocol does not allow
    not_a_shared_table = 127,     ///< shared memory that is no table of this version
    shared_table_differs = 128,   ///< shared memory that another configuration made

    // storage
    policy_not_json = 130,        ///< a policy or bundle that is not valid JSON
    policy_too_large = 131,       ///< more bytes, depth or elements than are read
    duplicate_policy_field = 132, ///< a field twice in one object
    unknown_policy_field = 133,   ///< a field that the policy language has not
    missing_policy_field = 134,   ///< a field that must be there is not
    policy_field_type = 135,      ///< a value of another JSON type
    bad_policy_value = 136,       ///< a value that the policy language forbids
    not_a_policy = 137,           ///< JSON that is no document known here
    bad_bucket = 138,             ///< not a name of a bucket or container
    bad_prefix = 139,             ///< not a prefix that a policy can hold
    bad_principal = 140,          ///< not a role, user or service account
    bad_unique_id = 141,          ///< not the unique id of such a principal
    bad_account = 142,            ///< not an account, or none can be told
    bad_region = 143,             ///< not a region or partition
    bad_endpoint = 144,           ///< not a VPC endpoint, network or subnet
    bad_storage_key = 145,        ///< not a key of the provider's key service
    no_reader = 146,              ///< an intent without anybody who may read
    duplicate_principal = 147,    ///< one principal in two roles of an intent
    unknown_finding = 148,        ///< no finding of this id
};

/// The identifier of an error code, for example "wrong_key". Static storage; never null.
[[nodiscard]] const char* errc_name(Errc code) noexcept;

/// The std::error_category of `Errc`.
[[nodiscard]] const std::error_category& error_category() noexcept;

[[nodiscard]] inline std::error_code make_error_code(Errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

/// The one exception weightseal throws, besides std::bad_alloc. `what()` names what was being read, what is wrong,
/// where, and, where it helps, what to do; it never contains key material.
class Error : public std::system_error {
  public:
    /// @param subject  what was being read: a path, "tensor 'w'", "slot block B"
    /// @param detail   one clause saying what is wrong
    /// @param offset   byte offset in the file or buffer, where one is known
    Error(Errc code, std::string_view subject, std::string_view detail,
          std::optional<std::uint64_t> offset = std::nullopt);

    [[nodiscard]] Errc errc() const noexcept { return static_cast<Errc>(code().value()); }
    [[nodiscard]] std::optional<std::uint64_t> offset() const noexcept { return offset_; }
    [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

  private:
    std::string message_;
    std::optional<std::uint64_t> offset_;
};

} // namespace weightseal

template <>
struct std::is_error_code_enum<weightseal::Errc> : std::true_type {};

#include "weightseal/core/error.hpp"

#include <array>
#include <fmt/format.h>

namespace weightseal {
namespace {

struct Name {
    Errc code;
    const char* text;
};

constexpr std::array names{
    Name{Errc::invalid_argument, "invalid_argument"},
    Name{Errc::out_of_memory, "out_of_memory"},
    Name{Errc::cancelled, "cancelled"},
    Name{Errc::unsupported, "unsupported"},
    Name{Errc::internal, "internal"},
    Name{Errc::callback_failed, "callback_failed"},
    Name{Errc::io_failed, "io_failed"},
    Name{Errc::file_not_found, "file_not_found"},
    Name{Errc::file_exists, "file_exists"},
    Name{Errc::no_space, "no_space"},
    Name{Errc::source_changed, "source_changed"},
    Name{Errc::unsupported_file, "unsupported_file"},
    Name{Errc::wrong_key, "wrong_key"},
    Name{Errc::key_format, "key_format"},
    Name{Errc::key_checksum, "key_checksum"},
    Name{Errc::key_kind, "key_kind"},
    Name{Errc::key_source_failed, "key_source_failed"},
    Name{Errc::keys_dropped, "keys_dropped"},
    Name{Errc::not_sealed, "not_sealed"},
    Name{Errc::plaintext_model, "plaintext_model"},
    Name{Errc::truncated, "truncated"},
    Name{Errc::trailing_bytes, "trailing_bytes"},
    Name{Errc::unknown_version, "unknown_version"},
    Name{Errc::unknown_suite, "unknown_suite"},
    Name{Errc::corrupt_prelude, "corrupt_prelude"},
    Name{Errc::bad_prelude, "bad_prelude"},
    Name{Errc::corrupt_slots, "corrupt_slots"},
    Name{Errc::corrupt_index, "corrupt_index"},
    Name{Errc::bad_index, "bad_index"},
    Name{Errc::corrupt_data, "corrupt_data"},
    Name{Errc::corrupt_gap, "corrupt_gap"},
    Name{Errc::damaged_slot_block, "damaged_slot_block"},
    Name{Errc::corrupt_leaf_table, "corrupt_leaf_table"},
    Name{Errc::unsafe_name, "unsafe_name"},
    Name{Errc::duplicate_name, "duplicate_name"},
    Name{Errc::no_such_tensor, "no_such_tensor"},
    Name{Errc::no_such_file_entry, "no_such_file_entry"},
    Name{Errc::slice_out_of_range, "slice_out_of_range"},
    Name{Errc::misaligned_slice, "misaligned_slice"},
    Name{Errc::destination_size, "destination_size"},
    Name{Errc::too_large, "too_large"},
    Name{Errc::header_truncated, "header_truncated"},
    Name{Errc::header_too_long, "header_too_long"},
    Name{Errc::header_not_json, "header_not_json"},
    Name{Errc::header_malformed, "header_malformed"},
    Name{Errc::duplicate_tensor, "duplicate_tensor"},
    Name{Errc::tensor_hole, "tensor_hole"},
    Name{Errc::tensor_overlap, "tensor_overlap"},
    Name{Errc::tensor_out_of_bounds, "tensor_out_of_bounds"},
    Name{Errc::shape_overflow, "shape_overflow"},
    Name{Errc::unknown_dtype, "unknown_dtype"},
    Name{Errc::tensor_size_mismatch, "tensor_size_mismatch"},
    Name{Errc::data_trailing_bytes, "data_trailing_bytes"},
    Name{Errc::misaligned_tensor, "misaligned_tensor"},
    Name{Errc::shard_index_not_json, "shard_index_not_json"},
    Name{Errc::shard_index_malformed, "shard_index_malformed"},
    Name{Errc::unsafe_shard_name, "unsafe_shard_name"},
    Name{Errc::missing_shard, "missing_shard"},
    Name{Errc::wrong_shard, "wrong_shard"},
    Name{Errc::missing_tensor, "missing_tensor"},
    Name{Errc::no_model, "no_model"},
    Name{Errc::bad_strength, "bad_strength"},
    Name{Errc::nothing_to_mark, "nothing_to_mark"},
    Name{Errc::unmarkable_dtype, "unmarkable_dtype"},
    Name{Errc::already_marked, "already_marked"},
    Name{Errc::key_mismatch, "key_mismatch"},
    Name{Errc::original_mismatch, "original_mismatch"},
    Name{Errc::no_common_tensor, "no_common_tensor"},
    Name{Errc::record_not_json, "record_not_json"},
    Name{Errc::record_malformed, "record_malformed"},
    Name{Errc::record_version, "record_version"},
    Name{Errc::record_altered, "record_altered"},
    Name{Errc::record_unsigned, "record_unsigned"},
    Name{Errc::record_signature, "record_signature"},
    Name{Errc::timestamp_malformed, "timestamp_malformed"},
    Name{Errc::timestamp_mismatch, "timestamp_mismatch"},
    Name{Errc::timestamp_untrusted, "timestamp_untrusted"},
    Name{Errc::limits_not_json, "limits_not_json"},
    Name{Errc::unknown_limits_field, "unknown_limits_field"},
    Name{Errc::missing_limits_field, "missing_limits_field"},
    Name{Errc::duplicate_limits_field, "duplicate_limits_field"},
    Name{Errc::limits_field_type, "limits_field_type"},
    Name{Errc::limits_out_of_range, "limits_out_of_range"},
    Name{Errc::unknown_limits_value, "unknown_limits_value"},
    Name{Errc::duplicate_limit, "duplicate_limit"},
    Name{Errc::limits_change_pending, "limits_change_pending"},
    Name{Errc::bad_address, "bad_address"},
    Name{Errc::not_a_guard_log, "not_a_guard_log"},
    Name{Errc::guard_log_changed, "guard_log_changed"},
    Name{Errc::not_a_traffic_log, "not_a_traffic_log"},
    Name{Errc::bad_server_url, "bad_server_url"},
    Name{Errc::server_unreachable, "server_unreachable"},
    Name{Errc::server_refused, "server_refused"},
    Name{Errc::server_answer, "server_answer"},
    Name{Errc::not_a_shared_table, "not_a_shared_table"},
    Name{Errc::shared_table_differs, "shared_table_differs"},
    Name{Errc::policy_not_json, "policy_not_json"},
    Name{Errc::policy_too_large, "policy_too_large"},
    Name{Errc::duplicate_policy_field, "duplicate_policy_field"},
    Name{Errc::unknown_policy_field, "unknown_policy_field"},
    Name{Errc::missing_policy_field, "missing_policy_field"},
    Name{Errc::policy_field_type, "policy_field_type"},
    Name{Errc::bad_policy_value, "bad_policy_value"},
    Name{Errc::not_a_policy, "not_a_policy"},
    Name{Errc::bad_bucket, "bad_bucket"},
    Name{Errc::bad_prefix, "bad_prefix"},
    Name{Errc::bad_principal, "bad_principal"},
    Name{Errc::bad_unique_id, "bad_unique_id"},
    Name{Errc::bad_account, "bad_account"},
    Name{Errc::bad_region, "bad_region"},
    Name{Errc::bad_endpoint, "bad_endpoint"},
    Name{Errc::bad_storage_key, "bad_storage_key"},
    Name{Errc::no_reader, "no_reader"},
    Name{Errc::duplicate_principal, "duplicate_principal"},
    Name{Errc::unknown_finding, "unknown_finding"},
};

class Category final : public std::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "weightseal"; }
    [[nodiscard]] std::string message(int value) const override { return errc_name(static_cast<Errc>(value)); }
};

// Names inside messages come from untrusted files; a terminal must not act on them.
std::string printable(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        const bool is_c1 = byte == 0xC2 && next >= 0x80 && next <= 0x9F; // U+0080 … U+009F
        if (byte < 0x20 || byte == 0x7F || is_c1)
            result += fmt::format("\\x{:02x}", is_c1 ? static_cast<unsigned char>(text[++i]) : byte);
        else
            result += text[i];
    }
    return result;
}

} // namespace

const char* errc_name(Errc code) noexcept {
    for (const Name& name : names)
        if (name.code == code) return name.text;
    return "unknown";
}

const std::error_category& error_category() noexcept {
    static const Category category;
    return category;
}

Error::Error(Errc code, std::string_view subject, std::string_view detail, std::optional<std::uint64_t> offset)
    : std::system_error(make_error_code(code)), message_(fmt::format("{}: {}", printable(subject), printable(detail))),
      offset_(offset) {
    if (offset) message_ += fmt::format(" (at byte {})", *offset);
}

} // namespace weightseal

// What belongs to no word: versions, statuses, element types, buffers, hooks.

#include "common.hpp"

#include "weightseal/core/dtype.hpp"
#include "weightseal/core/version.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

SAME(WSEAL_INVALID_ARGUMENT, weightseal::Errc::invalid_argument);
SAME(WSEAL_CALLBACK_FAILED, weightseal::Errc::callback_failed);
SAME(WSEAL_UNSUPPORTED_FILE, weightseal::Errc::unsupported_file);
SAME(WSEAL_WRONG_KEY, weightseal::Errc::wrong_key);
SAME(WSEAL_KEYS_DROPPED, weightseal::Errc::keys_dropped);
SAME(WSEAL_NOT_SEALED, weightseal::Errc::not_sealed);
SAME(WSEAL_TOO_LARGE, weightseal::Errc::too_large);
SAME(WSEAL_HEADER_TRUNCATED, weightseal::Errc::header_truncated);
SAME(WSEAL_MISALIGNED_TENSOR, weightseal::Errc::misaligned_tensor);
SAME(WSEAL_SHARD_INDEX_NOT_JSON, weightseal::Errc::shard_index_not_json);
SAME(WSEAL_NO_MODEL, weightseal::Errc::no_model);
SAME(WSEAL_BAD_STRENGTH, weightseal::Errc::bad_strength);
SAME(WSEAL_KEY_MISMATCH, weightseal::Errc::key_mismatch);
SAME(WSEAL_TIMESTAMP_UNTRUSTED, weightseal::Errc::timestamp_untrusted);
SAME(WSEAL_LIMITS_NOT_JSON, weightseal::Errc::limits_not_json);
SAME(WSEAL_BAD_ADDRESS, weightseal::Errc::bad_address);
SAME(WSEAL_SHARED_TABLE_DIFFERS, weightseal::Errc::shared_table_differs);
SAME(WSEAL_UNKNOWN_FINDING, weightseal::Errc::unknown_finding);
SAME(WSEAL_U64, weightseal::Dtype::u64);
#undef SAME

namespace weightseal::capi {

wseal_status fail(wseal_error* error, Errc code, const char* message) noexcept {
    if (error != nullptr) std::snprintf(error->message, sizeof error->message, "%s", message);
    return static_cast<wseal_status>(code);
}

wseal_buffer* text_buffer(std::string_view text) {
    AlignedBuffer buffer(text.size(), {.huge_pages = false});
    std::ranges::copy(as_bytes(text), buffer.data());
    return new wseal_buffer{std::move(buffer)};
}

wseal_hooks hooks_of(const wseal_hooks* hooks) {
    static constexpr wseal_hooks none = WSEAL_HOOKS_INIT;
    const wseal_hooks copy = copy_options(hooks, none);
    if ((copy.alloc == nullptr) != (copy.free == nullptr))
        throw Error(Errc::invalid_argument, "hooks", "alloc and free are given both or neither");
    return copy;
}

Hooks to_hooks(const wseal_hooks& c) {
    Hooks hooks;
    if (c.progress != nullptr)
        hooks.progress = [c](std::uint64_t done, std::uint64_t total) { c.progress(c.context, done, total); };
    if (c.cancelled != nullptr) hooks.cancelled = [c] { return c.cancelled(c.context) != 0; };
    if (c.log != nullptr) hooks.log = [c](std::string_view message) { c.log(c.context, std::string(message).c_str()); };
    return hooks;
}

Parallel to_parallel(const wseal_hooks& c, std::uint32_t threads) {
    Parallel parallel;
    parallel.threads = threads;
    if (c.parallel_for != nullptr)
        parallel.run = [c](std::size_t count, const std::function<void(std::size_t)>& body) {
            const auto call = [](void* context, std::size_t i) {
                (*static_cast<const std::function<void(std::size_t)>*>(context))(i);
            };
            c.parallel_for(c.context, count, call, const_cast<std::function<void(std::size_t)>*>(&body));
        };
    return parallel;
}

} // namespace weightseal::capi

using namespace weightseal;

extern "C" {

uint32_t wseal_abi_version(void) {
    return WSEAL_ABI_VERSION;
}
const char* wseal_version(void) {
    return version_string();
}

const char* wseal_status_name(uint32_t status) {
    return status == WSEAL_OK ? "ok" : errc_name(static_cast<Errc>(status));
}

const char* wseal_dtype_name(uint32_t dtype) {
    const auto known = dtype >= WSEAL_BOOL && dtype <= WSEAL_U64;
    return known ? dtype_name(static_cast<Dtype>(dtype)).data() : nullptr; // names are literals
}

uint32_t wseal_dtype_bits(uint32_t dtype) {
    const auto known = dtype >= WSEAL_BOOL && dtype <= WSEAL_U64;
    return known ? dtype_bits(static_cast<Dtype>(dtype)) : 0;
}

void* wseal_buffer_data(wseal_buffer* buffer) {
    return buffer == nullptr ? nullptr : buffer->buffer.data();
}
size_t wseal_buffer_size(const wseal_buffer* buffer) {
    return buffer == nullptr ? 0 : buffer->buffer.size();
}
void wseal_buffer_free(wseal_buffer* own_buffer) {
    delete own_buffer;
}

} // extern "C"

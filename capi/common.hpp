#pragma once
// What every part of the C ABI uses: the boundary that no exception passes, checks of what callers pass, handles.

#include "weightseal.h"

#include "weightseal/core/aligned_buffer.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/core/progress.hpp"
#include "weightseal/io/parallel.hpp"
#include "weightseal/keys/key.hpp"

#include <cstring>
#include <new>
#include <string_view>

// The numbers of the C header and of the C++ API are the same.
#define SAME(c, cpp) static_assert(static_cast<int>(c) == static_cast<int>(cpp))

struct wseal_key {
    weightseal::Key key;
};

struct wseal_buffer {
    weightseal::AlignedBuffer buffer;
};

namespace weightseal::capi {

/// Fills `error`, which may be null.
wseal_status fail(wseal_error* error, Errc code, const char* message) noexcept;

/// The boundary: no exception leaves the library.
template <class Body>
wseal_status guarded(wseal_error* error, const Body& body) noexcept {
    try {
        body();
        return WSEAL_OK;
    } catch (const Error& e) {
        return fail(error, e.errc(), e.what());
    } catch (const std::bad_alloc&) {
        return fail(error, Errc::out_of_memory, "out of memory");
    } catch (const std::exception& e) {
        return fail(error, Errc::internal, e.what());
    } catch (...) {
        return fail(error, Errc::internal, "an exception of an unknown type");
    }
}

/// Refuses a null pointer.
template <class... Pointers>
void require(const Pointers*... pointers) {
    const bool any_null = ((pointers == nullptr) || ...);
    if (any_null) throw Error(Errc::invalid_argument, "call", "a pointer that must not be NULL is NULL");
}

/// Callers compiled against an older header have a shorter struct.
template <class Struct>
void check_size(const Struct& sized) {
    if (sized.struct_size < sizeof(std::size_t) || sized.struct_size > sizeof(Struct))
        throw Error(Errc::invalid_argument, "struct_size", "is not that of this library's struct or an older one");
}

/// The members that the caller does not know keep their defaults.
template <class Options>
Options copy_options(const Options* options, const Options& defaults) {
    if (options == nullptr) return defaults;
    check_size(*options);
    Options copy = defaults;
    std::memcpy(static_cast<void*>(&copy), options, options->struct_size);
    return copy;
}

/// Writes as much of an output struct as the caller has.
template <class Out>
void write_out(Out* out, Out value) {
    check_size(*out);
    value.struct_size = out->struct_size;
    std::memcpy(static_cast<void*>(out), &value, out->struct_size);
}

/// A copy, without a terminator.
[[nodiscard]] wseal_buffer* text_buffer(std::string_view text);

/// The caller's hooks, or none. Throws `invalid_argument`.
[[nodiscard]] wseal_hooks hooks_of(const wseal_hooks* hooks);
[[nodiscard]] Hooks to_hooks(const wseal_hooks& c);
[[nodiscard]] Parallel to_parallel(const wseal_hooks& c, std::uint32_t threads);

} // namespace weightseal::capi

#pragma once
// Failures of libcrypto: out of memory or a broken installation.

#include "weightseal/core/error.hpp"

namespace weightseal::crypto {

inline void check(bool ok, const char* what) {
    if (!ok) throw Error(Errc::internal, "libcrypto", what);
}

} // namespace weightseal::crypto

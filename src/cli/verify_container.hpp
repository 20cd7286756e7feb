#pragma once
// Containers authenticated to the last byte.

#include "weightseal/keys/key.hpp" // Key

#include <cstdint>
#include <string>

namespace weightseal::cli {

/// What was authenticated.
struct VerifiedContainer {
    std::uint64_t tensors = 0, files = 0, bytes = 0;
    double seconds = 0;
    bool is_signed = false;
};

/// Opens a container, which may be on a server, and reads all of it. Throws what that throws.
[[nodiscard]] VerifiedContainer verify_container(const std::string& container, const Key& key, unsigned threads);

} // namespace weightseal::cli

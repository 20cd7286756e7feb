#pragma once
// The first request for an object, which tells its size and what all later answers must be of.

#include "remote/range_download.hpp"
#include "weightseal/core/aligned_buffer.hpp"

namespace weightseal::remote {

/// What it brings: the pin, and the first bytes, as many as the object has.
struct Opened {
    Pin pin;
    AlignedBuffer first;
};

/// Asks for the first `size` bytes, which saves a request for the head alone and is what a URL that was signed for
/// reading allows. Throws as `https_source`.
[[nodiscard]] Opened open_object(const Origin& origin, Downloads& downloads, std::size_t size);

} // namespace weightseal::remote

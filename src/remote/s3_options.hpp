#pragma once
// What callers leave open about S3.

#include "weightseal/io/remote_source.hpp"

namespace weightseal::remote {

/// With what is left empty as AWS's own tools have it, in the environment and in the profile.
[[nodiscard]] S3Options completed(S3Options options);

} // namespace weightseal::remote

#pragma once
// Ranged sources: the byte source over any remote object.

#include "remote/remote_object.hpp"
#include "weightseal/io/remote_source.hpp"

#include <memory>

namespace weightseal::remote {

/// Asks for the object once and gives its source. Throws as `https_source`; `invalid_argument` for bad options.
[[nodiscard]] std::shared_ptr<const ByteSource> ranged_source(std::shared_ptr<const RemoteObject> object,
                                                              const HttpOptions& options);

} // namespace weightseal::remote

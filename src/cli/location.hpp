#pragma once
// Locations of sealed models as they are shown.

#include <string>

namespace weightseal::cli {

/// Without the query of a URL: it may be a signature that lets whoever has it read.
[[nodiscard]] std::string shown_location(const std::string& location);

} // namespace weightseal::cli

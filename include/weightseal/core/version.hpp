#pragma once
// Version: of the library at run time, which may be newer than the headers.

namespace weightseal {

/// "MAJOR.MINOR.PATCH".
[[nodiscard]] const char* version_string() noexcept;

} // namespace weightseal

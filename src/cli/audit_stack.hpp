#pragma once
// The whole protection of one model: sealed, its bucket shut, its mark there.

#include "weightseal/storage/audit.hpp" // Report

#include <optional>
#include <string>
#include <vector>

namespace weightseal::cli {

struct StackOptions {
    std::optional<std::string> container; ///< the sealed model
    std::string container_key, key, record;
    unsigned threads = 0;
};

struct StackCheck {
    std::string name; ///< "sealed"
    bool has_passed = false;
    std::string detail;
};

/// @param failures  the findings of the audit that fail it
/// Throws where a key or a file is not there: only what was looked at passes or fails.
[[nodiscard]] std::vector<StackCheck> check_stack(const StackOptions& options, const storage::Report& report,
                                                  const std::vector<std::string>& failures);

} // namespace weightseal::cli

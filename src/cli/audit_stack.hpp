#pragma once
// The whole protection of one model: sealed, its bucket shut, its mark there.

#include "weightseal/keys/key.hpp"         // Key
#include "weightseal/storage/audit.hpp"    // Report
#include "weightseal/watermark/record.hpp" // WatermarkRecord

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

/// What the checks need.
struct Stack {
    std::string container;
    Key container_key, key;
    WatermarkRecord record;
    unsigned threads = 0;
};

[[nodiscard]] Stack load_stack(const StackOptions& options);

/// @param failures  the findings of the audit that fail it
[[nodiscard]] std::vector<StackCheck> check_stack(const Stack& stack, const storage::Report& report,
                                                  const std::vector<std::string>& failures);

} // namespace weightseal::cli

#pragma once
// Reports of an audit for people.

#include "weightseal/storage/audit.hpp" // Report

#include <cstddef>
#include <string>
#include <string_view>

namespace weightseal::cli {

/// Lines of at most 100 characters under an indentation.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t indentation);

[[nodiscard]] std::string report_text(const storage::Report& report, std::string_view subject);

} // namespace weightseal::cli

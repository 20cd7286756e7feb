#pragma once
// Reports of an audit as text for programs.

#include "weightseal/storage/audit.hpp" // Report

#include <string>      // std::string
#include <string_view> // std::string_view

namespace weightseal::storage {

/// One JSON object, whose "version" is 1.
[[nodiscard]] std::string report_json(const Report& report);

/// SARIF 2.1.0, with a result for each finding at `path`.
[[nodiscard]] std::string report_sarif(const Report& report, std::string_view path);

/// Takes out the findings that an earlier `report_json` holds: of the same rule, document, statement and request.
/// Throws what reading JSON throws, or `not_a_policy` for anything but a report. Returns how many there were.
std::size_t remove_known(Report& report, std::string_view earlier, std::string_view subject = "baseline");

} // namespace weightseal::storage

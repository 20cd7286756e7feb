#pragma once
// The report of a detection: one self-contained HTML page that a lawyer can read and an expert can check; or the same
// as JSON, for programs.

#include "weightseal/watermark/detect.hpp"    // Detection
#include "weightseal/watermark/timestamp.hpp" // TimeStamp

#include <optional>
#include <string>

namespace weightseal {

/// What the report says beside the detection.
struct ReportContext {
    std::string suspect;                      ///< what the suspect is called: a path
    std::string command;                      ///< what reproduces the detection, for a shell; holds no secret
    std::optional<TimeStamp> timestamp;       ///< verified; empty when there is none
    std::optional<std::int64_t> suspect_seen; ///< when the suspect was first seen, seconds since 1970 UTC
};

/// The page. A function of its arguments: no date of its own, no outside resources, no script.
[[nodiscard]] std::string detection_report(const Detection& detection, const WatermarkRecord& record,
                                           const ReportContext& context);

/// One JSON object on one line, in ASCII: what `weightseal detect --json` prints.
[[nodiscard]] std::string detection_json(const Detection& detection, const WatermarkRecord& record,
                                         const ReportContext& context);

/// Whether the claimant could not have searched keys against the suspect: a verified time-stamp older than the suspect.
[[nodiscard]] bool is_stamped_before_suspect(const ReportContext& context) noexcept;

} // namespace weightseal

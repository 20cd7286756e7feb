#pragma once
// The result of a detection for people.

#include "weightseal/watermark/report.hpp" // Detection, ReportContext

#include <string>

namespace weightseal::cli {

/// The verdict, what it rests on, and what it does not mean. Ends with a line end.
[[nodiscard]] std::string describe_detection(const Detection& detection, const WatermarkRecord& record,
                                             const ReportContext& context);

} // namespace weightseal::cli

// LOCAL, never committed
#include "weightseal/watermark/report.hpp"
#include "weightseal/watermark/timestamp.hpp"
namespace weightseal {
std::string detection_report(const Detection&, const WatermarkRecord&, const ReportContext&) { return "stub"; }
bool is_stamped_before_suspect(const ReportContext&) noexcept { return false; }
TimeStamp verify_timestamp(const WatermarkRecord&, const std::filesystem::path&) { throw 1; }
}

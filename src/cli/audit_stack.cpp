#include "cli/audit_stack.hpp"

#include "cli/exit_status.hpp"
#include "cli/sealed_source.hpp"
#include "cli/text.hpp"
#include "cli/verify_container.hpp"
#include "cli/work.hpp"
#include "weightseal/core/error.hpp"       // Error
#include "weightseal/keys/key_source.hpp"  // key_from_source
#include "weightseal/watermark/detect.hpp" // detect

#include <fmt/format.h>

namespace weightseal::cli {

namespace {

StackCheck check_seal(const Stack& stack) {
    try {
        const VerifiedContainer verified = verify_container(stack.container, stack.container_key, stack.threads);
        return {"sealed", true,
                fmt::format("every byte of {} and {} is authentic", counted(verified.tensors, "tensor"),
                            counted(verified.files, "file"))};
    } catch (const Error& error) {
        if (!is_container_damage(error.errc())) throw;
        return {"sealed", false, error.what()};
    }
}

StackCheck check_bucket(const storage::Report& report, const std::vector<std::string>& failures) {
    const std::uint64_t cells = report.cells[0] + report.cells[1] + report.cells[2];
    if (!failures.empty()) return {"bucket", false, joined(failures, [](const std::string& rule) { return rule; })};
    if (cells == 0) return {"bucket", false, "who has access is not known"};
    std::string detail = fmt::format("{} requests examined", grouped(cells));
    if (!report.attempts.empty()) detail += fmt::format(", {} tried", report.attempts.size());
    return {"bucket", true, detail + fmt::format(", {} not checked", counted(report.not_checked.size(), "matter"))};
}

StackCheck check_mark(const Stack& stack) {
    Work work("detecting");
    DetectOptions how;
    how.hooks = work.hooks();
    how.parallel.threads = stack.threads;
    const auto suspect = open_plain_or_sealed(stack.container, stack.container_key, how.hooks);
    const Detection detection = detect(*suspect, stack.key, stack.record, how);
    return {
        "watermark", detection.verdict == Verdict::detected,
        fmt::format("z {}, p {}", deviations(detection.significance.z), probability(detection.significance.log10_p))};
}

} // namespace

Stack load_stack(const StackOptions& options) {
    return {options.container.value(), key_from_source(options.container_key), key_from_source(options.key),
            load_record(options.record), options.threads};
}

std::vector<StackCheck> check_stack(const Stack& stack, const storage::Report& report,
                                    const std::vector<std::string>& failures) {
    return {check_seal(stack), check_bucket(report, failures), check_mark(stack)};
}

} // namespace weightseal::cli

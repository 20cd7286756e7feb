#include "cli/audit_text.hpp"

#include "cli/text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace weightseal::cli {

std::string wrapped(std::string_view text, std::size_t indentation) {
    std::string result;
    const std::size_t width = 100 - indentation;
    const std::string newline = '\n' + std::string(indentation, ' ');
    while (text.size() > width) {
        std::size_t end = text.rfind(' ', width);
        if (end == text.npos || end == 0) end = text.find(' ', width);
        if (end == text.npos) break;
        result += std::string(text.substr(0, end)) + newline;
        text.remove_prefix(end + 1);
    }
    return result + std::string(text);
}

namespace {

std::string describe(const storage::Finding& finding) {
    const auto all = storage::rules();
    const auto rule = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.id == finding.rule; });
    const auto field = [](std::string_view name, std::string_view value) {
        return fmt::format("    {:<10} {}\n", name, wrapped(printable(value), 15));
    };
    std::string text = fmt::format("\n{} {}: {}\n", severity_name(finding.severity), finding.rule, rule->title);
    text += field(finding.cells == 0 ? "what" : finding.is_certain ? "request" : "undecided", finding.request);
    if (finding.cells > 1) text += field("", fmt::format("and {} requests like it", grouped(finding.cells - 1)));
    text += field("where", finding.statement.empty() ? finding.document : finding.document + ", " + finding.statement);
    text += field("remedy", rule->remedy);
    if (!rule->references.empty()) text += field("see", rule->references);
    return text;
}

std::string list(std::string_view title, const std::vector<std::string>& items) {
    std::string text;
    for (const std::string& item : items)
        text +=
            fmt::format("{}  - {}\n", text.empty() ? fmt::format("\n{}\n", title) : "", wrapped(printable(item), 4));
    return text;
}

} // namespace

std::string report_text(const storage::Report& report, std::string_view subject) {
    std::string text = fmt::format("{}: {}\n", printable(subject), printable(report.subject));
    if (const auto [closed, undecided, open] = report.cells; closed + undecided + open != 0)
        text += fmt::format("{} requests examined: {} closed, {} open, {} undecided\n",
                            grouped(closed + undecided + open), grouped(closed), grouped(open), grouped(undecided));
    for (const storage::Finding& finding : report.findings)
        text += describe(finding);
    std::vector<std::string> accepted;
    for (const storage::Finding& finding : report.accepted)
        accepted.push_back(fmt::format("{}: {}", finding.rule, finding.request));
    text += list("as the intent says", accepted);
    std::vector<std::string> attempts;
    for (const storage::Attempt& attempt : report.attempts)
        attempts.push_back(fmt::format("{}: {}{}", attempt.request, attempt.answer,
                                       attempt.rule.empty() ? "" : fmt::format(" ({})", attempt.rule)));
    text += list("tried", attempts);
    text += list("not checked", report.not_checked);
    text += list("not considered", report.not_considered);
    text += list("assumed", report.assumptions);
    text +=
        report.findings.empty() ? "\nno finding\n" : fmt::format("\n{}\n", counted(report.findings.size(), "finding"));
    return text;
}

} // namespace weightseal::cli

#include "weightseal/storage/report.hpp"

#include "storage/json.hpp"
#include "storage/rules.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/core/version.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <tuple>

namespace weightseal::storage {
namespace {

std::string dumped(const Json& json) {
    return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Json findings_json(const std::vector<Finding>& findings) {
    Json list = Json::array();
    for (const Finding& finding : findings) {
        const Rule& rule = rule_of(finding.rule);
        list.push_back({{"rule", finding.rule},
                        {"severity", severity_name(finding.severity)},
                        {"title", rule.title},
                        {"certain", finding.is_certain},
                        {"document", finding.document},
                        {"statement", finding.statement},
                        {"request", finding.request},
                        {"cells", finding.cells},
                        {"remedy", rule.remedy},
                        {"references", rule.references}});
    }
    return list;
}

Json attempts_json(const std::vector<Attempt>& attempts) {
    Json list = Json::array();
    for (const Attempt& attempt : attempts)
        list.push_back({{"request", attempt.request}, {"answer", attempt.answer}, {"rule", attempt.rule}});
    return list;
}

std::string_view sarif_level(Severity severity) noexcept {
    return severity >= Severity::high ? "error" : severity == Severity::medium ? "warning" : "note";
}

} // namespace

std::string report_json(const Report& report) {
    const Json json{
        {"version", 1},
        {"subject", report.subject},
        {"findings", findings_json(report.findings)},
        {"accepted", findings_json(report.accepted)},
        {"not_checked", report.not_checked},
        {"not_considered", report.not_considered},
        {"assumptions", report.assumptions},
        {"attempts", attempts_json(report.attempts)},
        {"cells", {{"closed", report.cells[0]}, {"undecided", report.cells[1]}, {"open", report.cells[2]}}}};
    return dumped(json);
}

std::string report_sarif(const Report& report, std::string_view path) {
    Json results = Json::array(), used = Json::array();
    std::set<std::string> seen;
    for (const Finding& finding : report.findings) {
        const Rule& rule = rule_of(finding.rule);
        if (seen.insert(finding.rule).second)
            used.push_back({{"id", rule.id},
                            {"shortDescription", {{"text", rule.title}}},
                            {"fullDescription", {{"text", rule.explanation}}},
                            {"help", {{"text", rule.remedy}}},
                            {"defaultConfiguration", {{"level", sarif_level(rule.severity)}}}});
        const std::string place =
            finding.statement.empty() ? finding.document : finding.document + ", " + finding.statement;
        Json location{{"physicalLocation", {{"artifactLocation", {{"uri", path}}}}},
                      {"logicalLocations", Json::array({{{"fullyQualifiedName", place}}})}};
        results.push_back({{"ruleId", finding.rule},
                           {"level", sarif_level(finding.severity)},
                           {"message",
                            {{"text", fmt::format("{}{}: {}. {}", rule.title, finding.is_certain ? "" : " (undecided)",
                                                  finding.request, rule.remedy)}}},
                           {"locations", Json::array({std::move(location)})}});
    }
    const Json driver{{"name", "weightseal"}, {"version", version_string()}, {"rules", std::move(used)}};
    Json run{{"tool", {{"driver", driver}}}, {"results", std::move(results)}};
    return dumped({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                   {"version", "2.1.0"},
                   {"runs", Json::array({std::move(run)})}});
}

std::size_t remove_known(Report& report, std::string_view earlier, std::string_view subject) {
    const Json json = parse_json(earlier, subject);
    const Json& list = at(json, {"findings"});
    if (!list.is_array()) throw Error(Errc::not_a_policy, subject, "is no report of `weightseal audit --json`");
    std::set<std::tuple<std::string, std::string, std::string, std::string>> known;
    for (const Json& finding : list)
        known.emplace(text_at(finding, {"rule"}), text_at(finding, {"document"}), text_at(finding, {"statement"}),
                      text_at(finding, {"request"}));
    return std::erase_if(report.findings, [&](const Finding& finding) {
        return known.contains({finding.rule, finding.document, finding.statement, finding.request});
    });
}

} // namespace weightseal::storage

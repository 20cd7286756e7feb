// weightseal audit: proves from documents that a bucket is shut, or shows the request that gets in.

#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "storage/json.hpp"              // max_text_size
#include "weightseal/io/byte_source.hpp" // file_source
#include "weightseal/storage/report.hpp" // report_json

#include <algorithm>
#include <fmt/format.h>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>

namespace weightseal::cli {

namespace {

using storage::Finding;
using storage::Report;
using storage::Severity;

struct Options {
    std::vector<std::string> documents;
    storage::AuditOptions how;
    std::string fail_on = "high";
    std::optional<std::string> baseline, earlier, explain;
    bool sarif = false;
};

const std::map<std::string, Severity> severities{
    {"low", Severity::low}, {"medium", Severity::medium}, {"high", Severity::high}, {"critical", Severity::critical}};

std::string read_document(const std::string& name) {
    std::string text;
    if (name == "-") {
        text.resize(storage::max_text_size + 1);
        std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
        text.resize(static_cast<std::size_t>(std::cin.gcount()));
        return text;
    }
    const auto source = file_source(name);
    text.resize(std::min<std::uint64_t>(source->size(), storage::max_text_size + 1)); // the library refuses more
    source->read_at(0, std::as_writable_bytes(std::span(text)));
    return text;
}

std::string subject_of(const std::string& name) {
    return name == "-" ? "standard input" : name;
}

// Lines of at most 100 characters under an indentation.
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

std::string describe(const Finding& finding) {
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

std::string text_of(const Report& report, const std::string& name) {
    std::string text = fmt::format("{}: {}\n", printable(subject_of(name)), printable(report.subject));
    if (const auto [closed, undecided, open] = report.cells; closed + undecided + open != 0)
        text += fmt::format("{} requests examined: {} closed, {} open, {} undecided\n",
                            grouped(closed + undecided + open), grouped(closed), grouped(open), grouped(undecided));
    for (const Finding& finding : report.findings)
        text += describe(finding);
    std::vector<std::string> accepted;
    for (const Finding& finding : report.accepted)
        accepted.push_back(fmt::format("{}: {}", finding.rule, finding.request));
    text += list("as the intent says", accepted);
    text += list("not checked", report.not_checked);
    text += list("not considered", report.not_considered);
    text += list("assumed", report.assumptions);
    text +=
        report.findings.empty() ? "\nno finding\n" : fmt::format("\n{}\n", counted(report.findings.size(), "finding"));
    return text;
}

int explain(const std::string& id) {
    for (const storage::Rule& rule : storage::rules()) {
        if (rule.id != id) continue;
        print(fmt::format("{} ({}): {}\n\n{}\n\nRemedy: {}\n{}", rule.id, severity_name(rule.severity), rule.title,
                          wrapped(rule.explanation, 0), wrapped(rule.remedy, 8),
                          rule.references.empty() ? "" : fmt::format("See: {}\n", wrapped(rule.references, 5))));
        return status::done;
    }
    refuse_usage(fmt::format("there is no finding '{}'; there are {}", id,
                             joined(storage::rules(), [](const storage::Rule& rule) { return std::string(rule.id); })));
}

int run(const Options& options, bool json) {
    if (options.explain) return explain(*options.explain);
    if (options.documents.empty()) refuse_usage("POLICY is required");
    if ((json || options.sarif) && options.documents.size() > 1)
        refuse_usage("--json and --sarif take one document at a time");
    if (options.earlier && options.documents.size() > 1) refuse_usage("--diff takes one document at a time");
    std::optional<std::string> baseline;
    if (options.baseline) baseline = read_document(*options.baseline);
    std::optional<std::string> earlier;
    if (options.earlier) earlier = read_document(*options.earlier);
    bool has_failed = false;
    for (const std::string& name : options.documents) {
        const std::string text = read_document(name);
        Report report = earlier ? storage::audit_difference(*earlier, text, subject_of(name), options.how)
                                : storage::audit(text, subject_of(name), options.how);
        if (baseline) storage::remove_known(report, *baseline, *options.baseline);
        has_failed |= std::any_of(report.findings.begin(), report.findings.end(), [&](const Finding& finding) {
            return options.fail_on != "none" && finding.severity >= severities.at(options.fail_on);
        });
        if (options.sarif)
            print(storage::report_sarif(report, name == "-" ? "stdin" : name) + '\n');
        else if (json)
            print(storage::report_json(report) + '\n');
        else
            print((&name == &options.documents.front() ? "" : "\n") + text_of(report, name));
    }
    return has_failed ? status::negative : status::done;
}

} // namespace

Command add_audit(CLI::App& program, bool& json) {
    CLI::App* const command =
        program.add_subcommand("audit", "Prove that policies keep everyone else out, or show the request that gets in");
    const auto options = std::make_shared<Options>();
    command
        ->add_option("POLICY", options->documents,
                     "A bundle of `weightseal policy`, a bucket or key policy, or the output of `terraform show -json`;"
                     " - is standard input")
        ->type_name("");
    command->add_option("--account", options->how.account, "The owner of the bucket, where the document does not tell")
        ->type_name("ID");
    command
        ->add_option("--fail-on", options->fail_on,
                     "The least severity that ends with status 1: low, medium, high (the default), critical, none")
        ->type_name("S")
        ->check(CLI::IsMember({"low", "medium", "high", "critical", "none"}));
    command->add_option("--baseline", options->baseline, "Leave out what an earlier report, written with --json, holds")
        ->type_name("FILE.json");
    command->add_option("--diff", options->earlier, "Only what POLICY lets in that this earlier document did not")
        ->type_name("OLD");
    command->add_option("--explain", options->explain, "Explain a kind of finding, and audit nothing")->type_name("ID");
    CLI::Option* const sarif = command->add_flag("--sarif", options->sarif, "Print SARIF 2.1.0");
    add_json(*command, json)->excludes(sarif);
    return {command, [options, &json] { return run(*options, json); }};
}

} // namespace weightseal::cli

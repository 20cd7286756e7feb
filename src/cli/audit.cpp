// weightseal audit: proves from documents that a bucket is shut, or shows the request that gets in.

#include "cli/audit_stack.hpp"
#include "cli/audit_text.hpp"
#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/work.hpp"
#include "storage/json.hpp"              // max_text_size
#include "weightseal/io/byte_source.hpp" // file_source
#include "weightseal/storage/live.hpp"   // read_bucket
#include "weightseal/storage/report.hpp" // report_json

#include <algorithm>
#include <fmt/format.h>
#include <iostream>
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
    std::optional<std::string> intent, baseline, earlier, explain;
    bool sarif = false, probe = false;
    std::vector<std::string> strangers;
    StackOptions stack;
};

const std::map<std::string, Severity> severities{
    {"low", Severity::low}, {"medium", Severity::medium}, {"high", Severity::high}, {"critical", Severity::critical}};

/// "s3://BUCKET/PREFIX", with the slash at the end of a prefix.
struct Location {
    std::string bucket, prefix;
};

std::optional<Location> location_of(std::string_view name) {
    constexpr std::string_view scheme = "s3://";
    if (!name.starts_with(scheme)) return std::nullopt;
    name.remove_prefix(scheme.size());
    const std::size_t slash = std::min(name.find('/'), name.size());
    Location location{std::string(name.substr(0, slash)), std::string(name.substr(std::min(slash + 1, name.size())))};
    if (!location.prefix.empty() && !location.prefix.ends_with('/')) location.prefix += '/';
    return location;
}

std::string read_text(const std::string& name) {
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

S3Options s3_options(const Options& options) {
    return {.expected_owner = options.how.account};
}

std::string read_document(const std::string& name, const Options& options) {
    const auto location = location_of(name);
    if (!location) return read_text(name);
    const std::string intent = options.intent ? read_text(*options.intent) : std::string();
    return storage::read_bucket(
        location->bucket, {.s3 = s3_options(options), .intent = intent, .intent_subject = options.intent.value_or("")});
}

std::string subject_of(const std::string& name) {
    return name == "-" ? "standard input" : name;
}

Report audit_one(const std::string& name, const Options& options, const std::optional<std::string>& earlier) {
    const std::string text = read_document(name, options);
    Report report = earlier ? storage::audit_difference(*earlier, text, subject_of(name), options.how)
                            : storage::audit(text, subject_of(name), options.how);
    if (const auto location = location_of(name); location && options.probe) {
        Work work("probing");
        storage::probe_bucket(report, location->bucket,
                              {.s3 = s3_options(options),
                               .prefix = location->prefix,
                               .strangers = options.strangers,
                               .hooks = work.hooks()});
    }
    return report;
}

void check_usage(const Options& options, bool json) {
    if (options.documents.empty()) refuse_usage("POLICY is required");
    if (options.documents.size() > 1) {
        if (json || options.sarif) refuse_usage("--json and --sarif take one document at a time");
        if (options.earlier) refuse_usage("--diff takes one document at a time");
        if (options.stack.container) refuse_usage("--stack takes one document at a time");
    }
    const bool is_live =
        std::ranges::all_of(options.documents, [](const auto& name) { return location_of(name).has_value(); });
    if (options.probe && !is_live) refuse_usage("--probe is for a bucket: s3://BUCKET");
    if (options.intent && !is_live) refuse_usage("--intent is for a bucket: documents carry their own");
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

std::vector<std::string> failures_of(const Report& report, const Options& options) {
    std::vector<std::string> rules;
    for (const Finding& finding : report.findings)
        if (options.fail_on != "none" && finding.severity >= severities.at(options.fail_on))
            if (std::ranges::find(rules, finding.rule) == rules.end()) rules.push_back(finding.rule);
    return rules;
}

int answer_stack(const std::vector<StackCheck>& checks, const Report& report, bool json) {
    Json answer = Json::parse(storage::report_json(report));
    std::string text;
    bool has_passed = true;
    for (const StackCheck& check : checks) {
        has_passed &= check.has_passed;
        answer["stack"].push_back({{"check", check.name}, {"passed", check.has_passed}, {"detail", check.detail}});
        text += fmt::format("{}  {:<10} {}\n", check.has_passed ? "PASS" : "FAIL", check.name, printable(check.detail));
    }
    if (json)
        print_json(answer);
    else
        print(text);
    return has_passed ? status::done : status::negative;
}

int run(const Options& options, bool json) {
    if (options.explain) return explain(*options.explain);
    check_usage(options, json);
    std::optional<std::string> baseline;
    if (options.baseline) baseline = read_text(*options.baseline);
    std::optional<std::string> earlier;
    if (options.earlier) earlier = read_text(*options.earlier);
    std::optional<Stack> stack; // first: what is missing costs no work
    if (options.stack.container) stack = load_stack(options.stack);
    bool has_failed = false;
    for (const std::string& name : options.documents) {
        Report report = audit_one(name, options, earlier);
        if (baseline) storage::remove_known(report, *baseline, *options.baseline);
        const std::vector<std::string> failures = failures_of(report, options);
        if (stack) return answer_stack(check_stack(*stack, report, failures), report, json);
        has_failed |= !failures.empty();
        if (options.sarif)
            print(storage::report_sarif(report, name == "-" ? "stdin" : name) + '\n');
        else if (json)
            print(storage::report_json(report) + '\n');
        else
            print((&name == &options.documents.front() ? "" : "\n") + report_text(report, subject_of(name)));
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
                     " - is standard input; s3://BUCKET is the bucket itself")
        ->type_name("");
    command->add_option("--account", options->how.account, "The owner of the bucket, where the document does not tell")
        ->type_name("ID");
    command->add_option("--intent", options->intent, "Hold a bucket against this bundle or intent")
        ->type_name("FILE.json");
    CLI::Option* const probe = command->add_flag(
        "--probe", options->probe,
        "Write a canary to s3://BUCKET/PREFIX, and try it without credentials, over plain HTTP and by a presigned URL");
    command->add_option("--as", options->strangers, "Also try it as this profile of the shared files; may be repeated")
        ->type_name("PROFILE")
        ->needs(probe);
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
    CLI::Option* const stack =
        command
            ->add_option("--stack", options->stack.container,
                         "Print one table: this model is sealed, the bucket shut, the mark of --key and --record there")
            ->type_name("CONTAINER");
    CLI::Option* const container_key =
        command->add_option("--container-key", options->stack.container_key, "Where the key is that opens CONTAINER")
            ->type_name("SRC")
            ->needs(stack);
    CLI::Option* const key =
        command->add_option("--key", options->stack.key, "Where the watermark key is")->type_name("SRC")->needs(stack);
    CLI::Option* const record = command->add_option("--record", options->stack.record, "The record of the marking")
                                    ->type_name("FILE.json")
                                    ->needs(stack);
    stack->needs(container_key)->needs(key)->needs(record);
    CLI::Option* const sarif = command->add_flag("--sarif", options->sarif, "Print SARIF 2.1.0")->excludes(stack);
    add_threads(*command, options->stack.threads);
    add_json(*command, json)->excludes(sarif);
    return {command, [options, &json] { return run(*options, json); }};
}

} // namespace weightseal::cli

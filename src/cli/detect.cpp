// weightseal detect: looks for a mark in a suspect's weights.

#include "weightseal/watermark/detect.hpp" // detect
#include "cli/command_line.hpp"
#include "cli/detection_text.hpp"
#include "cli/exit_status.hpp"
#include "cli/location.hpp"
#include "cli/output.hpp"
#include "cli/sealed_source.hpp"
#include "cli/work.hpp"
#include "core/date_time.hpp"              // parse_date
#include "platform/file.hpp"               // OutputFile
#include "weightseal/keys/key_source.hpp"  // key_from_source
#include "weightseal/watermark/report.hpp" // detection_report

#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <optional>

namespace weightseal::cli {

namespace {

struct Options {
    std::string suspect, key, record;
    std::optional<std::string> original, family, container_key, signer, authorities, suspect_seen, report;
    double max_p = 1e-9;
    unsigned threads = 0;
    bool force = false;
};

const std::map<std::string, ModelFamily> families = [] {
    std::map<std::string, ModelFamily> names;
    for (const auto family :
         {ModelFamily::automatic, ModelFamily::none, ModelFamily::rmsnorm, ModelFamily::post_layernorm})
        names.emplace(model_family_name(family), family);
    return names;
}();

/// The first second of a day "YYYY-MM-DD", UTC.
std::int64_t parse_day(const std::string& text) {
    if (const auto date = parse_date(text)) return std::chrono::sys_seconds(*date).time_since_epoch().count();
    refuse_usage("--suspect-seen: '" + text + "' is no day of the form YYYY-MM-DD");
}

/// A word as a shell reads it.
std::string quoted(const std::string& word) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
    std::string text = "'";
    for (const char c : word)
        text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

/// A source for whoever has the key in a file: what a command line says may be secret, and descriptors are gone.
std::string shown_source(const std::string& source, const char* file) {
    return source.starts_with("file:") || source.starts_with("env:") ? source : std::string("file:") + file;
}

/// What reproduces the detection.
std::string command_of(const Options& options) {
    std::string text = "weightseal detect " + quoted(shown_location(options.suspect));
    const auto add = [&](const char* name, const std::optional<std::string>& value) {
        if (value) text += fmt::format(" {} {}", name, quoted(*value));
    };
    add("--key", shown_source(options.key, "KEY"));
    add("--record", options.record);
    if (options.original) add("--original", shown_location(*options.original));
    add("--family", options.family);
    if (options.container_key) add("--container-key", shown_source(*options.container_key, "CONTAINER-KEY"));
    add("--signer", options.signer);
    add("--authorities", options.authorities);
    add("--suspect-seen", options.suspect_seen);
    if (options.max_p != Options().max_p) add("--max-p", fmt::format("{}", options.max_p));
    return text;
}

/// The record, with what was demanded of its evidence.
WatermarkRecord load_evidence(const Options& options, ReportContext& context) {
    WatermarkRecord record = load_record(options.record);
    if (options.signer) require_signature(record, parse_public_key(*options.signer));
    if (options.authorities) context.timestamp = verify_timestamp(record, *options.authorities);
    return record;
}

int run(const Options& options, bool json) {
    ReportContext context{.suspect = shown_location(options.suspect), .command = command_of(options)};
    if (!(options.max_p >= 0x1p-128 && options.max_p < 1)) refuse_usage("--max-p: is from 3e-39 to below 1");
    if (options.suspect_seen) context.suspect_seen = parse_day(*options.suspect_seen);
    std::optional<platform::OutputFile> page; // opened first: one that cannot be written costs no work
    if (options.report) page.emplace(*options.report, options.force);
    const WatermarkRecord record = load_evidence(options, context);
    const Key key = key_from_source(options.key);
    std::optional<Key> container_key;
    if (options.container_key) container_key = key_from_source(*options.container_key);
    Detection detection;
    {
        Work work("detecting");
        DetectOptions how;
        how.hooks = work.hooks();
        how.parallel.threads = options.threads;
        how.max_log10_p = std::log10(options.max_p);
        how.identify_suspect = options.report.has_value();
        if (options.family) how.family = families.at(*options.family);
        const auto suspect = open_plain_or_sealed(options.suspect, container_key, how.hooks);
        std::unique_ptr<ModelSource> original;
        if (options.original) original = open_plain_or_sealed(*options.original, container_key, how.hooks);
        how.original = original.get();
        detection = detect(*suspect, key, record, how);
    }
    if (page) {
        page->write_at(0, as_bytes(detection_report(detection, record, context)));
        page->commit();
    }
    if (json)
        print(detection_json(detection, record, context) + '\n');
    else
        print(describe_detection(detection, record, context));
    return detection.verdict == Verdict::detected ? status::done : status::negative;
}

} // namespace

Command add_detect(CLI::App& program, bool& json) {
    CLI::App* const command = program.add_subcommand("detect", "Look for a mark in a suspect's weights");
    const auto options = std::make_shared<Options>();
    command
        ->add_option("SUSPECT", options->suspect,
                     "A .safetensors file or a model folder; sealed: also s3://BUCKET/KEY or https://HOST/PATH")
        ->required()
        ->type_name("");
    add_required_key(*command, options->key);
    command->add_option("--record", options->record, "The record of the marking")->required()->type_name("FILE.json");
    CLI::Option* const original =
        command->add_option("--original", options->original, "The unmarked original: detects more, after more changes")
            ->type_name("MODEL");
    command
        ->add_option("--family", options->family,
                     "Symmetries to undo: automatic (the default), none, rmsnorm or post-layernorm")
        ->type_name("FAMILY")
        ->check(CLI::IsMember(families).description(""))
        ->needs(original);
    command
        ->add_option("--container-key", options->container_key,
                     "Where the key is that opens SUSPECT and the original where they are sealed")
        ->type_name("SRC");
    command->add_option("--signer", options->signer, "Demand that this public key signed the record")->type_name("PUB");
    CLI::Option* const authorities =
        command
            ->add_option("--authorities", options->authorities,
                         "Demand a time-stamp of the record that one of these certificates vouches for")
            ->type_name("CA.pem");
    command
        ->add_option("--suspect-seen", options->suspect_seen,
                     "When the suspect was first seen: an older time-stamp rules out keys searched to fit it")
        ->type_name("YYYY-MM-DD")
        ->needs(authorities);
    command->add_option("--max-p", options->max_p, "Largest p that counts as detected; by default 1e-9")
        ->type_name("P");
    CLI::Option* const report =
        command->add_option("--report", options->report, "Also write a page for people")->type_name("FILE.html");
    add_threads(*command, options->threads);
    add_force(*command, options->force)->needs(report);
    add_json(*command, json);
    return {command, [options, &json] { return run(*options, json); }};
}

} // namespace weightseal::cli

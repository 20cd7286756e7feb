// weightseal mark: hides a mark in a model's weights.

#include "weightseal/watermark/mark.hpp" // mark
#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/work.hpp"
#include "weightseal/keys/key_source.hpp"  // key_from_source
#include "weightseal/watermark/detect.hpp" // DetectOptions

#include <charconv>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <vector>

namespace weightseal::cli {

namespace {

struct Options {
    std::string model, output, key, owner, model_id, record;
    std::string strength = "auto";
    std::vector<std::string> tensors;
    std::optional<std::string> signing_key;
    unsigned threads = 0;
    bool force = false;
};

/// "auto", a fraction or a percentage.
std::optional<double> parse_strength(std::string_view text) {
    if (text == "auto") return std::nullopt;
    const bool is_percent = text.ends_with('%');
    const char* const end = text.data() + text.size() - (is_percent ? 1 : 0);
    double value = 0;
    if (const auto [stop, error] = std::from_chars(text.data(), end, value); error != std::errc() || stop != end)
        refuse_usage("--strength: '" + std::string(text) + "' is neither 'auto' nor a fraction nor a percentage");
    return is_percent ? value / 100 : value;
}

void print_summary(const Options& options, const MarkReport& report, double seconds) {
    const auto& [z, log10_p, log10_p_2_64_keys] = report.found;
    const auto line = [](std::string_view name, const std::string& value) {
        return fmt::format("  {:<18}{}\n", name, value);
    };
    std::string text = fmt::format("{}: marked {} of {} in {}\n", printable(options.output),
                                   counted(report.record.marked_elements(), "weight"),
                                   counted(report.marked_tensors, "tensor"), human_time(seconds));
    if (report.tied_tensors != 0)
        text += line("tied", counted(report.tied_tensors, "tensor") + " with the data of another");
    text += line("left as they are", fmt::format("{}; {} zero, {} not finite", counted(report.copied_tensors, "tensor"),
                                                 counted(report.zeros, "weight"), grouped(report.nonfinite)));
    text += line("strength", percent(report.record.strength));
    text += line("relative change", percent(report.relative_change));
    text += line("expected", "z " + deviations(report.expected_z));
    text += line("found", fmt::format("z {}, p {}, p for 2^64 keys {}", deviations(z), probability(log10_p),
                                      probability(log10_p_2_64_keys)));
    text += line("record", printable(options.record) + (report.record.signer ? ", signed" : ""));
    print(text);
}

void print_answer(const Options& options, const MarkReport& report, double seconds) {
    Json answer = json_answer();
    answer["output"] = options.output;
    answer["record"] = options.record;
    answer["owner"] = report.record.owner;
    answer["model_id"] = report.record.model_id;
    answer["signed"] = report.record.signer.has_value();
    answer["strength"] = report.record.strength;
    answer["marked_tensors"] = report.marked_tensors;
    answer["tied_tensors"] = report.tied_tensors;
    answer["copied_tensors"] = report.copied_tensors;
    answer["marked_elements"] = report.record.marked_elements();
    answer["zeros"] = report.zeros;
    answer["nonfinite"] = report.nonfinite;
    answer["relative_change"] = report.relative_change;
    answer["expected_z"] = report.expected_z;
    answer["z"] = report.found.z;
    answer["log10_p"] = report.found.log10_p;
    answer["log10_p_2_64_keys"] = report.found.log10_p_2_64_keys;
    answer["seconds"] = seconds;
    print_json(answer);
}

int run(const Options& options, bool json) {
    MarkOptions how;
    how.owner = options.owner;
    how.model_id = options.model_id;
    how.strength = parse_strength(options.strength);
    how.tensors = options.tensors;
    how.overwrite = options.force;
    how.parallel.threads = options.threads;
    const Key key = key_from_source(options.key);
    if (options.signing_key) how.signing_key = key_from_source(*options.signing_key);
    MarkReport report;
    double seconds = 0;
    {
        Work work("marking");
        how.hooks = work.hooks();
        report = mark(options.model, options.output, options.record, key, std::move(how));
        seconds = work.seconds();
    }
    if (report.found.log10_p > DetectOptions().max_log10_p)
        complain("warning: this mark is too weak to be detected: on the output p is " +
                 probability(report.found.log10_p) +
                 "; few weights, or weights of few values, need a higher --strength");
    (json ? print_answer : print_summary)(options, report, seconds);
    return status::done;
}

} // namespace

Command add_mark(CLI::App& program, bool& json) {
    CLI::App* const command = program.add_subcommand("mark", "Hide a mark of the owner's key in a model's weights");
    const auto options = std::make_shared<Options>();
    command->add_option("MODEL", options->model, "A .safetensors file or a model folder")->required()->type_name("");
    command->add_option("-o,--output", options->output, "The marked model to write, a file or folder as the model is")
        ->required()
        ->type_name("OUT");
    add_required_key(*command, options->key);
    command->add_option("--owner", options->owner, "Who claims the model")->required()->type_name("ID");
    command->add_option("--record", options->record, "The record to write: without it there is no detection. Keep it")
        ->required()
        ->type_name("FILE.json");
    command->add_option("--model-id", options->model_id, "Which model it is; by default its name without extension")
        ->type_name("ID");
    command
        ->add_option("--strength", options->strength,
                     "Change of each weight relative to its row's deviation: 0.0001 to 0.02, or a percentage;"
                     " auto (the default) is what the size of the model needs")
        ->type_name("S");
    command
        ->add_option("--tensors", options->tensors, "Mark the tensors of these names, in which * and ? are wildcards")
        ->type_name("GLOB")
        ->allow_extra_args(false);
    command->add_option("--sign", options->signing_key, "Where the signing key is: signs the record")->type_name("SRC");
    add_threads(*command, options->threads);
    add_force(*command, options->force);
    add_json(*command, json);
    return {command, [options, &json] { return run(*options, json); }};
}

} // namespace weightseal::cli

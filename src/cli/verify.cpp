// weightseal verify: authenticates every byte of a container.

#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/location.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/work.hpp"
#include "weightseal/container/sealed_model.hpp" // SealedModel
#include "weightseal/core/error.hpp"             // Error
#include "weightseal/io/remote_source.hpp"       // open_source
#include "weightseal/keys/key_source.hpp"        // key_from_source

#include <fmt/format.h>
#include <memory>
#include <optional>

namespace weightseal::cli {

namespace {

struct Options {
    std::string container;
    std::optional<std::string> key;
    unsigned threads = 0;
};

/// What was authenticated.
struct Checked {
    std::uint64_t tensors = 0, files = 0, bytes = 0;
    double seconds = 0;
    bool is_signed = false;
};

Checked check(const Options& options, const Key& key) {
    Work work("verifying");
    Hooks hooks = work.hooks();
    hooks.log = nullptr; // what opening only warns of, verifying refuses
    const SealedModel model = SealedModel::open(open_source(options.container), key, hooks);
    model.verify({.parallel = {.threads = options.threads, .run = {}}, .hooks = hooks, .on_tensor = {}, .buffer = {}});
    return {model.tensor_count(), model.file_count(), model.facts().file_size, work.seconds(), model.facts().is_signed};
}

int run(const Options& options, bool json) {
    if (!options.key)
        refuse_usage("--key is required: without a key only a signature can be checked, which this version "
                     "does not do");
    const Key key = key_from_source(*options.key);
    Json answer = json_answer();
    Checked checked;
    try {
        checked = check(options, key);
    } catch (const Error& error) {
        if (!is_container_damage(error.errc())) throw;
        answer["verified"] = false;
        report(error, json, std::move(answer));
        return status::negative;
    }
    if (!json) {
        print(fmt::format("{}: verified\n"
                          "  prelude, both slot blocks and index\n"
                          "  every chunk of {} and {}, and the gaps between them\n"
                          "  {} in {} ({})\n",
                          printable(shown_location(options.container)), counted(checked.tensors, "tensor"),
                          counted(checked.files, "file"), human_size(checked.bytes), human_time(checked.seconds),
                          human_rate(checked.bytes, checked.seconds)));
        if (checked.is_signed) print("  it is signed, and this version does not check signatures\n");
        return status::done;
    }
    answer["verified"] = true;
    answer["tensors"] = checked.tensors;
    answer["files"] = checked.files;
    answer["bytes"] = checked.bytes;
    answer["seconds"] = checked.seconds;
    if (checked.is_signed) answer["signature_checked"] = false;
    print_json(answer);
    return status::done;
}

} // namespace

Command add_verify(CLI::App& program, bool& json) {
    CLI::App* const command = program.add_subcommand("verify", "Authenticate every byte of a container");
    const auto options = std::make_shared<Options>();
    command->add_option("CONTAINER", options->container, "A sealed model: a path, s3://BUCKET/KEY or https://HOST/PATH")
        ->required()
        ->type_name("");
    add_key(*command, options->key);
    add_threads(*command, options->threads);
    add_json(*command, json);
    return {command, [options, &json] { return run(*options, json); }};
}

} // namespace weightseal::cli

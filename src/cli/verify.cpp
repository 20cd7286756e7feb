// weightseal verify: authenticates every byte of a container.

#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/location.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/verify_container.hpp"
#include "weightseal/core/error.hpp"      // Error
#include "weightseal/keys/key_source.hpp" // key_from_source

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

int run(const Options& options, bool json) {
    if (!options.key)
        refuse_usage("--key is required: without a key only a signature can be checked, which this version "
                     "does not do");
    const Key key = key_from_source(*options.key);
    Json answer = json_answer();
    VerifiedContainer checked;
    try {
        checked = verify_container(options.container, key, options.threads);
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

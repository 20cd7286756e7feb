// weightseal unseal: writes the plaintext model back to disk. The one command that does, and it says so.

#include "weightseal/container/unseal.hpp" // unseal
#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/work.hpp"
#include "weightseal/io/remote_source.hpp" // open_source
#include "weightseal/keys/key_source.hpp"  // key_from_source

#include <fmt/format.h>
#include <memory>

namespace weightseal::cli {

namespace {

struct Options {
    std::string container, output, key;
    unsigned threads = 0;
    bool force = false;
};

int run(const Options& options, bool json) {
    const Key key = key_from_source(options.key);
    std::size_t tensors = 0, files = 0;
    double seconds = 0;
    {
        Work work("unsealing");
        const Hooks hooks = work.hooks();
        const SealedModel model = SealedModel::open(open_source(options.container), key, hooks);
        tensors = model.tensor_count();
        files = model.file_count();
        complain("warning: writing plaintext weights to " + options.output);
        unseal(model, options.output,
               {.overwrite = options.force, .parallel = {.threads = options.threads, .run = {}}, .hooks = hooks});
        seconds = work.seconds();
    }
    if (!json) {
        print(fmt::format("{}: wrote {} and {} in {}\n", printable(options.output), counted(tensors, "tensor"),
                          counted(files, "file"), human_time(seconds)));
        return status::done;
    }
    Json answer = json_answer();
    answer["output"] = options.output;
    answer["tensors"] = tensors;
    answer["files"] = files;
    answer["seconds"] = seconds;
    print_json(answer);
    return status::done;
}

} // namespace

Command add_unseal(CLI::App& program, bool& json) {
    CLI::App* const command = program.add_subcommand("unseal", "Write the PLAINTEXT model back to disk");
    const auto options = std::make_shared<Options>();
    command->add_option("CONTAINER", options->container, "A sealed model: a path, s3://BUCKET/KEY or https://HOST/PATH")
        ->required()
        ->type_name("");
    command->add_option("-o,--output", options->output, "The folder or file to write, as the model was before sealing")
        ->required()
        ->type_name("DIR|FILE");
    add_required_key(*command, options->key);
    add_threads(*command, options->threads);
    add_force(*command, options->force);
    add_json(*command, json);
    return {command, [options, &json] { return run(*options, json); }};
}

} // namespace weightseal::cli

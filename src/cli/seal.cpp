// weightseal seal: seals a model into a container.

#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/work.hpp"
#include "weightseal/container/sealer.hpp"     // seal
#include "weightseal/formats/model_source.hpp" // open_model
#include "weightseal/keys/key_source.hpp"      // key_from_source

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <vector>

namespace weightseal::cli {

namespace {

struct Options {
    std::string model, output, key;
    std::string suite = "aes-256-gcm", chunk = "256K";
    unsigned threads = 0;
    bool force = false;
};

const std::map<std::string, Suite> suites{{"aes-256-gcm", Suite::aes_256_gcm},
                                          {"chacha20-poly1305", Suite::chacha20_poly1305}};
/// Each twice the one before.
const std::vector<std::string> chunk_sizes{"64K", "128K", "256K", "512K", "1M", "2M", "4M"};

unsigned chunk_log2(const std::string& size) {
    const auto at = std::find(chunk_sizes.begin(), chunk_sizes.end(), size);
    return layout::min_chunk_log2 + static_cast<unsigned>(at - chunk_sizes.begin());
}

/// What a model consists of, for the summary.
struct Contents {
    std::uint64_t tensors = 0, files = 0, bytes = 0;
};

Contents contents_of(const ModelSource& model) {
    Contents contents;
    for (const SourceEntry& entry : model.entries()) {
        const bool is_alias = entry.kind == SourceEntry::Kind::alias;
        ++(is_alias || entry.kind == SourceEntry::Kind::tensor ? contents.tensors : contents.files);
        if (!is_alias) contents.bytes += entry.bytes;
    }
    return contents;
}

int run(const Options& options, bool json) {
    const Key key = key_from_source(options.key);
    SealOptions how{.suite = suites.at(options.suite),
                    .chunk_log2 = chunk_log2(options.chunk),
                    .overwrite = options.force,
                    .parallel = {.threads = options.threads, .run = {}},
                    .hooks = {}};
    Contents contents;
    double seconds = 0;
    {
        Work work("sealing");
        how.hooks = work.hooks();
        const std::unique_ptr<ModelSource> model = open_model(options.model);
        contents = contents_of(*model);
        seal(*model, options.output, key, how);
        seconds = work.seconds();
    }
    if (!json) {
        print(fmt::format("{}: sealed {} and {}, {}, in {} ({})\n", printable(options.output),
                          counted(contents.tensors, "tensor"), counted(contents.files, "file"),
                          human_size(contents.bytes), human_time(seconds), human_rate(contents.bytes, seconds)));
        return status::done;
    }
    Json answer = json_answer();
    answer["container"] = options.output;
    answer["suite"] = suite_name(how.suite);
    answer["chunk_size"] = std::uint64_t{1} << how.chunk_log2;
    answer["tensors"] = contents.tensors;
    answer["files"] = contents.files;
    answer["plaintext_bytes"] = contents.bytes;
    answer["file_size"] = std::filesystem::file_size(options.output);
    answer["seconds"] = seconds;
    print_json(answer);
    return status::done;
}

} // namespace

Command add_seal(CLI::App& program, bool& json) {
    CLI::App* const command = program.add_subcommand("seal", "Seal a model into a container");
    const auto options = std::make_shared<Options>();
    command->add_option("MODEL", options->model, "A .safetensors file or a model folder")->required()->type_name("");
    command->add_option("-o,--output", options->output, "The container to write")->required()->type_name("OUT.wseal");
    add_required_key(*command, options->key);
    command->add_option("--suite", options->suite, "aes-256-gcm (the default) or chacha20-poly1305")
        ->type_name("SUITE")
        ->check(CLI::IsMember(suites).description(""));
    command
        ->add_option("--chunk", options->chunk,
                     "64K, 128K, 256K (the default), 512K, 1M, 2M or 4M: the unit of reading")
        ->type_name("SIZE")
        ->check(CLI::IsMember(chunk_sizes).description(""));
    add_threads(*command, options->threads);
    add_force(*command, options->force);
    add_json(*command, json);
    return {command, [options, &json] { return run(*options, json); }};
}

} // namespace weightseal::cli

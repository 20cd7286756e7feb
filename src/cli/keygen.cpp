// weightseal keygen: makes a key.

#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "platform/process.hpp"               // write_new_file
#include "weightseal/core/aligned_buffer.hpp" // AlignedBuffer
#include "weightseal/keys/key.hpp"            // Key

#include <algorithm>
#include <memory>

namespace weightseal::cli {

namespace {

struct Options {
    std::string kind = "seal";
    std::string output;
    bool force = false;
};

constexpr std::string_view comment =
    "# weightseal key: opens what is sealed with it. Keep it secret, and keep a copy.\n";

int run(const Options& options) {
    if (options.kind != key_kind_name(KeyKind::seal))
        refuse_usage("--kind: there are keys of kind 'seal' only, not '" + options.kind + "'");

    const Key key = Key::generate(KeyKind::seal);
    const std::size_t key_size = key_text_size(key.kind);
    AlignedBuffer text(comment.size() + key_size + 1, {.huge_pages = false, .wipe = true});
    auto* const begin = reinterpret_cast<char*>(text.data());
    std::copy(comment.begin(), comment.end(), begin);
    format_key(key, {begin + comment.size(), key_size});
    begin[text.size() - 1] = '\n';

    if (options.output.empty())
        print(as_text(std::as_const(text).bytes()));
    else
        platform::write_new_file(options.output, std::as_const(text).bytes(), options.force);
    return status::done;
}

} // namespace

Command add_keygen(CLI::App& program) {
    CLI::App* const command = program.add_subcommand("keygen", "Make a key");
    const auto options = std::make_shared<Options>();
    command->add_option("--kind", options->kind, "What the key is for: seal (the default)")->type_name("KIND");
    CLI::Option* const output =
        command->add_option("-o,--output", options->output, "A new file only its owner can read; else standard output")
            ->type_name("FILE");
    add_force(*command, options->force)->needs(output);
    return {command, [options] { return run(*options); }};
}

} // namespace weightseal::cli

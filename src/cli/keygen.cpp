// weightseal keygen: makes a key.

#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "platform/process.hpp"               // write_new_file
#include "weightseal/core/aligned_buffer.hpp" // AlignedBuffer
#include "weightseal/keys/signing.hpp"        // public_key

#include <algorithm>
#include <array>
#include <memory>

namespace weightseal::cli {

namespace {

struct Options {
    std::string kind;
    std::string output;
    bool force = false;
};

/// Kinds that this version can use.
constexpr std::array kinds{KeyKind::seal, KeyKind::watermark, KeyKind::signing};

KeyKind kind_of(const std::string& name) {
    const auto* const found = std::ranges::find(kinds, name, key_kind_name);
    if (found == kinds.end())
        refuse_usage("--kind: there are keys of kind 'seal', 'watermark' and 'signing' only, not '" + name + "'");
    return *found;
}

/// What the key is for, in lines that whoever reads a key skips.
std::string comment(const Key& key) {
    switch (key.kind) {
    case KeyKind::watermark:
        return "# weightseal watermark key: makes marks and proves them. Keep it secret, and keep a copy.\n";
    case KeyKind::signing:
        return "# weightseal signing key: signs in your name. Keep it secret, and keep a copy.\n"
               "# Its public half, for everybody: " +
               format_public_key(public_key(key)) + '\n';
    default: return "# weightseal key: opens what is sealed with it. Keep it secret, and keep a copy.\n";
    }
}

int run(const Options& options) {
    const Key key = Key::generate(kind_of(options.kind));
    const std::string head = comment(key);
    const std::size_t key_size = key_text_size(key.kind);
    AlignedBuffer text(head.size() + key_size + 1, {.huge_pages = false, .wipe = true});
    auto* const begin = reinterpret_cast<char*>(text.data());
    std::copy(head.begin(), head.end(), begin);
    format_key(key, {begin + head.size(), key_size});
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
    options->kind = key_kind_name(KeyKind::seal);
    command
        ->add_option("--kind", options->kind,
                     "What the key is for: seal (the default), watermark, or signing the records of marks")
        ->type_name("KIND");
    CLI::Option* const output =
        command->add_option("-o,--output", options->output, "A new file only its owner can read; else standard output")
            ->type_name("FILE");
    add_force(*command, options->force)->needs(output);
    return {command, [options] { return run(*options); }};
}

} // namespace weightseal::cli

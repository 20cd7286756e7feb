// weightseal inspect: what a container is and, with a key, what it holds.

#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/work.hpp"
#include "weightseal/container/layout.hpp"       // layout::version
#include "weightseal/container/sealed_model.hpp" // SealedModel
#include "weightseal/io/remote_source.hpp"       // open_source
#include "weightseal/keys/key_source.hpp"        // key_from_source

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <memory>
#include <optional>

namespace weightseal::cli {

namespace {

struct Options {
    std::string container;
    std::optional<std::string> key;
};

constexpr char block_names[] = {'A', 'B'};

std::string slot_kind_name(std::uint16_t kind) {
    return kind == layout::slots::kind_key ? "key" : fmt::format("kind {}", kind);
}

std::string describe(const SlotBlockFacts& block) {
    if (!block.intact) return "DAMAGED";
    return fmt::format("generation {}, {}: {}", block.generation, counted(block.slot_kinds.size(), "slot"),
                       joined(block.slot_kinds, slot_kind_name));
}

std::string shape_text(std::span<const std::uint64_t> shape) {
    return '[' + joined(shape, [](std::uint64_t size) { return std::to_string(size); }) + ']';
}

using Text = std::back_insert_iterator<std::string>;

void describe_facts(Text to, const Facts& facts) {
    const auto line = [&](std::string_view name, std::string_view value) {
        fmt::format_to(to, "{:<14}{}\n", name, value);
    };
    line("format", std::to_string(layout::version));
    line("suite", suite_name(facts.suite));
    line("chunk size", human_size(facts.chunk_size));
    line("file size", fmt::format("{} ({} bytes)", human_size(facts.file_size), grouped(facts.file_size)));
    line("body", human_size(facts.body_size));
    line("index", human_size(facts.index_size));
    line("signed", facts.is_signed ? "yes" : "no");
    for (std::size_t i = 0; i < std::size(block_names); ++i)
        line(fmt::format("slot block {}", block_names[i]), describe(facts.slot_blocks[i]));
}

void describe_tensors(Text to, const SealedModel& model) {
    constexpr std::size_t widest_shape = 32; // a long one moves its own row only
    std::size_t shape_width = 5, dtype_width = 5;
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < model.tensor_count(); ++i) {
        const TensorInfo tensor = model.tensor(i);
        shape_width = std::max(shape_width, std::min(widest_shape, shape_text(tensor.shape).size()));
        dtype_width = std::max(dtype_width, dtype_name(tensor.dtype).size());
        if (!model.alias_of(i)) total += tensor.bytes;
    }
    fmt::format_to(to, "\n{}, {}\n", counted(model.tensor_count(), "tensor"), human_size(total));
    if (model.tensor_count() == 0) return;
    const auto row = [&](std::string_view size, std::string_view dtype, std::string_view shape, std::string_view name) {
        fmt::format_to(to, "{:>10}  {:<{}}  {:<{}}  {}", size, dtype, dtype_width, shape, shape_width, name);
    };
    row("size", "dtype", "shape", "name\n");
    for (std::size_t i = 0; i < model.tensor_count(); ++i) {
        const TensorInfo tensor = model.tensor(i);
        row(human_size(tensor.bytes), dtype_name(tensor.dtype), shape_text(tensor.shape), printable(tensor.name));
        if (const auto target = model.alias_of(i))
            fmt::format_to(to, "  (same data as {})", printable(model.tensor(*target).name));
        fmt::format_to(to, "\n");
    }
}

void describe_files(Text to, const SealedModel& model) {
    fmt::format_to(to, "\n{}\n", counted(model.file_count(), "file"));
    for (std::size_t i = 0; i < model.file_count(); ++i) {
        const FileInfo file = model.file(i);
        fmt::format_to(to, "{:>10}  {}{}\n", human_size(file.bytes), printable(file.name),
                       file.is_safetensors_head ? "  (header; its data are tensors)" : "");
    }
}

Json facts_json(const Facts& facts) {
    Json json = json_answer();
    json["format"] = layout::version;
    json["suite"] = suite_name(facts.suite);
    json["chunk_size"] = facts.chunk_size;
    json["file_size"] = facts.file_size;
    json["body_size"] = facts.body_size;
    json["index_size"] = facts.index_size;
    json["signed"] = facts.is_signed;
    json["slot_blocks"] = Json::array();
    for (const SlotBlockFacts& block : facts.slot_blocks) {
        Json kinds = Json::array();
        for (const std::uint16_t kind : block.slot_kinds)
            kinds.push_back(slot_kind_name(kind));
        json["slot_blocks"].push_back(
            {{"intact", block.intact}, {"generation", block.generation}, {"slots", std::move(kinds)}});
    }
    return json;
}

void add_contents(Json& json, const SealedModel& model) {
    if (const auto block = model.damaged_slot_block()) json["damaged_slot_block"] = std::string(1, *block);
    json["folder"] = model.is_folder();
    Json& tensors = json["tensors"] = Json::array();
    for (std::size_t i = 0; i < model.tensor_count(); ++i) {
        const TensorInfo tensor = model.tensor(i);
        Json item{{"name", tensor.name}, {"dtype", dtype_name(tensor.dtype)}};
        item["shape"] = std::vector<std::uint64_t>(tensor.shape.begin(), tensor.shape.end());
        item["bytes"] = tensor.bytes;
        if (const auto target = model.alias_of(i)) item["same_data_as"] = model.tensor(*target).name;
        tensors.push_back(std::move(item));
    }
    Json& files = json["files"] = Json::array();
    for (std::size_t i = 0; i < model.file_count(); ++i) {
        const FileInfo file = model.file(i);
        files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"safetensors_head", file.is_safetensors_head}});
    }
}

int inspect_public(const Options& options, bool json) {
    const Facts facts = inspect(*open_source(options.container));
    if (json) {
        Json answer = facts_json(facts);
        answer["authenticated"] = false;
        print_json(answer);
        return status::done;
    }
    std::string text;
    describe_facts(Text(text), facts);
    text += "authentic     unknown: only a key can tell\n";
    print(text);
    return status::done;
}

int inspect_with_key(const Options& options, bool json) {
    const Key key = key_from_source(*options.key);
    const SealedModel model = SealedModel::open(open_source(options.container), key);
    if (json) {
        Json answer = facts_json(model.facts());
        answer["authenticated"] = true;
        add_contents(answer, model);
        print_json(answer);
        return status::done;
    }
    std::string text;
    describe_facts(Text(text), model.facts());
    text += "authentic     prelude, slots and index; `weightseal verify` checks the rest\n";
    if (const auto block = model.damaged_slot_block())
        text += fmt::format("warning       slot block {} is damaged or stale; `weightseal verify` refuses this file\n",
                            *block);
    describe_tensors(Text(text), model);
    describe_files(Text(text), model);
    print(text);
    return status::done;
}

} // namespace

Command add_inspect(CLI::App& program, bool& json) {
    CLI::App* const command =
        program.add_subcommand("inspect", "Tell what a container is and, with its key, what it holds");
    const auto options = std::make_shared<Options>();
    command->add_option("CONTAINER", options->container, "A sealed model: a path, s3://BUCKET/KEY or https://HOST/PATH")
        ->required()
        ->type_name("");
    add_key(*command, options->key);
    add_json(*command, json);
    return {command, [options, &json] {
                return options->key ? inspect_with_key(*options, json) : inspect_public(*options, json);
            }};
}

} // namespace weightseal::cli

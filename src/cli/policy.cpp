// weightseal policy: writes the documents that shut a bucket for everyone but those who are named.

#include "weightseal/storage/policy.hpp" // write_policy
#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "platform/file.hpp"         // OutputFolder
#include "platform/process.hpp"      // write_new_file
#include "weightseal/core/bytes.hpp" // Bytes

#include <fmt/format.h>
#include <map>
#include <memory>
#include <optional>
#include <span>

namespace weightseal::cli {

namespace {

using storage::Intent;
using storage::PolicyFormat;

struct Options {
    Intent intent;
    std::string provider;
    std::vector<std::string> readers, publishers, break_glass, administrators;
    std::string format = "json";
    std::optional<std::string> output;
    bool force = false;
};

const std::map<std::string, storage::Provider> providers{
    {"aws", storage::Provider::aws}, {"gcs", storage::Provider::gcs}, {"azure", storage::Provider::azure}};
const std::map<std::string, PolicyFormat> formats{
    {"json", PolicyFormat::bundle}, {"terraform", PolicyFormat::terraform}, {"commands", PolicyFormat::commands}};

std::vector<storage::Member> members(const std::vector<std::string>& texts) {
    std::vector<storage::Member> list;
    for (const std::string& text : texts)
        list.push_back(storage::Member::parse(text));
    return list;
}

void write_file(const std::filesystem::path& path, std::string_view content, bool overwrite) {
    platform::write_new_file(path, std::as_bytes(std::span(content)), overwrite);
}

void write_files(const Intent& intent, const std::string& output, bool overwrite) {
    const std::vector<storage::PolicyFile> files = storage::policy_files(intent); // refused before anything is made
    platform::OutputFolder folder(output, overwrite);
    for (const storage::PolicyFile& file : files)
        write_file(folder.staging() / file.name, file.content, false);
    folder.commit();
}

int run(const Options& options) {
    Intent intent = options.intent;
    intent.provider = providers.at(options.provider);
    intent.readers = members(options.readers);
    intent.publishers = members(options.publishers);
    intent.break_glass = members(options.break_glass);
    intent.administrators = members(options.administrators);
    if (options.format == "files") {
        if (!options.output) refuse_usage("--format files needs --output");
        write_files(intent, *options.output, options.force);
        return status::done;
    }
    const std::string text = storage::write_policy(intent, formats.at(options.format));
    if (options.output)
        write_file(*options.output, text, options.force);
    else
        print(text);
    return status::done;
}

} // namespace

Command add_policy(CLI::App& program) {
    CLI::App* const command =
        program.add_subcommand("policy", "Write the documents that shut a bucket for all but those who are named");
    const auto options = std::make_shared<Options>();
    Intent& intent = options->intent;
    command->add_option("PROVIDER", options->provider, "aws, gcs or azure")
        ->required()
        ->type_name("")
        ->check(CLI::IsMember({"aws", "gcs", "azure"}));
    const auto text = [&](const char* name, std::string& value, const char* help, const char* type) {
        return command->add_option(name, value, help)->type_name(type);
    };
    const auto list = [&](const char* name, std::vector<std::string>& value, const char* help, const char* type) {
        return command->add_option(name, value, help)->type_name(type)->allow_extra_args(false);
    };
    text("--bucket", intent.bucket, "The bucket; of Azure the container", "NAME")->required();
    text("--prefix", intent.prefix, "Where in the bucket; by default all of it", "P/");
    list("--reader", options->readers,
         "Who may read, and nothing else; repeatable. AWS: ARN of a role or user, better with its unique id:"
         " ARN#AROA…. GCS: a service account. Azure: an object id",
         "WHO")
        ->required();
    list("--publisher", options->publishers, "Who may upload, and nothing else; repeatable", "WHO");
    list("--break-glass", options->break_glass, "Who may do everything, in an emergency; repeatable", "WHO");
    list("--administrator", options->administrators,
         "Who may change the configuration; repeatable. AWS: without one and without --break-glass, whoever identity"
         " policies allow",
         "WHO");
    text("--region", intent.region, "AWS: of the bucket.", "R");
    text("--partition", intent.partition, "AWS: aws, aws-cn, aws-us-gov ...; by default that of the reader", "P");
    text("--account", intent.account,
         "Whose bucket it is. AWS: by default the account of all named. GCS: the project. Azure: the resource id of the"
         " storage account, required",
         "ID");
    list("--vpc-endpoint", intent.vpc_endpoints,
         "AWS: a VPC endpoint through which reading must come. Azure: a subnet for a private endpoint. Repeatable",
         "ID");
    text("--kms-key", intent.key, "The key that encrypts objects; by default one that is yet to be made", "KEY");
    text("--format", options->format,
         "json (one bundle for `weightseal audit`, the default), files, terraform, commands", "F")
        ->check(CLI::IsMember({"json", "files", "terraform", "commands"}));
    CLI::Option* const output =
        command->add_option("-o,--output", options->output, "A file, or with --format files a folder, to write")
            ->type_name("OUT");
    add_force(*command, options->force)->needs(output);
    return {command, [options] { return run(*options); }};
}

} // namespace weightseal::cli

// weightseal version: what this program is.

#include "weightseal/core/version.hpp" // version_string

#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "weightseal/container/layout.hpp" // layout::version
#include "weightseal/core/suite.hpp"       // suite_name, suite_kernel
#include "weightseal/watermark/detect.hpp" // watermark_kernel

#include <array>
#include <fmt/format.h>
#include <memory>

namespace weightseal::cli {

namespace {

constexpr std::array suites{Suite::aes_256_gcm, Suite::chacha20_poly1305};

int run(bool kernels, bool json) {
    if (!json) {
        std::string text = fmt::format("weightseal {}\n", version_string());
        if (kernels) {
            for (const Suite suite : suites)
                text += fmt::format("{:<18}  {}\n", suite_name(suite), suite_kernel(suite));
            text += fmt::format("{:<18}  {}\n", "watermark", watermark_kernel());
        }
        print(text);
        return status::done;
    }
    Json answer = json_answer();
    answer["weightseal"] = version_string();
    answer["container_format"] = layout::version;
    for (const Suite suite : suites) {
        answer["suites"].push_back(suite_name(suite));
        if (kernels) answer["kernels"][std::string(suite_name(suite))] = suite_kernel(suite);
    }
    if (kernels) answer["kernels"]["watermark"] = watermark_kernel();
    print_json(answer);
    return status::done;
}

} // namespace

Command add_version(CLI::App& program, bool& json) {
    CLI::App* const command = program.add_subcommand("version", "Print the version");
    const auto kernels = std::make_shared<bool>(false);
    command->add_flag("--kernels", *kernels, "Also print which implementation runs each suite and the watermark here");
    add_json(*command, json);
    return {command, [kernels, &json] { return run(*kernels, json); }};
}

} // namespace weightseal::cli

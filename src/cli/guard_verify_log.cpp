// weightseal guard verify-log: whether an event log is what its signer wrote.

#include "cli/exit_status.hpp"
#include "cli/guard.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "weightseal/guard/verify_log.hpp" // verify_log

#include <fmt/format.h>
#include <memory>

namespace weightseal::cli {

namespace {

using std::chrono::milliseconds;

struct Options {
    std::vector<std::string> logs, signers;
};

std::string describe_end(const LogVerification& log) {
    if (log.is_torn) return "within a line: its process was killed, or the log was cut off";
    if (log.is_closed) return "where its process closed it";
    return "open: it is still being written, its process was killed, or the log was cut off";
}

std::string describe(const std::vector<LogInput>& inputs, const LogVerification& log) {
    const auto line = [](std::string_view name, const std::string& value) {
        return fmt::format("  {:<9}{}\n", name, value);
    };
    std::string text = fmt::format("{}: {}\n", printable(joined(inputs, [](const auto& input) { return input.name; })),
                                   log.signed_through ? "verified" : "not signed");
    text += line("records", fmt::format("{} to {}: {}, {}", grouped(log.first), grouped(log.last),
                                        counted(log.events, "event"), counted(log.checkpoints, "signed record")));
    text += line("times", fmt::format("{} to {}", time_text(milliseconds(log.first_time)),
                                      time_text(milliseconds(log.last_time))));
    if (log.signed_through)
        text += line("signed", fmt::format("up to record {}, by {}", grouped(*log.signed_through),
                                           joined(log.signers, format_public_key)));
    if (log.unsigned_events != 0)
        text +=
            line("unsigned", fmt::format("{} {}: anybody can have written them", counted(log.unsigned_events, "event"),
                                         log.signed_through ? "after that" : "in all"));
    if (log.first != 0) text += line("begins", "later than the log: earlier files are not here");
    text += line("ends", describe_end(log));
    if (log.dropped != 0)
        text += line("lost", fmt::format("{} that the log itself counts as dropped", counted(log.dropped, "event")));
    return text;
}

Json to_json(const LogVerification& log) {
    Json answer = json_answer();
    answer["verified"] = log.signed_through.has_value();
    answer["first"] = log.first;
    answer["last"] = log.last;
    answer["events"] = log.events;
    answer["checkpoints"] = log.checkpoints;
    if (log.signed_through) answer["signed_through"] = *log.signed_through;
    answer["unsigned_events"] = log.unsigned_events;
    answer["dropped"] = log.dropped;
    answer["first_time"] = log.first_time;
    answer["last_time"] = log.last_time;
    answer["closed"] = log.is_closed;
    answer["torn"] = log.is_torn;
    answer["signers"] = Json::array();
    for (const PublicKey& signer : log.signers)
        answer["signers"].push_back(format_public_key(signer));
    return answer;
}

int run(const Options& options, bool json) {
    std::vector<PublicKey> signers;
    for (const std::string& signer : options.signers)
        signers.push_back(parse_public_key(signer));
    std::vector<LogInput> inputs;
    for (const std::string& log : options.logs)
        inputs.push_back(open_log(log));
    LogVerification log;
    try {
        log = verify_log(inputs, signers);
    } catch (const Error& error) {
        if (error.errc() != Errc::guard_log_changed) throw;
        Json answer = json_answer();
        answer["verified"] = false;
        report(error, json, std::move(answer));
        return status::negative;
    }
    if (json)
        print_json(to_json(log));
    else
        print(describe(inputs, log));
    return log.signed_through ? status::done : status::negative;
}

} // namespace

Command add_guard_verify_log(CLI::App& guard, bool& json) {
    CLI::App* const command =
        guard.add_subcommand("verify-log", "Verify that an event log is whole and what its signer wrote");
    const auto options = std::make_shared<Options>();
    command->add_option("LOG", options->logs, "Files of one log, oldest first; - is standard input")
        ->required()
        ->type_name("");
    command->add_option("--signer", options->signers, "Demand that this public key signed it; once more: or this one")
        ->type_name("PUB")
        ->allow_extra_args(false);
    add_json(*command, json);
    return {command, [options, &json] { return run(*options, json); }};
}

} // namespace weightseal::cli

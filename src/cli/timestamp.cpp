// weightseal timestamp: gets an authority's word that a record existed at a time, and verifies it.

#include "weightseal/watermark/timestamp.hpp" // timestamp_request
#include "cli/command_line.hpp"
#include "cli/exit_status.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "platform/file.hpp"               // read_file
#include "platform/process.hpp"            // write_new_file
#include "weightseal/watermark/record.hpp" // load_record

#include <fmt/format.h>
#include <memory>
#include <optional>

namespace weightseal::cli {

namespace {

struct Options {
    std::string record;
    std::optional<std::string> request, response, answers, authorities;
    bool force = false;
};

int write_request(const Options& options, bool json) {
    const std::string& output = *options.request;
    platform::write_new_file(output, timestamp_request(load_record(options.record)), options.force);
    if (!json) {
        print(fmt::format("{0}: request for a time-stamp of {1}\n"
                          "Send it to an authority, for example by\n"
                          "  curl -H 'Content-Type: application/timestamp-query' --data-binary @{0} URL -o FILE.tsr\n"
                          "and put the answer into the record by\n"
                          "  weightseal timestamp {1} --response FILE.tsr --answers {0}\n",
                          printable(output), printable(options.record)));
        return status::done;
    }
    Json answer = json_answer();
    answer["record"] = options.record;
    answer["request"] = output;
    print_json(answer);
    return status::done;
}

std::string read_message(const std::string& path) {
    return platform::read_file(path, max_timestamp_size, Errc::timestamp_malformed);
}

int store_response(const Options& options, bool json) {
    WatermarkRecord record = load_record(options.record);
    // An earlier stamp is the better evidence: it does not go by mistake.
    if (!record.timestamp.empty() && !options.force)
        throw Error(Errc::file_exists, options.record, "has a time-stamp already; --force replaces it");
    const std::string response = read_message(*options.response);
    if (options.answers)
        add_timestamp(record, as_bytes(response), as_bytes(read_message(*options.answers)));
    else
        add_timestamp(record, as_bytes(response));
    save_record(record, options.record, true);
    if (!json) {
        print(fmt::format("{0}: time-stamp added. Who made it, and when, is checked by\n"
                          "  weightseal timestamp {0} --verify CA.pem\n",
                          printable(options.record)));
        return status::done;
    }
    Json answer = json_answer();
    answer["record"] = options.record;
    answer["added"] = true;
    print_json(answer);
    return status::done;
}

bool is_no(Errc code) noexcept {
    return code >= Errc::record_not_json && code <= Errc::timestamp_untrusted;
}

int verify(const Options& options, bool json) {
    Json answer = json_answer();
    TimeStamp stamp;
    try {
        stamp = verify_timestamp(load_record(options.record), *options.authorities);
    } catch (const Error& error) {
        if (!is_no(error.errc())) throw;
        answer["verified"] = false;
        report(error, json, std::move(answer));
        return status::negative;
    }
    if (!json) {
        print(fmt::format("{}: verified\n  time-stamped {} by {}\n", printable(options.record), utc_text(stamp.seconds),
                          printable(stamp.authority)));
        return status::done;
    }
    answer["verified"] = true;
    answer["time"] = utc_text(stamp.seconds);
    answer["authority"] = stamp.authority;
    print_json(answer);
    return status::done;
}

int run(const Options& options, bool json) {
    if (options.request.has_value() + options.response.has_value() + options.authorities.has_value() != 1)
        refuse_usage("one of --request, --response and --verify is required");
    if (options.request) return write_request(options, json);
    if (options.response) return store_response(options, json);
    return verify(options, json);
}

} // namespace

Command add_timestamp(CLI::App& program, bool& json) {
    CLI::App* const command =
        program.add_subcommand("timestamp", "Have a record time-stamped by an authority (RFC 3161), and verify it");
    const auto options = std::make_shared<Options>();
    command->add_option("RECORD", options->record, "The record of a mark")->required()->type_name("");
    command->add_option("--request", options->request, "Write the request to be sent to an authority")
        ->type_name("FILE.tsq");
    CLI::Option* const response =
        command->add_option("--response", options->response, "Put the authority's response into the record")
            ->type_name("FILE.tsr");
    command
        ->add_option("--answers", options->answers, "Demand that the response has the nonce and policy of this request")
        ->type_name("FILE.tsq")
        ->needs(response);
    command->add_option("--verify", options->authorities, "Verify the record's time-stamp up to these authorities")
        ->type_name("CA.pem");
    add_force(*command, options->force)
        ->description("Replace an existing request, or a time-stamp that the record has");
    add_json(*command, json);
    return {command, [options, &json] { return run(*options, json); }};
}

} // namespace weightseal::cli

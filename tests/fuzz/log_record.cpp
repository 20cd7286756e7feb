// Lines of an event log. What is accepted keeps its place, and no signature comes from nowhere.

#include "guard/log_record.hpp"
#include "base.hpp"
#include "weightseal/guard/verify_log.hpp"

using namespace weightseal;
using namespace weightseal::testing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (const auto record = guard::parse_record(text.substr(0, text.find('\n')))) {
        const guard::RecordPlace& place = record->place;
        const std::string line = guard::event_line(place, {}, "");
        const auto again = guard::parse_record(line);
        require(again && again->place.sequence == place.sequence && again->place.previous == place.previous &&
                    again->place.time == place.time && again->place.dropped == place.dropped,
                "a place is written and read alike");
        require(!record->is_signature_good || record->checkpoint, "only checkpoints are signed");
    }
    try {
        const std::array inputs{log_text(text, "fuzz")};
        const LogVerification found = verify_log(inputs);
        require(found.last - found.first + 1 == found.events + found.checkpoints, "each record counts once");
        require(found.signed_through.has_value() == (found.checkpoints != 0), "a signed record, or none");
        require(found.unsigned_events <= found.events, "events are counted");
    } catch (const Error& error) {
        require(error.errc() == Errc::guard_log_changed || error.errc() == Errc::not_a_guard_log, "a named refusal");
    }
    return 0;
}

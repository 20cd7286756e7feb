#include "weightseal/guard/verify_log.hpp"

#include "guard/line_reader.hpp"
#include "guard/log_record.hpp"

#include <algorithm>

namespace weightseal {
namespace {

class Verifier {
  public:
    explicit Verifier(std::span<const PublicKey> signers) : signers_(signers) {}

    void read(const LogInput& input) {
        guard::LineReader reader(input, guard::max_record_size, Errc::not_a_guard_log);
        std::string_view line;
        found_.is_torn = false;
        while (reader.next(line)) {
            if (!reader.has_end() && guard::starts_like_record(line)) {
                found_.is_torn = true;
                return;
            }
            const std::optional<guard::Record> record = guard::parse_record(line);
            if (!record) refuse_line(reader);
            check_place(reader, record->place);
            note(record->place);
            if (record->checkpoint)
                check_signature(reader, *record);
            else
                ++found_.events, ++found_.unsigned_events;
            found_.is_closed = record->checkpoint == guard::Checkpoint::closed;
            expected_ = {record->place.sequence + 1, guard::line_digest(line)};
        }
    }

    LogVerification finish(const LogInput& last) {
        if (!expected_) throw Error(Errc::not_a_guard_log, last.name, "holds no record of an event log");
        found_.dropped += dropped_;
        return std::move(found_);
    }

  private:
    [[noreturn]] static void refuse(const guard::LineReader& reader, std::string_view what) {
        reader.refuse(Errc::guard_log_changed, what);
    }

    // Among records a line that is none was one, or was put there.
    [[noreturn]] void refuse_line(const guard::LineReader& reader) const {
        if (expected_) refuse(reader, "is no record: it was changed or inserted");
        reader.refuse(Errc::not_a_guard_log, "is no record of an event log");
    }

    void check_place(const guard::LineReader& reader, const guard::RecordPlace& place) const {
        if (!expected_) {
            if (place.sequence == 0 && !all_zero(place.previous))
                refuse(reader, "is the first record and names one before it: it was changed");
            return;
        }
        if (place.sequence > expected_->sequence)
            refuse(reader, fmt::format("is record {} where {} should be: records are missing", place.sequence,
                                       expected_->sequence));
        if (place.sequence < expected_->sequence)
            refuse(reader, fmt::format("is record {} where {} should be: it was inserted, repeated or moved",
                                       place.sequence, expected_->sequence));
        if (place.previous != expected_->previous)
            refuse(reader, "does not hold the SHA-256 of the line before it: one of the two was changed");
    }

    void check_signature(const guard::LineReader& reader, const guard::Record& record) {
        if (!record.is_signature_good) refuse(reader, "has a signature that does not match: it was changed");
        if (!signers_.empty() && std::ranges::find(signers_, record.signer) == signers_.end())
            refuse(reader,
                   fmt::format("is signed by {}, and not by whom it should be", format_public_key(record.signer)));
        if (std::ranges::find(found_.signers, record.signer) == found_.signers.end()) {
            if (found_.signers.size() == max_signers) refuse(reader, "is signed by one more than anybody has keys");
            found_.signers.push_back(record.signer);
        }
        ++found_.checkpoints;
        found_.signed_through = record.place.sequence;
        found_.unsigned_events = 0;
    }

    void note(const guard::RecordPlace& place) {
        if (!expected_) {
            found_.first = place.sequence;
            found_.first_time = place.time;
        }
        found_.last = place.sequence;
        found_.last_time = place.time;
        if (place.dropped < dropped_) found_.dropped += dropped_; // a new process counts from 0
        dropped_ = place.dropped;
    }

    static constexpr std::size_t max_signers = 1024;

    struct Expected {
        std::uint64_t sequence;
        Digest previous;
    };

    std::span<const PublicKey> signers_;
    std::optional<Expected> expected_; // of the next record
    std::uint64_t dropped_ = 0;        // since the guard was made
    LogVerification found_;
};

} // namespace

LogVerification verify_log(std::span<const LogInput> inputs, std::span<const PublicKey> signers) {
    if (inputs.empty()) throw Error(Errc::invalid_argument, "event log", "there is none to verify");
    Verifier verifier(signers);
    for (const LogInput& input : inputs)
        verifier.read(input);
    return verifier.finish(inputs.back());
}

} // namespace weightseal

// Verifying event logs: every way to change one, and what is said then.

#include "support/event_log.hpp"
#include "support/refusal.hpp"

#include "guard/log_record.hpp"

#include <algorithm>

namespace weightseal::testing {
namespace {

std::string refused(std::string_view text, std::span<const PublicKey> signers = {}) {
    return refusal([&] { static_cast<void>(verify(text, signers)); });
}

std::string message(std::string_view text) {
    try {
        static_cast<void>(verify(text));
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing refused";
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    if (at == std::string::npos) FAIL("no '" << from << "'");
    return text.replace(at, from.size(), to);
}

/// An event that somebody without the key put after these lines, with the right chain.
std::string forged_event(const std::vector<std::string>& before) {
    const std::string_view last(before.back().data(), before.back().size() - 1);
    const guard::RecordPlace place{.sequence = before.size(), .previous = guard::line_digest(last), .time = 1};
    return guard::event_line(place, {}, "") + '\n';
}

} // namespace

TEST_CASE("a whole log is verified, and says who signed it") {
    const LogVerification found = verify(some_log(100, 30));
    CHECK(found.first == 0);
    CHECK(found.last == 104);
    CHECK(found.events == 100);
    CHECK(found.checkpoints == 5);
    CHECK(found.signed_through == 104);
    CHECK(found.unsigned_events == 0);
    CHECK(found.is_closed);
    CHECK_FALSE(found.is_torn);
    CHECK(found.first_time == noon.count() / 1'000'000);
    CHECK(found.signers == std::vector{public_key(signing_key())});
}

TEST_CASE("what follows the last signed record is not vouched for") {
    const std::vector<std::string> lines = lines_of(some_log(100, 30));
    const LogVerification cut = verify(joined({lines.begin(), lines.end() - 2}));
    CHECK(cut.signed_through == 93);
    CHECK(cut.unsigned_events == 9);
    CHECK_FALSE(cut.is_closed);
    std::vector<std::string> longer(lines.begin(), lines.begin() + 94);
    longer.push_back(forged_event(longer));
    CHECK(verify(joined(longer)).signed_through == 93);
    CHECK(verify(joined(longer)).unsigned_events == 1);
}

TEST_CASE("a line removed anywhere but at the end is noticed") {
    const std::vector<std::string> lines = lines_of(some_log(20, 7));
    for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
        std::vector<std::string> fewer = lines;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        CHECK(message(joined(fewer)) == "log: line " + std::to_string(i + 1) + " is record " + std::to_string(i + 1) +
                                            " where " + std::to_string(i) + " should be: records are missing");
    }
    CHECK(verify(joined({lines.begin() + 1, lines.end()})).first == 1);
}

TEST_CASE("a line repeated, moved or inserted is noticed") {
    const std::vector<std::string> lines = lines_of(some_log(20, 7));
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::vector<std::string> more = lines;
        more.insert(more.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
        CHECK(message(joined(more)) == "log: line " + std::to_string(i + 2) + " is record " + std::to_string(i) +
                                           " where " + std::to_string(i + 1) +
                                           " should be: it was inserted, repeated or moved");
        if (i + 1 == lines.size()) continue;
        std::vector<std::string> swapped = lines;
        std::swap(swapped[i], swapped[i + 1]);
        CHECK(refused(joined(swapped)) == "guard_log_changed");
        std::vector<std::string> inserted(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        inserted.push_back(forged_event(inserted));
        inserted.insert(inserted.end(), lines.begin() + static_cast<std::ptrdiff_t>(i) + 1, lines.end());
        CHECK(refused(joined(inserted)) == "guard_log_changed");
    }
}

TEST_CASE("an event that was changed is noticed at the next line") {
    const std::string text = some_log(20, 7);
    CHECK(message(replaced(text, R"("used":1)", R"("used":2)")) ==
          "log: line 3 does not hold the SHA-256 of the line before it: one of the two was changed");
    CHECK(refused(replaced(text, R"("limit_reached")", R"("in_debt")")) == "guard_log_changed");
    CHECK(refused(replaced(text, "}}\n", "}} \n")) == "guard_log_changed");
    CHECK(refused(replaced(text, "}}\n", "}}\r\n")) == "guard_log_changed");
    CHECK(refused(replaced(text, R"("prev":"0)", R"("prev":"1)")) == "guard_log_changed");
    // In the last line, whose signature says so.
    std::vector<std::string> lines = lines_of(text);
    lines.back() = replaced(lines.back(), R"("dropped":0)", R"("dropped":9)");
    CHECK(message(joined(lines)) == "log: line 24 has a signature that does not match: it was changed");
}

TEST_CASE("a log that somebody else signed again is noticed by those who know the signer") {
    const std::string other = some_log(20, 7, signing_key(8));
    const std::vector known{public_key(signing_key(7))};
    const std::vector both{public_key(signing_key(7)), public_key(signing_key(8))};
    CHECK(refused(other) == "nothing refused");
    CHECK(refused(other, known) == "guard_log_changed");
    CHECK(refused(other, both) == "nothing refused");
    // And a name in the place of another's.
    CHECK(refused(replaced(other, format_public_key(both[1]), format_public_key(both[0]))) == "guard_log_changed");
}

TEST_CASE("a log without any signed record is not signed") {
    std::vector<std::string> lines = lines_of(some_log(3));
    lines = {lines[1], lines[2]};
    const LogVerification found = verify(joined(lines));
    CHECK_FALSE(found.signed_through.has_value());
    CHECK(found.unsigned_events == 2);
}

TEST_CASE("a log cut off anywhere is never taken for more than it is") {
    const std::string text = some_log(5, 2);
    for (std::size_t size = 0; size < text.size(); ++size) {
        const std::string_view cut(text.data(), size);
        if (cut.find('\n') == std::string_view::npos) {
            CHECK(refused(cut) == "not_a_guard_log");
            continue;
        }
        const LogVerification found = verify(cut);
        CHECK_FALSE(found.is_closed);
        CHECK(found.is_torn == !cut.ends_with('\n'));
    }
}

TEST_CASE("a byte changed anywhere is noticed, or is not signed") {
    const std::string text = some_log(3, 2);
    const std::size_t last = text.size() - 1;
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string changed = text;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        const std::string found = refused(changed);
        if (found != "guard_log_changed" && found != "not_a_guard_log" && at != last) FAIL(at << ": " << found);
    }
}

TEST_CASE("what is no event log is refused with the line") {
    const std::string text = some_log(3);
    CHECK(message("") == "log: holds no record of an event log");
    CHECK(message(text + "{}\n") == "log: line 6 is no record: it was changed or inserted");
    CHECK(message("\n" + text) == "log: line 1 is no record of an event log");
    CHECK(message(std::string(1'000'000, '{')) == "log: line 1 is longer than 65536 bytes");
    CHECK(refused(text + std::string(1, '\0') + "\n") == "guard_log_changed");
    CHECK(refused(text + "{\"metadata\": " + std::string(60'000, '[') + "\n") == "guard_log_changed");
    const std::array<LogInput, 0> none{};
    CHECK(refusal([&] { static_cast<void>(verify_log(none)); }) == "invalid_argument");
}

TEST_CASE("a record that breaks the format is no record") {
    const std::vector<std::string> lines = lines_of(some_log(1));
    const auto is_record = [](std::string line) {
        return guard::parse_record(line.substr(0, line.size() - 1)).has_value();
    };
    for (const std::string& line : lines) {
        CHECK(is_record(line));
        CHECK_FALSE(is_record(replaced(line, R"("weightseal guard")", R"("another log")")));
        CHECK_FALSE(is_record(replaced(line, R"("log_version":"1")", R"("log_version":"2")")));
        CHECK_FALSE(is_record(replaced(line, R"("log_version":"1")", R"("log_version":1)")));
        CHECK_FALSE(is_record(replaced(line, R"("sequence":)", R"("sequence":-)")));
        CHECK_FALSE(is_record(replaced(line, R"("sequence":)", R"("sequence":1,"sequence":)")));
        CHECK_FALSE(is_record(replaced(line, R"("sequence":)", R"("sequence":1.5,"other":)")));
        CHECK_FALSE(is_record(replaced(line, R"("prev":")", R"("prev":"0)")));
        CHECK_FALSE(is_record(replaced(line, R"("prev")", R"("previous")")));
        CHECK_FALSE(is_record(replaced(line, R"("time":)", R"("time":"now","at":)")));
        CHECK_FALSE(is_record(replaced(line, R"("class_uid":)", R"("class_uid":9)")));
        CHECK_FALSE(is_record(replaced(line, R"("unmapped":{)", R"("unmapped":[],"other":{)")));
        CHECK_FALSE(is_record(replaced(line, R"("dropped":0)", R"("lost":0)")));
        CHECK_FALSE(is_record(replaced(line, R"({"metadata":{)", R"({"metadata":5,"other":{)")));
        CHECK_FALSE(is_record("[" + line));
    }
    const std::string& checkpoint = lines.front();
    CHECK_FALSE(is_record(replaced(checkpoint, "log_opened", "log_lost")));
    CHECK_FALSE(is_record(replaced(checkpoint, R"("activity_id":6)", R"("activity_id":7)")));
    CHECK_FALSE(is_record(replaced(checkpoint, "wseal_signer_", "wseal_signing_")));
    CHECK_FALSE(is_record(replaced(checkpoint, R"("signer")", R"("author")")));
    CHECK_FALSE(is_record(replaced(checkpoint, R"("signature")", R"("seal")")));
    CHECK_FALSE(is_record(replaced(checkpoint, R"(,"signature")", R"(, "signature")")));
    CHECK_FALSE(is_record(replaced(checkpoint, "==\"}", "==\" }")));
    CHECK_FALSE(is_record(replaced(checkpoint, "==\"}", "=!\"}")));
}

TEST_CASE("lines come whole, however they are read") {
    const std::string text = some_log(300, 7);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{700}, std::size_t{65'535}}) {
        const LogInput whole = log_text(text);
        const std::array inputs{
            LogInput{"pieces", [&](MutableBytes to) { return whole.read(to.first(std::min(piece, to.size()))); }}};
        CHECK(verify_log(inputs).events == 300);
    }
}

} // namespace weightseal::testing

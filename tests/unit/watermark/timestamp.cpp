// Time-stamps of records.

#include "weightseal/watermark/timestamp.hpp"
#include "crypto/base64.hpp"
#include "support/authority.hpp"
#include "support/catch.hpp"
#include "support/records.hpp"
#include "unit/vectors.hpp"

namespace weightseal::testing {
namespace {

constexpr std::int64_t year_2020 = 1577836800, year_2021 = 1609459200;

const Authority& authority() {
    static const Authority authority({.valid_from = year_2020, .valid_to = year_2021});
    return authority;
}

} // namespace

TEST_CASE("a record is time-stamped, and the stamp outlives the certificates") {
    const TemporaryFolder folder;
    write_file(folder / "root.pem", authority().root());
    for (WatermarkRecord record : {sample_record(), signed_record()}) {
        add_timestamp(record, authority().answer(timestamp_request(record), year_2020 + 86400));
        const TimeStamp stamp = verify_timestamp(record, folder / "root.pem");
        CHECK(stamp.seconds == year_2020 + 86400);
        CHECK(stamp.authority == "CN = Time-stamps of tests & Söhne");
        // It is part of the record.
        const WatermarkRecord again = parse_record(to_json(record));
        CHECK(verify_timestamp(again, folder / "root.pem").seconds == stamp.seconds);
    }
}

TEST_CASE("any certificate of the file is an authority, that of the stamp itself, too") {
    const TemporaryFolder folder;
    WatermarkRecord record = sample_record();
    add_timestamp(record, authority().answer(timestamp_request(record), year_2020));
    const Authority other({.valid_from = year_2020, .valid_to = year_2021});
    write_file(folder / "bundle.pem", "several\n" + other.root() + "\n# and\n" + authority().root());
    CHECK(verify_timestamp(record, folder / "bundle.pem").seconds == year_2020);
    write_file(folder / "signer.pem", authority().certificate());
    CHECK(verify_timestamp(record, folder / "signer.pem").seconds == year_2020);
}

TEST_CASE("each request is another one") {
    const WatermarkRecord record = sample_record();
    CHECK(timestamp_request(record) != timestamp_request(record)); // the nonce
}

TEST_CASE("a later time-stamp replaces an earlier one") {
    const TemporaryFolder folder;
    write_file(folder / "root.pem", authority().root());
    WatermarkRecord record = sample_record();
    add_timestamp(record, authority().answer(timestamp_request(record), year_2020 + 9));
    add_timestamp(record, authority().answer(timestamp_request(record), year_2020 + 5));
    CHECK(verify_timestamp(record, folder / "root.pem").seconds == year_2020 + 5);
}

TEST_CASE("a time-stamp that openssl ts made for the committed records") {
    const TemporaryFolder folder;
    const auto file = load_vectors("record.json");
    for (const auto& vector : file["records"]) {
        WatermarkRecord record = parse_record(vector["json"].get<std::string>());
        const auto& stamp = vector["timestamp"];
        add_timestamp(record, crypto::from_base64(stamp["response"].get<std::string>()).value());
        write_file(folder / "root.pem", stamp["authority"].get<std::string>());
        const TimeStamp verified = verify_timestamp(record, folder / "root.pem");
        CHECK(verified.authority == stamp["name"].get<std::string>());
        CHECK(verified.seconds == stamp["seconds"].get<std::int64_t>());
    }
}

TEST_CASE("times as text") {
    CHECK(utc_text(0) == "1970-01-01T00:00:00Z");
    CHECK(utc_text(year_2021 - 1) == "2020-12-31T23:59:59Z");
    CHECK(utc_text(-1) == "1969-12-31T23:59:59Z");
}

} // namespace weightseal::testing

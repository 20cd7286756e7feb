// Hostile time-stamps: every refusal of those who add or verify one.

#include "support/authority.hpp"
#include "support/catch.hpp"
#include "support/records.hpp"
#include "support/refusal.hpp"
#include "weightseal/watermark/timestamp.hpp"

namespace weightseal::testing {
namespace {

constexpr std::int64_t from = 1577836800, to = 1609459200; // the year 2020
constexpr AuthorityOptions in_2020{.valid_from = from, .valid_to = to};

const Authority& authority() {
    static const Authority authority(in_2020);
    return authority;
}

Data answer(const WatermarkRecord& record, const StampOptions& options = {}, std::int64_t seconds = from + 1000) {
    return authority().answer(timestamp_request(record), seconds, options);
}

std::string adding(const WatermarkRecord& record, Bytes response, std::optional<Bytes> request = std::nullopt) {
    WatermarkRecord copy = record;
    const std::string result = refusal([&] { add_timestamp(copy, response, request); });
    CHECK(copy.timestamp.empty() == (result != "nothing refused"));
    return result;
}

// How a record with this response in it is refused by who trusts `trusted`.
std::string verifying(const WatermarkRecord& record, Bytes response, const std::string& trusted = authority().root()) {
    const TemporaryFolder folder;
    write_file(folder / "authorities.pem", trusted);
    WatermarkRecord copy = record;
    copy.timestamp.assign(response.begin(), response.end());
    return refusal([&] { (void)verify_timestamp(copy, folder / "authorities.pem"); });
}

// The same with an authority of its own.
std::string verifying_of(const AuthorityOptions& options, std::int64_t seconds = from + 1000) {
    const Authority authority(options);
    const WatermarkRecord record = sample_record();
    return verifying(record, authority.answer(timestamp_request(record), seconds), authority.root());
}

} // namespace

TEST_CASE("time-stamp: a response that is none") {
    const WatermarkRecord record = sample_record();
    const Data good = answer(record);
    REQUIRE(adding(record, good) == "nothing refused");
    REQUIRE(verifying(record, good) == "nothing refused");
    for (Data bad : {Data(), to_data("<html>404</html>"), patterned(500, 1), timestamp_request(record)}) {
        CHECK(adding(record, bad) == "timestamp_malformed");
        CHECK(verifying(record, bad) == "timestamp_malformed");
    }
    Data longer = good;
    longer.push_back(std::byte{0});
    CHECK(adding(record, longer) == "timestamp_malformed");
    CHECK(verifying(record, longer) == "timestamp_malformed");
    CHECK(adding(record, Data(max_timestamp_size + 1)) == "timestamp_malformed");
    for (std::size_t size = 0; size < good.size(); size += 7)
        CHECK(adding(record, Bytes(good).first(size)) == "timestamp_malformed");
    CHECK(refusal([&] { (void)verify_timestamp(record, "nothing.pem"); }) == "timestamp_malformed"); // it has none
}

TEST_CASE("time-stamp: refused by the authority") {
    const WatermarkRecord record = sample_record();
    for (const int status : {2, 3, 4, 5, 99, -1}) {
        CHECK(adding(record, answer(record, {.status = status, .with_token = false})) == "timestamp_malformed");
        CHECK(adding(record, answer(record, {.status = status})) == "timestamp_malformed");
    }
    CHECK(adding(record, answer(record, {.with_token = false})) == "timestamp_malformed");
    CHECK(adding(record, answer(record, {.version = 2})) == "timestamp_malformed");
    CHECK(adding(record, answer(record, {.status = 1})) == "nothing refused"); // granted, with modifications
}

TEST_CASE("time-stamp: of something else") {
    const WatermarkRecord unsigned_one = sample_record();
    const WatermarkRecord signed_one = signed_record();
    WatermarkRecord signed_by_another = sample_record();
    sign_record(signed_by_another, fixed_key(KeyKind::signing, 8));
    WatermarkRecord altered = unsigned_one;
    altered.strength = 0.0026;
    const std::array records{unsigned_one, signed_one, signed_by_another, altered};
    for (std::size_t i = 0; i < records.size(); ++i)
        for (std::size_t j = 0; j < records.size(); ++j) {
            CAPTURE(i, j);
            const Data response = answer(records[i]);
            const std::string expected = i == j ? "nothing refused" : "timestamp_mismatch";
            CHECK(adding(records[j], response) == expected);
            CHECK(verifying(records[j], response) == expected);
        }
    // The same 32 bytes, said to be of another hash.
    for (const char* const hash : {"SHA3-256", "SM3", "BLAKE2s256"})
        CHECK(adding(unsigned_one, answer(unsigned_one, {.imprint = hash})) == "timestamp_mismatch");
}

TEST_CASE("time-stamp: the answer to another request") {
    const WatermarkRecord record = sample_record();
    const Data asked = timestamp_request(record);
    const Data response = authority().answer(asked, from + 1000);
    CHECK(adding(record, response, asked) == "nothing refused");
    CHECK(adding(record, response, timestamp_request(record)) == "timestamp_mismatch"); // another nonce
    CHECK(adding(record, authority().answer(asked, from + 1000, {.with_nonce = false}), asked) == "timestamp_mismatch");
    CHECK(adding(record, response, with_policy(asked, policy_of_tests)) == "nothing refused");
    CHECK(adding(record, response, with_policy(asked, "1.2.3.4.2")) == "timestamp_mismatch");
    Data longer = asked;
    longer.push_back(std::byte{0});
    for (const Data& bad : {Data(), to_data("none"), response, longer})
        CHECK(adding(record, response, bad) == "timestamp_malformed");
}

TEST_CASE("time-stamp: of an authority that nobody trusts") {
    const WatermarkRecord record = sample_record();
    const Authority other(in_2020); // its root has the same name
    CHECK(verifying(record, answer(record), other.root()) == "timestamp_untrusted");
    CHECK(verifying(record, answer(record), other.certificate()) == "timestamp_untrusted");
    CHECK(adding(record, answer(record)) == "nothing refused"); // who signed it is asked later
}

TEST_CASE("time-stamp: certificates that were not valid at its time") {
    const WatermarkRecord record = sample_record();
    CHECK(verifying(record, answer(record, {}, from)) == "nothing refused");
    CHECK(verifying(record, answer(record, {}, to - 1)) == "nothing refused");
    for (const std::int64_t seconds : {from - 1, to + 1, std::int64_t{0}, std::int64_t{253402300799}})
        CHECK(verifying(record, answer(record, {}, seconds)) == "timestamp_untrusted");
}

TEST_CASE("time-stamp: certificates that are not for time-stamps alone") {
    REQUIRE(verifying_of(in_2020) == "nothing refused");
    for (const char* const usage : {"timeStamping", "critical,emailProtection", "critical,timeStamping,serverAuth",
                                    "serverAuth", "critical,codeSigning", static_cast<const char*>(nullptr)}) {
        CAPTURE(usage == nullptr ? "none" : usage);
        AuthorityOptions options = in_2020;
        options.usage = usage;
        CHECK(verifying_of(options) == "timestamp_untrusted");
    }
}

TEST_CASE("time-stamp: keys and hashes that can be broken") {
    AuthorityOptions options = in_2020;
    options.certificate_hash = "SHA1";
    CHECK(verifying_of(options) == "timestamp_untrusted");
    options = in_2020;
    options.rsa_bits = 1024;
    CHECK(verifying_of(options) == "timestamp_untrusted");
    options.rsa_bits = 2048;
    CHECK(verifying_of(options) == "nothing refused");
    const WatermarkRecord record = sample_record();
    CHECK(verifying(record, answer(record, {.hash = "SHA1"})) == "timestamp_untrusted");
    CHECK(verifying(record, answer(record, {.hash = "SHA384"})) == "nothing refused");
}

TEST_CASE("time-stamp: without its certificate, or not naming it") {
    const WatermarkRecord record = sample_record();
    CHECK(verifying(record, answer(record, {.with_certificate = false})) == "timestamp_untrusted");
    CHECK(verifying(record, answer(record, {.names_certificate = false})) == "timestamp_untrusted");
}

TEST_CASE("time-stamp: files of authorities that are none") {
    const WatermarkRecord record = sample_record();
    const Data response = answer(record);
    const std::string good = authority().root();
    std::string damaged = good;
    damaged[100] = '*';
    std::string cut = good.substr(0, good.size() / 2);
    std::string encrypted = good; // nobody is asked for a password
    encrypted.insert(good.find('\n') + 1,
                     "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n");
    for (const std::string& file : {std::string(), std::string("nothing"), damaged, cut, encrypted, good + damaged,
                                    std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")})
        CHECK(verifying(record, response, file) == "timestamp_untrusted");
    WatermarkRecord stamped = record;
    add_timestamp(stamped, response);
    const TemporaryFolder folder;
    CHECK(refusal([&] { (void)verify_timestamp(stamped, folder / "nothing"); }) == "file_not_found");
    CHECK(refusal([&] { (void)verify_timestamp(stamped, folder.path()); }) == "unsupported_file");
}

TEST_CASE("time-stamp: no bit of what was stamped can change") {
    const TemporaryFolder folder;
    write_file(folder / "root.pem", authority().root());
    WatermarkRecord record = sample_record();
    add_timestamp(record, answer(record));
    const TimeStamp stamp = verify_timestamp(record, folder / "root.pem");
#ifdef WEIGHTSEAL_SANITIZED
    const std::size_t step = 61;
#else
    const std::size_t step = 3;
#endif
    std::size_t refused = 0, bits = 0;
    for (std::size_t bit = 0; bit < 8 * record.timestamp.size(); bit += step, ++bits) {
        WatermarkRecord other = record;
        other.timestamp[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        try {
            // What the authority did not sign, as the status, may change; what it says may not.
            if (verify_timestamp(other, folder / "root.pem").seconds != stamp.seconds)
                FAIL("another time: bit " << bit);
        } catch (const Error& error) {
            const Errc code = error.errc();
            REQUIRE((code == Errc::timestamp_malformed || code == Errc::timestamp_mismatch ||
                     code == Errc::timestamp_untrusted));
            ++refused;
        }
    }
    CHECK(refused * 10 > bits * 9);
}

} // namespace weightseal::testing

// Records: their text, root, signature, and files.

#include "weightseal/watermark/record.hpp"
#include "support/catch.hpp"
#include "support/records.hpp"
#include "support/refusal.hpp"
#include "unit/vectors.hpp"

#include <filesystem>

namespace weightseal::testing {
namespace {

bool same(const RecordTensor& a, const RecordTensor& b) {
    const bool same_mark = a.mark.has_value() == b.mark.has_value() &&
                           (!a.mark || (a.mark->commitment == b.mark->commitment && a.mark->digest == b.mark->digest &&
                                        a.mark->elements == b.mark->elements && a.mark->sketch == b.mark->sketch));
    return a.name == b.name && a.dtype == b.dtype && a.shape == b.shape && a.digest == b.digest && same_mark &&
           a.tied_to == b.tied_to;
}

void check_same(const WatermarkRecord& a, const WatermarkRecord& b) {
    CHECK(a.owner == b.owner);
    CHECK(a.model_id == b.model_id);
    CHECK(a.root == b.root);
    CHECK(a.strength == b.strength);
    CHECK(std::ranges::equal(a.tensors, b.tensors, same));
    CHECK(a.signer == b.signer);
    CHECK(a.signature == b.signature);
    CHECK(a.timestamp == b.timestamp);
}

} // namespace

TEST_CASE("records made in another language, from the specification alone") {
    const auto vectors = load_vectors("record.json");
    REQUIRE(vectors["records"].size() == 2);
    for (const auto& vector : vectors["records"]) {
        CAPTURE(vector["name"]);
        const auto json = vector["json"].get<std::string>();
        WatermarkRecord record = parse_record(json);
        CHECK(claim_text(record) == vector["claim"].get<std::string>());
        CHECK(to_hex(record.root) == vector["root"].get<std::string>());
        CHECK(to_hex(original_root(record.tensors)) == vector["root"].get<std::string>());
        CHECK(to_json(record) == json);

        if (vector["signing_key"].is_null()) {
            CHECK_FALSE(record.signer);
            continue;
        }
        const Key key{KeyKind::signing, Secret::copy_of(bytes32(vector["signing_key"]))};
        CHECK(record.signer == public_key(key));
        record.signer.reset();
        sign_record(record, key);
        CHECK(to_json(record) == json);
    }
}

TEST_CASE("a record survives its text") {
    WatermarkRecord record = signed_record();
    record.timestamp = patterned(1000, 5);
    const std::string json = to_json(record);
    check_same(parse_record(json), record);
    CHECK(to_json(record) == json);
    check_same(parse_record(to_json(sample_record())), sample_record());
}

TEST_CASE("the claim's text stands in the record's, and evidence is no part of it") {
    WatermarkRecord record = sample_record();
    const std::string claim = claim_text(record);
    CHECK_THAT(to_json(record), ContainsSubstring("\"claim\":" + claim + ","));
    CHECK(nlohmann::json::parse(claim).dump() == claim);
    sign_record(record, fixed_key(KeyKind::signing, 7));
    record.timestamp = patterned(10, 5);
    CHECK(claim_text(record) == claim);
}

TEST_CASE("a record that another program wrote out anew is the same record") {
    const WatermarkRecord record = signed_record();
    const auto sorted = nlohmann::json::parse(to_json(record)); // "weightseal_record" comes last
    check_same(parse_record(sorted.dump()), record);
    check_same(parse_record(sorted.dump(4)), record);
    check_same(parse_record("\r\n\t " + sorted.dump(-1, ' ', true) + " \n"), record);
}

TEST_CASE("every strength survives the text of a record") {
    WatermarkRecord record = sample_record();
    for (const double strength :
         {0.0001, 0.02, 0.1 / 3, 0.005, std::nextafter(0.0001, 1.0), std::nextafter(0.02, 0.0)}) {
        record.strength = std::min(strength, 0.02);
        REQUIRE(parse_record(to_json(record)).strength == record.strength);
    }
    for (int i = 0; i < 200; ++i) {
        record.strength = 0.0001 + 0.0199 * std::pow(0.97, i) / 3;
        REQUIRE(parse_record(to_json(record)).strength == record.strength);
    }
    record.strength = 0.0001;
    CHECK_THAT(claim_text(record), ContainsSubstring(R"("strength":"0.0001")"));
}

TEST_CASE("marked elements are counted once") {
    CHECK(sample_record().marked_elements() == 14400);
    CHECK(WatermarkRecord{}.marked_elements() == 0);
}

TEST_CASE("the root of the original depends on all of it, and on nothing else") {
    const std::vector<RecordTensor> tensors = sample_record().tensors;
    const Digest root = original_root(tensors);
    const auto changed = [&](const auto& change) {
        std::vector<RecordTensor> others = tensors;
        change(others);
        return original_root(others) != root;
    };
    CHECK(changed([](auto& t) { t[0].name += '2'; }));
    CHECK(changed([](auto& t) { t[1].dtype = Dtype::i32; }));
    CHECK(changed([](auto& t) { t[0].shape = {6400}; }));
    CHECK(changed([](auto& t) { t[0].shape = {64, 100}; }));
    CHECK(changed([](auto& t) { t[4].digest[31] ^= std::byte{1}; }));
    CHECK(changed([](auto& t) { t.pop_back(); }));
    CHECK(changed([](auto& t) { std::swap(t[0], t[1]); }));
    // What stands between two fields cannot move from one to the other.
    CHECK(changed([](auto& t) {
        t[0].name = "embed.weightBF";
        t[0].dtype = Dtype::f16;
    }));
    CHECK_FALSE(changed([](auto& t) {
        t[0].mark.reset();
        t[3].tied_to.reset();
    }));
    CHECK(original_root({}) != root);
}

TEST_CASE("a signature covers the claim") {
    const Key key = fixed_key(KeyKind::signing, 7);
    const PublicKey signer = public_key(key);
    WatermarkRecord record = sample_record();
    const auto demanding = [&](const std::optional<PublicKey>& by) {
        return refusal([&] { require_signature(record, by); });
    };
    CHECK(demanding({}) == "record_unsigned");
    CHECK(demanding(signer) == "record_unsigned");
    sign_record(record, key);
    CHECK(demanding({}) == "nothing refused");
    CHECK(demanding(signer) == "nothing refused");
    CHECK(demanding(public_key(fixed_key(KeyKind::signing, 8))) == "record_signature");
    record.owner = "Mallory";
    CHECK(demanding({}) == "record_signature");
    CHECK(demanding(signer) == "record_signature");
}

TEST_CASE("a new signature replaces an old one, and drops the time-stamp of it") {
    WatermarkRecord record = signed_record();
    record.timestamp = patterned(10, 5);
    const Key other = fixed_key(KeyKind::signing, 8);
    sign_record(record, other);
    CHECK(record.timestamp.empty());
    require_signature(record, public_key(other));
    check_same(parse_record(to_json(record)), record);
}

TEST_CASE("only a signing key signs a record") {
    WatermarkRecord record = signed_record();
    const std::string before = to_json(record);
    CHECK(refusal([&] { sign_record(record, fixed_key(KeyKind::watermark, 7)); }) == "key_kind");
    CHECK(to_json(record) == before);
}

TEST_CASE("a record that is no text is not written") {
    WatermarkRecord record = sample_record();
    record.owner = "\xFF";
    CHECK(refusal([&] { (void)to_json(record); }) == "invalid_argument");
    record = sample_record();
    record.tensors[0].name = "caf\xE9";
    CHECK(refusal([&] { (void)claim_text(record); }) == "invalid_argument");
}

TEST_CASE("a record's file") {
    const TemporaryFolder folder;
    const auto path = folder / "model.record.json";
    const WatermarkRecord record = signed_record();
    save_record(record, path, false);
    check_same(load_record(path), record);
    namespace fs = std::filesystem;
    CHECK(fs::status(path).permissions() == (fs::perms::owner_read | fs::perms::owner_write));

    const WatermarkRecord other = sample_record();
    CHECK(refusal([&] { save_record(other, path, false); }) == "file_exists");
    check_same(load_record(path), record);
    save_record(other, path, true);
    check_same(load_record(path), other);

    CHECK(refusal([&] { (void)load_record(folder / "nothing"); }) == "file_not_found");
    CHECK(refusal([&] { (void)load_record(folder.path()); }) == "unsupported_file");
    write_file(path, "{");
    CHECK_THROWS_WITH(load_record(path), ContainsSubstring("model.record.json"));
    fs::resize_file(path, max_record_size + 1); // sparse
    CHECK(refusal([&] { (void)load_record(path); }) == "too_large");
}

} // namespace weightseal::testing

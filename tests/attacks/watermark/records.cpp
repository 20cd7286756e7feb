// Hostile records: every refusal of the reader.

#include "support/records.hpp"
#include "crypto/base64.hpp"
#include "crypto/hash.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/refusal.hpp"
#include "unit/vectors.hpp" // to_hex

#include <fmt/format.h>
#include <functional>

namespace weightseal::testing {
namespace {

using Json = nlohmann::json;

std::string reading(std::string_view json) {
    return refusal([&] { (void)parse_record(json); });
}

std::string reading_code(std::string_view json) {
    return refusal_code([&] { (void)parse_record(json); });
}

Json sample() {
    return Json::parse(to_json(sample_record()));
}

// With a digest that matches, as a forger writes it.
std::string resealed(Json json) {
    json["evidence"]["digest"] = to_hex(crypto::sha256({as_bytes(json["claim"].dump())}));
    return json.dump();
}

// How a record is refused whose claim somebody changed on purpose.
std::string forging(const std::function<void(Json& claim)>& change) {
    Json json = sample();
    change(json["claim"]);
    return reading(resealed(json));
}

std::string forging_tensor(std::size_t tensor, const std::function<void(Json& tensor)>& change) {
    return forging([&](Json& claim) { change(claim["tensors"][tensor]); });
}

// The same, root and digest being right.
std::string rooting(const std::function<void(WatermarkRecord& record)>& change) {
    WatermarkRecord record = sample_record();
    change(record);
    record.root = original_root(record.tensors);
    return reading(to_json(record));
}

// Calls `visit` with a pointer to every value in `json` that is no object or array.
void each_leaf(const Json& json, const std::string& at, const std::function<void(const std::string&)>& visit) {
    if (!json.is_structured()) return visit(at);
    for (const auto& [key, value] : json.items())
        each_leaf(value, at + '/' + key, visit);
}

// Another value of the same type.
Json another(const Json& value) {
    if (value.is_number()) return value.get<std::uint64_t>() + 1;
    auto text = value.get<std::string>();
    if (text.empty()) return "x";
    text[0] = text[0] == '1' ? '2' : '1';
    return text;
}

} // namespace

TEST_CASE("record: what is not JSON") {
    const std::string json = to_json(sample_record());
    for (const std::string& text : {std::string(), std::string(" "), std::string("{"), std::string("nonsense"),
                                    std::string("{'weightseal_record':1}"), json + "x", json + json, "\xFF\xFE" + json,
                                    json.substr(1), std::string("{\"weightseal_record\":1,}")}) {
        CAPTURE(text.substr(0, 40));
        CHECK(reading(text).starts_with("record_not_json at "));
    }
    std::string text = json;
    text.insert(text.find("ACME"), "\xC3"); // broken UTF-8
    CHECK(reading(text).starts_with("record_not_json at "));
    CHECK(reading(json + '\0' + "anything") == "record_not_json at " + std::to_string(json.size()));
    CHECK(reading("{\"weightseal_record\":1,\"claim\":{\"owner\":\"\\ud800\"}}").starts_with("record_not_json at "));
}

TEST_CASE("record: JSON of something else") {
    for (const char* const text :
         {"{}", "[]", "1", "null", "\"weightseal_record\"", R"([{"weightseal_record":1}])", R"({"hidden_size":64})",
          R"({"x":{"weightseal_record":1}})", R"({"weightseal_record":"1"})", R"({"weightseal_record":null})",
          R"({"weightseal_record":1.0})", R"({"weightseal_record":-1})", R"({"weightseal_record":[1]})",
          R"({"weightseal_record":{}})", R"({"weightseal_record":18446744073709551616})", R"({"weightseal_record":1})",
          R"({"weightseal_record":1,"claim":{},"evidence":{}})", R"({"weightseal_record":1,"claim":1})"})
        CHECK(reading(text) == "record_malformed");
}

TEST_CASE("record: a version of the future, or none") {
    for (const char* const text :
         {R"({"weightseal_record":2})", R"({"weightseal_record":0})", R"({"weightseal_record":18446744073709551615})",
          R"({"weightseal_record":2,"claim":{"quantum":[]}})", R"({"claim":{"quantum":[{}]},"weightseal_record":2})"})
        CHECK(reading(text) == "record_version");
}

TEST_CASE("record: every field is needed") {
    const Json json = sample();
    std::vector<std::string> objects{"", "/claim", "/evidence", "/claim/tensors/0", "/claim/tensors/0/mark"};
    std::size_t fields = 0;
    for (const std::string& object : objects)
        for (const auto& [key, value] : json.at(Json::json_pointer(object)).items()) {
            if (key == "mark") continue; // without it a tensor is not marked
            CAPTURE(object, key);
            Json other = json;
            other.at(Json::json_pointer(object)).erase(key);
            CHECK(reading(other.dump()) == "record_malformed");
            ++fields;
        }
    CHECK(fields == 3 + 6 + 1 + 4 + 4);
}

TEST_CASE("record: fields that nobody knows") {
    for (const char* const object :
         {"", "/claim", "/evidence", "/claim/tensors/0", "/claim/tensors/0/mark", "/claim/tensors/1"}) {
        CAPTURE(object);
        Json json = sample();
        json.at(Json::json_pointer(object))["extra"] = 1;
        CHECK(reading(resealed(json)) == "record_malformed");
    }
}

TEST_CASE("record: a field twice") {
    const std::string json = to_json(signed_record());
    for (const std::string key : {"claim",    "evidence", "owner",  "model_id", "root",      "strength", "statistics",
                                  "tensors",  "dtype",    "mark",   "name",     "sha256",    "shape",    "commitment",
                                  "elements", "sketch",   "digest", "signer",   "signature", "tied_to"}) {
        CAPTURE(key);
        const std::string quoted = '"' + key + "\":";
        const std::size_t at = json.find(quoted);
        REQUIRE(at != std::string::npos);
        // The value, cut out of the text by its brackets or quotes.
        std::size_t end = at + quoted.size();
        for (int depth = 0; depth > 0 || (json[end] != ',' && json[end] != '}' && json[end] != ']'); ++end) {
            if (json[end] == '{' || json[end] == '[') ++depth;
            if (json[end] == '}' || json[end] == ']') --depth;
        }
        std::string twice = json;
        twice.insert(at, json.substr(at, end - at) + ",");
        CHECK(reading(twice) == "record_malformed");
        twice.replace(at + 1, 1, fmt::format("\\u00{:02x}", json[at + 1])); // the same name, written otherwise
        CHECK(reading(twice) == "record_malformed");
    }
    CHECK(reading(R"({"weightseal_record":1,"weightseal_record":1})") == "record_malformed");
    CHECK(reading(R"({"weightseal_record":1,"weightseal_record":2})") == "record_malformed");
}

TEST_CASE("record: values of every other type, everywhere") {
    WatermarkRecord record = signed_record();
    record.timestamp = patterned(9, 1);
    const Json json = Json::parse(to_json(record));
    std::vector<std::string> places{"/claim",
                                    "/evidence",
                                    "/claim/statistics",
                                    "/claim/tensors",
                                    "/claim/tensors/0",
                                    "/claim/tensors/0/mark",
                                    "/claim/tensors/0/shape"};
    each_leaf(json, "", [&](const std::string& at) { places.push_back(at); });
    REQUIRE(places.size() > 40);
    for (const std::string& place : places) {
        CAPTURE(place);
        for (const Json& value : {Json(nullptr), Json(true), Json(-1), Json(0.5), Json(1U), Json("text"), Json::array(),
                                  Json::array({1}), Json::object(), Json::object({{"name", "x"}})}) {
            Json other = json;
            Json& old = other.at(Json::json_pointer(place));
            const bool is_shape = place.ends_with("/shape");
            if (old.type() == value.type() || (is_shape && value.is_array())) continue;
            if (place.ends_with("/owner") || place.ends_with("/model_id")) // any text is one
                if (value.is_string()) continue;
            old = value;
            REQUIRE(reading(place.starts_with("/evidence") ? other.dump() : resealed(other)) == "record_malformed");
        }
    }
}

TEST_CASE("record: any field altered is noticed") {
    const Json json = Json::parse(to_json(signed_record()));
    std::size_t fields = 0;
    each_leaf(json["claim"], "/claim", [&](const std::string& at) {
        CAPTURE(at);
        Json other = json;
        other.at(Json::json_pointer(at)) = another(json.at(Json::json_pointer(at)));
        const std::string found = reading(other.dump());
        CHECK((found == "record_altered" || found == "record_malformed"));
        ++fields;
        // With the digest made to fit, the signature remains. Some changes break the form of a record, or its root.
        const std::string forged = reading(resealed(other));
        CHECK((forged == "record_signature" || forged == "record_malformed" || forged == "record_altered"));
    });
    CHECK(fields > 30);
    Json other = json;
    other["claim"]["owner"] = "Mallory";
    CHECK(reading(other.dump()) == "record_altered");
    CHECK(reading(resealed(other)) == "record_signature");
    other["claim"]["owner"] = "ACME Corp. ";
    CHECK(reading(other.dump()) == "record_altered");
}

TEST_CASE("record: no bit of a signed record can change") {
    const std::string json = to_json(signed_record());
#ifdef WEIGHTSEAL_SANITIZED
    const std::size_t step = 97;
#else
    const std::size_t step = 1;
#endif
    for (std::size_t bit = 0; bit < 8 * json.size(); bit += step) {
        std::string other = json;
        other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
        if (reading_code(other) == "nothing refused") FAIL("accepted: bit " << bit);
    }
}

TEST_CASE("record: cut off anywhere") {
    const std::string json = to_json(signed_record());
    for (std::size_t size = 0; size + 2 <= json.size(); ++size)
        if (reading_code(json.substr(0, size)) != "record_not_json") FAIL("cut to " << size);
}

TEST_CASE("record: digests that are not 64 lower-case hexadecimal digits") {
    const Json json = sample();
    for (const char* const place : {"/claim/root", "/claim/tensors/0/sha256", "/claim/tensors/0/mark/commitment",
                                    "/claim/tensors/0/mark/sha256", "/evidence/digest"}) {
        const auto good = json.at(Json::json_pointer(place)).get<std::string>();
        std::string upper = good;
        std::ranges::transform(upper, upper.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
        REQUIRE(upper != good);
        for (const std::string& bad : {std::string(), good.substr(1), good.substr(2), good + "0", good + "00", upper,
                                       "g" + good.substr(1), " " + good.substr(1), good.substr(1) + "\n",
                                       good.substr(0, 30) + ":" + good.substr(31), std::string(1U << 20, '0')}) {
            CAPTURE(place, bad.substr(0, 70));
            Json other = json;
            other.at(Json::json_pointer(place)) = bad;
            const bool is_digest = std::string_view(place) == "/evidence/digest";
            CHECK(reading(is_digest ? other.dump() : resealed(other)) == "record_malformed");
        }
    }
}

TEST_CASE("record: sketches and signatures that are not base64 of their size") {
    WatermarkRecord record = signed_record();
    record.timestamp = patterned(512, 1);
    const Json json = Json::parse(to_json(record));
    for (const char* const place : {"/claim/tensors/0/mark/sketch", "/evidence/signature", "/evidence/timestamp"}) {
        const auto good = json.at(Json::json_pointer(place)).get<std::string>();
        REQUIRE(good.ends_with('='));
        std::string stray = good; // bits that no byte has
        const std::size_t last = good.find('=') - 1;
        stray[last] = stray[last] == 'A' ? 'B' : static_cast<char>(stray[last] + 1);
        std::string url = good;
        url[3] = '-';
        for (const std::string& bad :
             {std::string(), good.substr(0, good.find('=')), good + "=", good + "====", "=" + good.substr(1), stray,
              url, good + "\n", "\n" + good, good.substr(0, 8) + "\n" + good.substr(8),
              good.substr(0, 4) + "*" + good.substr(5), std::string("===="), std::string("A")}) {
            CAPTURE(place, bad.substr(0, 70));
            Json other = json;
            other.at(Json::json_pointer(place)) = bad;
            CHECK(reading(resealed(other)) == "record_malformed");
        }
        if (std::string_view(place) == "/evidence/timestamp") continue;
        for (const std::size_t size : {0U, 1U, 31U, 63U, 65U, 511U, 513U, 1U << 20}) {
            Json other = json;
            other.at(Json::json_pointer(place)) = crypto::to_base64(patterned(size, 3));
            CHECK(reading(resealed(other)) == "record_malformed");
        }
    }
}

TEST_CASE("record: names") {
    CHECK(forging_tensor(0, [](Json& tensor) { tensor["name"] = "layer.bias"; }) == "record_malformed"); // twice
    CHECK(forging_tensor(0, [](Json& tensor) { tensor["name"] = "zzz"; }) == "record_malformed");        // not sorted
    CHECK(forging_tensor(0, [](Json& tensor) { tensor["name"] = std::string("a\0b", 3); }) == "record_malformed");
    CHECK(forging_tensor(0, [](Json& tensor) { tensor["name"] = std::string(65536, 'a'); }) == "record_malformed");
    CHECK(forging([](Json& claim) { std::swap(claim["tensors"][1], claim["tensors"][2]); }) == "record_malformed");
    // Sorted by bytes, not by UTF-16 as other languages have it.
    CHECK(rooting([](WatermarkRecord& record) {
              record.tensors[1].name = "\xEF\xBF\xAE";     // U+FFEE
              record.tensors[2].name = "\xF0\x9F\x98\x80"; // U+1F600
              record.tensors.erase(record.tensors.begin() + 3, record.tensors.end());
          }) == "nothing refused");
    CHECK(rooting([](WatermarkRecord& record) {
              record.tensors[0].name = "";
              record.tensors[3].tied_to = "";
          }) == "nothing refused"); // safetensors allows it
}

TEST_CASE("record: owner and model id") {
    for (const char* const field : {"owner", "model_id"}) {
        for (const std::string& bad : {std::string(), std::string("a\0b", 3), std::string(1025, 'x')})
            CHECK(forging([&](Json& claim) { claim[field] = bad; }) == "record_malformed");
        CHECK(forging([&](Json& claim) { claim[field] = std::string(1024, 'x'); }) == "nothing refused");
    }
}

TEST_CASE("record: strengths") {
    for (const char* const bad :
         {"", "0", "0.00009", "0.0200001", "1", "-0.001", "+0.001", "0.00100", " 0.001", "0.001 ", ".001", "1e-3",
          "1e-03", "nan", "inf", "0,001", "0x1p-10", "0.0010000000000000000000000001", "0.001x"}) {
        CAPTURE(bad);
        CHECK(forging([&](Json& claim) { claim["strength"] = bad; }) == "record_malformed");
    }
    CHECK(forging([](Json& claim) { claim["strength"] = 0.001; }) == "record_malformed");
    CHECK(forging([](Json& claim) { claim["strength"] = std::string(1U << 20, '1'); }) == "record_malformed");
}

TEST_CASE("record: other statistics than the registered ones") {
    CHECK(forging([](Json& claim) { claim["statistics"].erase(5); }) == "record_malformed");
    CHECK(forging([](Json& claim) { claim["statistics"].push_back("informed_sign"); }) == "record_malformed");
    CHECK(forging([](Json& claim) { claim["statistics"][0] = "blind_sign"; }) == "record_malformed");
    CHECK(forging([](Json& claim) { std::swap(claim["statistics"][0], claim["statistics"][1]); }) ==
          "record_malformed");
    CHECK(forging([](Json& claim) { claim["statistics"] = Json::array(); }) == "record_malformed");
}

TEST_CASE("record: dtypes and shapes") {
    CHECK(forging_tensor(1, [](Json& tensor) { tensor["dtype"] = "F128"; }) == "record_malformed");
    CHECK(forging_tensor(1, [](Json& tensor) { tensor["dtype"] = "f32"; }) == "record_malformed");
    CHECK(forging_tensor(1, [](Json& tensor) { tensor["dtype"] = ""; }) == "record_malformed");
    const auto shaped = [](const Json& shape) {
        return forging_tensor(1, [&](Json& tensor) { tensor["shape"] = shape; });
    };
    CHECK(shaped({1U << 31, 1U << 31}) == "record_malformed");
    CHECK(shaped({std::uint64_t{1} << 61, 2}) == "record_malformed");
    CHECK(shaped({UINT64_MAX}) == "record_malformed");
    CHECK(shaped(Json::array({0, UINT64_MAX})) == "record_malformed");
    CHECK(shaped({1, -1}) == "record_malformed");
    CHECK(shaped({1, 1.5}) == "record_malformed");
    CHECK(shaped(Json::array({Json::array({1})})) == "record_malformed");
    CHECK(shaped({"64"}) == "record_malformed");
    CHECK(shaped(std::vector<int>(33, 1)) == "record_malformed");
    CHECK(forging_tensor(1, [](Json& tensor) {
              tensor["dtype"] = "F4"; // half a byte
              tensor["shape"] = {3};
          }) == "record_malformed");
    CHECK(rooting([](WatermarkRecord& record) { record.tensors[1].shape.assign(32, 1); }) == "nothing refused");
    CHECK(rooting([](WatermarkRecord& record) {
              record.tensors[1].shape = {0, UINT64_MAX / 64};
          }) == "nothing refused");
}

TEST_CASE("record: marks that cannot be") {
    for (const char* const dtype : {"F8_E4M3", "I32", "U8", "C64", "BOOL"})
        CHECK(forging_tensor(0, [&](Json& tensor) { tensor["dtype"] = dtype; }) == "record_malformed");
    CHECK(forging_tensor(0, [](Json& tensor) { tensor["mark"]["elements"] = 6401; }) == "record_malformed");
    CHECK(forging_tensor(0, [](Json& tensor) { tensor["mark"]["elements"] = UINT64_MAX; }) == "record_malformed");
    CHECK(
        rooting([](WatermarkRecord& record) { // more than can be counted
            const std::uint64_t most = std::uint64_t{1} << 58;
            record.tensors.clear();
            for (unsigned i = 0; i < 65; ++i)
                record.tensors.push_back(marked_tensor(fmt::format("{:03}", i), Dtype::bf16, {most / 64, 64}, i, most));
        }) == "record_malformed");
    // A row is handled whole: it must not be what memory does not hold.
    const auto shaped = [](const std::vector<std::uint64_t>& shape) {
        return rooting([&](WatermarkRecord& record) { record.tensors[2].shape = shape; });
    };
    CHECK(shaped({8000}) == "record_malformed");
    CHECK(shaped({1, 1U << 20}) == "nothing refused");
    CHECK(shaped({1, (1U << 20) + 1}) == "record_malformed");
    CHECK(shaped({8, 1U << 19, 63}) == "record_malformed");
    CHECK(shaped({0, 64}) == "record_malformed"); // more elements marked than there are
    CHECK(rooting([](WatermarkRecord& record) {   // marked, but nothing of it
              for (RecordTensor& tensor : record.tensors)
                  if (tensor.mark) tensor.mark->elements = 0;
          }) == "record_malformed");
    CHECK(rooting([](WatermarkRecord& record) {
              for (RecordTensor& tensor : record.tensors) {
                  tensor.mark.reset();
                  tensor.tied_to.reset();
              }
          }) == "record_malformed");
    CHECK(forging([](Json& claim) { claim["tensors"] = Json::array(); }) == "record_malformed");
}

TEST_CASE("record: ties to what is not there, not marked or not equal") {
    const auto tied = [](const std::function<void(Json & tensor)>& change) { return forging_tensor(3, change); };
    for (const char* const target : {"", "nothing", "layer.bias", "lm_head.weight", "layer.weight", "embed.weigh"})
        CHECK(tied([&](Json& tensor) { tensor["tied_to"] = target; }) == "record_malformed");
    CHECK(tied([](Json& tensor) { tensor["dtype"] = "F16"; }) == "record_malformed");
    CHECK(tied([](Json& tensor) { tensor["shape"] = {64, 100}; }) == "record_malformed");
    CHECK(tied([](Json& tensor) { tensor["sha256"] = std::string(64, '0'); }) == "record_malformed");
    CHECK(rooting([](WatermarkRecord& record) { record.tensors[3].mark = record.tensors[0].mark; }) ==
          "record_malformed");
}

TEST_CASE("record: a root of another original") {
    CHECK(forging([](Json& claim) { claim["root"] = std::string(64, '0'); }) == "record_altered");
    CHECK(forging_tensor(1, [](Json& tensor) { tensor["sha256"] = std::string(64, '0'); }) == "record_altered");
    CHECK(forging_tensor(1, [](Json& tensor) { tensor["name"] = "layer.bia"; }) == "record_altered");
    CHECK(forging([](Json& claim) { claim["tensors"].erase(4); }) == "record_altered");
}

TEST_CASE("record: signatures") {
    const Json json = Json::parse(to_json(signed_record()));
    const auto with = [&](const std::function<void(Json & evidence)>& change) {
        Json other = json;
        change(other["evidence"]);
        return reading(other.dump());
    };
    CHECK(with([](Json& evidence) { evidence.erase("signer"); }) == "record_malformed");
    CHECK(with([](Json& evidence) { evidence.erase("signature"); }) == "record_malformed");
    CHECK(with([](Json& evidence) { evidence["signature"] = crypto::to_base64(Signature{}); }) == "record_signature");
    const PublicKey other = public_key(fixed_key(KeyKind::signing, 8));
    CHECK(with([&](Json& evidence) { evidence["signer"] = format_public_key(other); }) == "record_signature");
    CHECK(with([](Json& evidence) { evidence["signer"] = format_public_key(PublicKey{std::byte{1}}); }) ==
          "record_signature");
    const auto signer = json["evidence"]["signer"].get<std::string>();
    for (const std::string& bad : {std::string(), signer + "\n", "# x\n" + signer, signer + "A", signer.substr(1),
                                   signer.substr(0, 60) + "?", std::string("wseal_signing_") + signer.substr(13)}) {
        CAPTURE(bad);
        CHECK(with([&](Json& evidence) { evidence["signer"] = bad; }) == "record_malformed");
    }
    // Taking it off leaves a record without one, which is what `require_signature` is for.
    Json bare = json;
    bare["evidence"].erase("signer");
    bare["evidence"].erase("signature");
    const WatermarkRecord record = parse_record(bare.dump());
    CHECK(refusal([&] { require_signature(record); }) == "record_unsigned");
    // A signature over the claim of another record.
    WatermarkRecord moved = sample_record();
    moved.owner = "Mallory";
    moved.signer = parse_record(json.dump()).signer;
    moved.signature = parse_record(json.dump()).signature;
    CHECK(reading(to_json(moved)) == "record_signature");
}

TEST_CASE("record: a time-stamp larger than any real one") {
    WatermarkRecord record = sample_record();
    record.timestamp = patterned(1U << 20, 1);
    CHECK(reading(to_json(record)) == "nothing refused");
    record.timestamp.push_back(std::byte{0});
    CHECK(reading(to_json(record)) == "record_malformed");
    record.timestamp = patterned(4U << 20, 1);
    CHECK(reading(to_json(record)) == "record_malformed");
}

TEST_CASE("record: nested deeply, it is read without deep recursion") {
    const std::size_t depth = 2'000'000;
    CHECK(reading("{\"x\":" + std::string(depth, '[') + std::string(depth, ']') + "}") == "record_malformed");
    CHECK(reading_code("{\"x\":" + std::string(depth, '[')) == "record_not_json");
    CHECK(reading("{\"weightseal_record\":1,\"claim\":" + std::string(depth, '[')) == "record_malformed");
    std::string objects;
    for (std::size_t i = 0; i < 100'000; ++i)
        objects += "{\"a\":";
    CHECK(reading_code("{\"x\":" + objects) == "record_not_json");
    CHECK(reading("{\"weightseal_record\":1,\"claim\":" + objects) == "record_malformed");
}

TEST_CASE("record: what a hostile one says of itself is not repeated raw") {
    Json json = sample();
    json["claim"]["\x1b[31m"] = 1;
    try {
        (void)parse_record(json.dump(), "evil\x1b.json");
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK(std::string_view(error.what()).find('\x1b') == std::string_view::npos);
    }
}

} // namespace weightseal::testing

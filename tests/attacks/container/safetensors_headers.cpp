// Hostile safetensors files: none of them is sealed, and each refusal says what is wrong and where.

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/models.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealer.hpp"
#include "weightseal/formats/safetensors.hpp"

#include <filesystem>

namespace weightseal::testing {
namespace {

std::string at(const char* code, std::uint64_t offset) {
    return code + (" at " + std::to_string(offset));
}

// How a file is refused: as a source of bytes, and by `seal`, which then leaves nothing behind.
std::string sealing(const Data& file) {
    const std::string result = refusal([&] { (void)safetensors_model(memory_source(file), "m.safetensors"); });
    const TemporaryFolder folder;
    write_file(folder / "in/m.safetensors", file);
    std::filesystem::create_directory(folder / "out");
    const Key key = Key::generate(KeyKind::seal);
    CHECK(refusal([&] { seal(folder / "in/m.safetensors", folder / "out/sealed", key); }) == result);
    if (result != "nothing refused") CHECK(std::filesystem::is_empty(folder / "out"));
    return result;
}

std::string header(std::string_view json, std::size_t data_bytes = 0) {
    return sealing(safetensors_raw(json, Data(data_bytes, std::byte{0x5A})));
}

// A file of one tensor "a" with these fields.
std::string tensor(const std::string& fields, std::size_t data_bytes = 4) {
    return header("{\"a\":{" + fields + "}}", data_bytes);
}

const std::string f32 = R"("dtype":"F32","shape":[1],"data_offsets":[0,4])";

Data with_length(std::uint64_t length, std::string_view rest) {
    Data file(8);
    store_le(MutableBytes(file), 0, length);
    for (const char c : rest)
        file.push_back(static_cast<std::byte>(c));
    return file;
}

} // namespace

TEST_CASE("safetensors: the smallest valid files are accepted") {
    CHECK(header("{}") == "nothing refused");
    CHECK(header("{}   ") == "nothing refused"); // padding
    CHECK(header(R"({"__metadata__":{"a":"b"}})") == "nothing refused");
    CHECK(tensor(f32) == "nothing refused");
    CHECK(tensor(R"("shape":[],"data_offsets":[0,4],"dtype":"F32")") == "nothing refused");
    CHECK(tensor(R"("dtype":"F32","shape":[0,7],"data_offsets":[0,0])", 0) == "nothing refused");
    CHECK(tensor(R"("dtype":"F4","shape":[2],"data_offsets":[0,1])", 1) == "nothing refused");
}

TEST_CASE("safetensors: a header that is too long or cut off") {
    for (std::size_t size = 0; size < 8; ++size)
        CHECK(sealing(Data(size)) == at("header_truncated", size));
    for (const std::uint64_t length : {safetensors_max_header + 1, std::uint64_t{1} << 32, std::uint64_t{1} << 63,
                                       ~std::uint64_t{0}, ~std::uint64_t{0} - 7})
        CHECK(sealing(with_length(length, "{}")) == at("header_too_long", 0));
    for (const std::uint64_t length : {std::uint64_t{3}, std::uint64_t{4096}, safetensors_max_header})
        CHECK(sealing(with_length(length, "{}")) == at("header_truncated", 0));
}

TEST_CASE("safetensors: a small file that names a long header takes little memory") {
    const Data file = with_length(safetensors_max_header, "{}");
    CHECK(errc_in_child([&] {
              limit_memory(16 << 20);
              (void)safetensors_model(memory_source(file), "m");
          }) == static_cast<int>(Errc::header_truncated));
}

TEST_CASE("safetensors: the header may be as long as the format allows") {
    std::string json(safetensors_max_header, ' ');
    json.replace(0, 2, "{}");
    const Data file = safetensors_raw(json, {});
    CHECK(refusal([&] { (void)safetensors_model(memory_source(file), "m"); }) == "nothing refused");
}

TEST_CASE("safetensors: every truncation of a valid file is refused") {
    const Data file = safetensors_file({make_tensor("a", "F32", {2, 3}), make_tensor("b", "U8", {5})});
    for (std::size_t size = 0; size < file.size(); ++size) {
        const Data cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
        const std::string result = refusal([&] { (void)safetensors_model(memory_source(cut), "m"); });
        if (!result.starts_with("header_truncated") && !result.starts_with("tensor_out_of_bounds")) {
            CAPTURE(size);
            REQUIRE(result == "header_truncated");
        }
    }
}

TEST_CASE("safetensors: a header that is not JSON") {
    CHECK(header("") == at("header_not_json", 8));
    CHECK(header(" {}") == at("header_not_json", 8));
    CHECK(header("\xEF\xBB\xBF{}") == at("header_not_json", 8));
    CHECK(header("[]") == at("header_not_json", 8));
    CHECK(header("{") == at("header_not_json", 8 + 2));
    CHECK(header("{}{}") == at("header_not_json", 8 + 3));
    CHECK(header(std::string_view("{}\0", 3)) == at("header_not_json", 8 + 2));
    CHECK(header(std::string_view("{}\0\0 anything", 12)) == at("header_not_json", 8 + 2));
    CHECK(header(R"({"a":})").starts_with("header_not_json"));
    CHECK(header(R"({a:1})").starts_with("header_not_json"));
    CHECK(header("{\"__metadata__\":{\"a\":\"b\",}}").starts_with("header_not_json"));
    CHECK(header("{/* a comment */}").starts_with("header_not_json"));
    CHECK(header("{\"__metadata__\":{\"a\":\"\xFF\"}}").starts_with("header_not_json"));
    CHECK(header("{\"\xC0\xAE\":{}}").starts_with("header_not_json"));
    CHECK(header(R"({"\ud800":{}})").starts_with("header_not_json"));
    CHECK(tensor(R"("dtype":"F32","shape":[01],"data_offsets":[0,4])").starts_with("header_not_json"));
    CHECK(tensor(R"("dtype":"F32","shape":[NaN],"data_offsets":[0,4])").starts_with("header_not_json"));
}

TEST_CASE("safetensors: JSON of another shape") {
    for (const char* const json :
         {R"({"a":1})", R"({"a":"b"})", R"({"a":null})", R"({"a":true})", R"({"a":[]})", R"({"a":1.5})", R"({"a":{}})",
          R"({"__metadata__":[]})", R"({"__metadata__":"x"})", R"({"__metadata__":null})",
          R"({"__metadata__":{"a":1}})", R"({"__metadata__":{"a":{}}})", R"({"__metadata__":{"a":null}})"}) {
        CAPTURE(json);
        CHECK(header(json) == at("header_malformed", 8));
    }
    for (const char* const fields :
         {R"("dtype":"F32","shape":[1])", R"("shape":[1],"data_offsets":[0,4])",
          R"("dtype":"F32","data_offsets":[0,4])", R"("dtype":1,"shape":[1],"data_offsets":[0,4])",
          R"("dtype":"F32","shape":1,"data_offsets":[0,4])", R"("dtype":"F32","shape":{},"data_offsets":[0,4])",
          R"("dtype":"F32","shape":["1"],"data_offsets":[0,4])", R"("dtype":"F32","shape":[[1]],"data_offsets":[0,4])",
          R"("dtype":"F32","shape":[null],"data_offsets":[0,4])", R"("dtype":"F32","shape":[1],"data_offsets":[])",
          R"("dtype":"F32","shape":[1],"data_offsets":[0])", R"("dtype":"F32","shape":[1],"data_offsets":[0,4,4])",
          R"("dtype":"F32","shape":[1],"data_offsets":{"0":4})", R"("dtype":["F32"],"shape":[1],"data_offsets":[0,4])",
          R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"extra":0)"}) {
        CAPTURE(fields);
        CHECK(tensor(fields) == at("header_malformed", 8));
    }
}

TEST_CASE("safetensors: negative, fractional, huge and signed numbers") {
    for (const char* const number : {"-1", "-0", "1.0", "1e0", "0.5", "1e300", "18446744073709551616",
                                     "99999999999999999999999", "-9223372036854775808"}) {
        CAPTURE(number);
        const std::string text = number;
        CHECK(tensor(R"("dtype":"F32","shape":[)" + text + R"(],"data_offsets":[0,4])") == at("header_malformed", 8));
        CHECK(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[)" + text + ",4]") == at("header_malformed", 8));
        CHECK(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,)" + text + "]") == at("header_malformed", 8));
    }
}

TEST_CASE("safetensors: duplicate names") {
    CHECK(header("{\"a\":{" + f32 + "},\"a\":{" + f32 + "}}", 4) == at("duplicate_tensor", 8));
    // The same name, written with an escape.
    CHECK(header("{\"a\":{" + f32 + "},\"\\u0061\":{" + f32 + "}}", 4) == at("duplicate_tensor", 8));
    CHECK(header(R"({"__metadata__":{},"__metadata__":{}})") == at("duplicate_tensor", 8));
    CHECK(header(R"({"__metadata__":{"k":"1","k":"2"}})") == at("header_malformed", 8));
    for (const char* const again : {R"("dtype":"F32")", R"("dtype":"U8")", R"("shape":[1])", R"("data_offsets":[0,4])",
                                    R"("d\u0074ype":"F32")"}) {
        CAPTURE(again);
        CHECK(tensor(f32 + "," + again) == at("header_malformed", 8));
    }
}

TEST_CASE("safetensors: names that a container cannot hold") {
    CHECK(header("{\"a\\u0000b\":{" + f32 + "}}", 4) == at("unsafe_name", 8));
    CHECK(header("{\"" + std::string(65535, 'n') + "\":{" + f32 + "}}", 4) == "nothing refused");
    CHECK(header("{\"" + std::string(65536, 'n') + "\":{" + f32 + "}}", 4) == at("unsafe_name", 8));
    // A file's own name becomes a path later.
    const Data file = safetensors_raw("{}", {});
    for (const char* const name : {"../x", "/x", "", "..", "a\\b", "a\nb"})
        CHECK(refusal([&] { (void)safetensors_model(memory_source(file), name); }) == "unsafe_name");
}

TEST_CASE("safetensors: holes, overlaps and bytes left over") {
    const auto two = [](const char* a, const char* b, std::size_t bytes) {
        const std::string json = std::string(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)") + a +
                                 R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + b + "}}";
        const std::string result = header(json, bytes);
        // Offsets in the file, told relative to its data.
        const std::size_t space = result.rfind(' ');
        if (result.find(" at ") == std::string::npos) return result;
        const std::uint64_t offset = std::stoull(result.substr(space + 1)) - 8 - json.size();
        return result.substr(0, space + 1) + std::to_string(offset);
    };
    CHECK(two("[0,4]", "[4,8]", 8) == "nothing refused");
    CHECK(two("[4,8]", "[0,4]", 8) == "nothing refused"); // names need not be in the order of the data
    CHECK(two("[0,4]", "[5,9]", 9) == "tensor_hole at 4");
    CHECK(two("[1,5]", "[5,9]", 9) == "tensor_hole at 0");
    CHECK(two("[0,4]", "[0,4]", 4) == "tensor_overlap at 0");
    CHECK(two("[0,4]", "[3,7]", 7) == "tensor_overlap at 3");
    CHECK(two("[0,4]", "[0,4]", 8) == "tensor_overlap at 0");
    CHECK(two("[0,4]", "[4,8]", 9) == "data_trailing_bytes at 8");
    CHECK(two("[0,4]", "[4,8]", 4096) == "data_trailing_bytes at 8");
    CHECK(two("[0,4]", "[4,8]", 7) == "tensor_out_of_bounds at 8");
    CHECK(two("[0,4]", "[4,8]", 0).starts_with("tensor_out_of_bounds"));
    CHECK(header("{}", 1) == at("data_trailing_bytes", 10));
    // An empty tensor within another one.
    CHECK(header(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                 R"("e":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})",
                 4)
              .starts_with("tensor_overlap"));
}

TEST_CASE("safetensors: offsets past the end or backwards") {
    CHECK(tensor(R"("dtype":"U8","shape":[5],"data_offsets":[0,5])").starts_with("tensor_out_of_bounds"));
    CHECK(tensor(R"("dtype":"U8","shape":[4],"data_offsets":[18446744073709551611,18446744073709551615])")
              .starts_with("tensor_out_of_bounds"));
    CHECK(tensor(R"("dtype":"U8","shape":[4],"data_offsets":[0,18446744073709551615])")
              .starts_with("tensor_out_of_bounds"));
    CHECK(tensor(R"("dtype":"U8","shape":[4],"data_offsets":[4,0])").starts_with("tensor_size_mismatch"));
    CHECK(tensor(R"("dtype":"U8","shape":[4],"data_offsets":[18446744073709551615,0])")
              .starts_with("tensor_size_mismatch"));
}

TEST_CASE("safetensors: shapes that overflow or disagree with the offsets") {
    for (const char* const shape :
         {"[18446744073709551615]", "[4294967296,4294967296]", "[2305843009213693952,8]", "[9223372036854775808,2,1]",
          "[4611686018427387905,4]", "[18446744073709551615,18446744073709551615,18446744073709551615]"}) {
        CAPTURE(shape);
        CHECK(tensor(std::string(R"("dtype":"F32","data_offsets":[0,4],"shape":)") + shape)
                  .starts_with("shape_overflow"));
    }
    for (const char* const shape : {"[0]", "[2]", "[1,0]", "[4]", "[1,2]"})
        CHECK(tensor(std::string(R"("dtype":"F32","data_offsets":[0,4],"shape":)") + shape)
                  .starts_with("tensor_size_mismatch"));
    CHECK(tensor(R"("dtype":"F4","shape":[7],"data_offsets":[0,4])").starts_with("misaligned_tensor"));
    CHECK(tensor(R"("dtype":"F6_E2M3","shape":[5],"data_offsets":[0,4])").starts_with("misaligned_tensor"));
}

TEST_CASE("safetensors: unknown dtypes") {
    for (const char* const dtype : {"", "f32", "F32 ", "FLOAT", "F128", "?", "BF16\\u0000", "F8_E4M3FN", "I4"}) {
        CAPTURE(dtype);
        CHECK(tensor(std::string(R"("shape":[1],"data_offsets":[0,4],"dtype":")") + dtype + "\"") ==
              at("unknown_dtype", 8));
    }
}

TEST_CASE("safetensors: more dimensions than 32") {
    const auto shape = [](std::size_t rank) {
        std::string text = "[1";
        for (std::size_t i = 1; i < rank; ++i)
            text += ",1";
        return R"("dtype":"F32","data_offsets":[0,4],"shape":)" + text + "]";
    };
    CHECK(tensor(shape(32)) == "nothing refused");
    CHECK(tensor(shape(33)) == at("too_large", 8));
    CHECK(tensor(shape(100'000)) == at("too_large", 8));
}

TEST_CASE("safetensors: deep nesting is refused without deep recursion") {
    const std::size_t depth = 5'000'000;
    const std::string opened(depth, '[');
    const auto parsing = [](const std::string& json) {
        const Data file = safetensors_raw(json, {});
        return refusal([&] { (void)safetensors_model(memory_source(file), "m"); });
    };
    CHECK(parsing("{\"a\":" + opened) == at("header_malformed", 8));
    CHECK(parsing("{\"a\":{\"shape\":" + opened) == at("header_malformed", 8));
    CHECK(parsing("{\"__metadata__\":" + opened) == at("header_malformed", 8));
    std::string objects;
    for (std::size_t i = 0; i < depth / 5; ++i)
        objects += "{\"a\":";
    CHECK(parsing(objects) == at("header_malformed", 8));
}

TEST_CASE("safetensors: a byte source that fails") {
    const Data file = safetensors_file({make_tensor("a", "F32", {2, 3})});
    for (int failing = 0; failing < 2; ++failing) {
        int reads = 0;
        const auto source = callback_source(file.size(), [&](std::uint64_t offset, MutableBytes to) {
            std::memcpy(to.data(), file.data() + offset, to.size());
            return reads++ != failing;
        });
        CHECK(refusal([&] { (void)safetensors_model(source, "m"); }) == at("io_failed", failing == 0 ? 0 : 8));
    }
}

} // namespace weightseal::testing

// safetensors files that are valid, in all the ways the specification allows. Invalid ones:
// attacks/container.

#include "weightseal/formats/safetensors.hpp"

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/refusal.hpp"

#include <algorithm>

namespace weightseal::testing {
namespace {

SafetensorsHeader header_of(const Data& file) {
    std::vector<std::byte> head;
    SafetensorsHeader header = read_safetensors_header(*memory_source(file), head);
    CHECK(head.size() == header.data_begin);
    CHECK(std::equal(head.begin(), head.end(), file.begin()));
    return header;
}

Data entry_data(const ModelSource& model, std::size_t entry) {
    Data data(model.entries()[entry].bytes);
    model.read(entry, 0, data);
    return data;
}

constexpr const char* dtypes[] = {
    "BOOL", "F4",  "F6_E2M3", "F6_E3M2", "U8",  "I8",  "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
    "I16",  "U16", "F16",     "BF16",    "I32", "U32", "F32",     "C64",     "F64",     "I64",         "U64"};

} // namespace

TEST_CASE("tensors of all 22 dtypes, scalars and empty ones are read as they stand") {
    std::vector<TensorData> tensors;
    for (const char* const dtype : dtypes) {
        const std::string name = dtype;
        tensors.push_back(make_tensor(name + " matrix", name, {4, 6}, tensors.size()));
        tensors.push_back(make_tensor(name + " empty", name, {3, 0}));
        if (dtype_bits(*dtype_from_name(name)) >= 8)
            tensors.push_back(make_tensor(name + " scalar", name, {}, tensors.size()));
    }
    const Data file = safetensors_file(tensors);
    const auto model = safetensors_model(memory_source(file), "model.safetensors");
    REQUIRE(model->entries().size() == tensors.size() + 1);
    CHECK_FALSE(model->is_folder());
    for (const TensorData& tensor : tensors) {
        INFO(tensor.name);
        const auto& entries = model->entries();
        const auto entry = std::ranges::find(entries, tensor.name, &SourceEntry::name);
        REQUIRE(entry != entries.end());
        CHECK(entry->kind == SourceEntry::Kind::tensor);
        CHECK(dtype_name(entry->dtype) == tensor.dtype);
        CHECK(entry->shape == tensor.shape);
        CHECK(entry->link == 0);
        CHECK(entry_data(*model, static_cast<std::size_t>(entry - entries.begin())) == tensor.data);
    }
}

TEST_CASE("tensors come in the order of their data, whatever the order of the header") {
    const Data data = patterned(12, 1);
    const Data file = safetensors_raw(R"({"c":{"dtype":"U8","shape":[4],"data_offsets":[8,12]},)"
                                      R"("a":{"shape":[5],"data_offsets":[0,5],"dtype":"I8"},)"
                                      R"("b":{"data_offsets":[5,8],"dtype":"BOOL","shape":[3]}})",
                                      data);
    const SafetensorsHeader header = header_of(file);
    REQUIRE(header.tensors.size() == 3);
    CHECK(header.tensors[0].name == "a");
    CHECK(header.tensors[1].name == "b");
    CHECK(header.tensors[2].name == "c");
    CHECK(header.tensors[1].begin == header.data_begin + 5);
    CHECK(header.tensors[1].end == header.data_begin + 8);
}

TEST_CASE("metadata and padding of the header are kept byte for byte") {
    const Data file = safetensors_raw(
        R"({"__metadata__":{"format":"pt","note":"ünï\u00e9 \"quoted\""},"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}   )"
        "\n\t ",
        patterned(2, 1));
    const auto model = safetensors_model(memory_source(file), "m.safetensors");
    REQUIRE(model->entries().size() == 2);
    CHECK(model->entries()[0].kind == SourceEntry::Kind::safetensors_head);
    CHECK(model->entries()[0].name == "m.safetensors");
    Data whole = entry_data(*model, 0);
    const Data tensor = entry_data(*model, 1);
    whole.insert(whole.end(), tensor.begin(), tensor.end());
    CHECK(whole == file);
}

TEST_CASE("a file without tensors is a model") {
    for (const char* const header : {"{}", "{ }", R"({"__metadata__":{}})", R"({"__metadata__":{"a":"b"}})"}) {
        const Data file = safetensors_raw(header, {});
        CHECK(header_of(file).tensors.empty());
        CHECK(safetensors_model(memory_source(file), "m")->entries().size() == 1);
    }
}

TEST_CASE("names may be any text: escapes, other scripts, empty, very long") {
    const std::string long_name(65535, 'n');
    const Data file = safetensors_raw(
        R"({"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a\"\\b\u0041\n":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},)"
        R"("模型/层.0":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},")" +
            long_name + R"(":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}})",
        patterned(4, 1));
    const SafetensorsHeader header = header_of(file);
    REQUIRE(header.tensors.size() == 4);
    CHECK(header.tensors[0].name.empty());
    CHECK(header.tensors[1].name == "a\"\\bA\n");
    CHECK(header.tensors[2].name == "模型/层.0");
    CHECK(header.tensors[3].name == long_name);
}

TEST_CASE("parts of an entry are read from any offset") {
    const TensorData tensor = make_tensor("w", "F32", {100, 10}, 9);
    const Data file = safetensors_file({make_tensor("first", "U8", {7}), tensor});
    const auto model = safetensors_model(memory_source(file), "m");
    Data part(100);
    model->read(2, 1234, part);
    CHECK(std::equal(part.begin(), part.end(), tensor.data.begin() + 1234));
    Data head_part(5);
    model->read(0, 3, head_part);
    CHECK(std::equal(head_part.begin(), head_part.end(), file.begin() + 3));
}

TEST_CASE("open_model tells files from folders, and names the file after its path") {
    const TemporaryFolder folder;
    write_file(folder / "weights.safetensors", safetensors_file({make_tensor("w", "U8", {3})}));
    CHECK(open_model(folder / "weights.safetensors")->entries()[0].name == "weights.safetensors");
    CHECK_FALSE(open_model(folder / "weights.safetensors")->is_folder());
    CHECK(open_model(folder.path())->is_folder());
    CHECK(refusal([&] { (void)open_model(folder / "missing"); }) == "file_not_found");
}

TEST_CASE("a file that ends while it is sealed is source_changed") {
    const TemporaryFolder folder;
    const auto path = folder / "m.safetensors";
    write_file(path, safetensors_file({make_tensor("w", "U8", {1000})}));
    const auto model = open_model(path);
    std::filesystem::resize_file(path, 200);
    Data data(1000);
    CHECK(refusal_code([&] { model->read(1, 0, data); }) == "source_changed");
}

} // namespace weightseal::testing

// Sealed files that were made once, by the program and by an independent writer, and must open for ever.

#include "unit/vectors.hpp"
#include "crypto/hash.hpp"
#include "support/catch.hpp"
#include "weightseal/container/sealed_model.hpp"

namespace weightseal::testing {
namespace {

Data file_of(const nlohmann::json& vector) {
    Data file(vector["size"].get<std::size_t>());
    for (const auto& part : vector["parts"]) {
        const Data bytes = from_base64url(part[1]);
        const auto at = part[0].get<std::size_t>();
        REQUIRE(at + bytes.size() <= file.size());
        std::ranges::copy(bytes, file.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return file;
}

std::string digest(Bytes bytes) {
    return to_hex(crypto::sha256({bytes}));
}

void check_tensors(const SealedModel& model, const nlohmann::json& expected) {
    REQUIRE(model.tensor_count() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const TensorInfo info = model.tensor(i);
        CHECK(info.name == expected[i]["name"].get<std::string>());
        CHECK(dtype_name(info.dtype) == expected[i]["dtype"].get<std::string>());
        CHECK(std::vector(info.shape.begin(), info.shape.end()) ==
              expected[i]["shape"].get<std::vector<std::uint64_t>>());
        CHECK(digest(std::as_const(model).read({.tensor = i, .slice = {}}).bytes()) ==
              expected[i]["sha256"].get<std::string>());
    }
}

void check_files(const SealedModel& model, const nlohmann::json& expected) {
    REQUIRE(model.file_count() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const FileInfo info = model.file(i);
        CHECK(info.name == expected[i]["name"].get<std::string>());
        CHECK(info.is_safetensors_head == (expected[i]["role"] == "head"));
        CHECK(digest(model.read_file(i).bytes()) == expected[i]["sha256"].get<std::string>());
    }
}

} // namespace

TEST_CASE("committed containers open, verify and hold what they held") {
    const auto vectors = load_vectors("container.json");
    REQUIRE(vectors["containers"].size() == 4);
    for (const auto& vector : vectors["containers"]) {
        INFO(vector["made_by"].get<std::string>() << ": " << vector["name"].get<std::string>());
        const Data file = file_of(vector);
        REQUIRE(digest(file) == vector["sha256"].get<std::string>());
        const SealedModel model = SealedModel::open(memory_source(file), Key::parse(vector["key"].get<std::string>()));
        CHECK(static_cast<int>(model.facts().suite) == vector["suite"].get<int>());
        CHECK(model.facts().chunk_size == std::uint64_t{1} << vector["chunk_log2"].get<unsigned>());
        CHECK(model.facts().is_signed == vector["is_signed"].get<bool>());
        CHECK(model.is_folder() == vector["is_folder"].get<bool>());
        CHECK_FALSE(model.damaged_slot_block());
        model.verify();
        check_tensors(model, vector["tensors"]);
        check_files(model, vector["files"]);
    }
}

} // namespace weightseal::testing

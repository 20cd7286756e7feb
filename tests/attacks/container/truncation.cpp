// Files that end early or go on.

#include "support/catch.hpp"
#include "support/forge.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"

namespace weightseal::testing {
namespace {

std::string at(const char* code, std::uint64_t offset) {
    return code + (" at " + std::to_string(offset));
}

} // namespace

TEST_CASE("every truncation length is refused as truncated, with the place where the file ends") {
    const Key key = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key);
    for (std::size_t size = 0; size < file.size(); ++size) {
        // A copy of its own, so that a sanitizer sees any read past the end.
        const Data cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
        // Less than the magic says nothing of what the file was.
        const std::string expected = size < layout::prelude::magic.size() ? "not_sealed at 0" : at("truncated", size);
        const std::string opening = refusal([&] { (void)SealedModel::open(memory_source(cut), key); });
        const std::string inspecting = refusal([&] { (void)inspect(*memory_source(cut)); });
        if (opening != expected || inspecting != expected) {
            CAPTURE(size);
            REQUIRE(opening == expected);
            REQUIRE(inspecting == expected);
        }
    }
}

TEST_CASE("trailing bytes are refused, whatever they are") {
    const Key key = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key);
    const Data extra = GENERATE(Data(1, std::byte{0}), Data(1, std::byte{0xFF}), Data(1024), Data(4096));
    Data longer = file;
    longer.insert(longer.end(), extra.begin(), extra.end());
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(longer), key); }) == at("trailing_bytes", file.size()));
    CHECK(refusal([&] { (void)inspect(*memory_source(longer)); }) == at("trailing_bytes", file.size()));
}

TEST_CASE("a container after another one is trailing bytes") {
    const Key key = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key);
    Data twice = file;
    twice.insert(twice.end(), file.begin(), file.end());
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(twice), key); }) == at("trailing_bytes", file.size()));
}

TEST_CASE("a file that becomes shorter after opening is refused by every read, and the buffer is zeros") {
    const Key key = Key::generate(KeyKind::seal);
    const TemporaryFolder folder;
    write_file(folder / "model", minimal_container(key));
    const SealedModel model = SealedModel::open(folder / "model", key);
    std::filesystem::resize_file(folder / "model", layout::prelude::size);
    const std::uint64_t body = layout::prelude::size + 2 * layout::slots::default_block_size;
    Data destination(model.tensor(0).bytes, std::byte{0xAA});
    const ReadItem item{{0, {}}, destination};
    CHECK(refusal([&] { model.read_into({&item, 1}); }) == at("source_changed", body + 64));
    CHECK(all_zero(destination));
    CHECK(refusal_code([&] { model.verify(); }) == "truncated");
}

TEST_CASE("plaintext models are not opened as if they were sealed") {
    const Key key = Key::generate(KeyKind::seal);
    const Data safetensors = to_data(std::string("\x02\0\0\0\0\0\0\0{}", 10));
    const Data pickle = to_data("\x80\x02}q");
    const Data zip = to_data("PK\x03\x04 a checkpoint of torch");
    const Data gguf = to_data("GGUF\x03");
    for (const Data& plain : {safetensors, pickle, zip, gguf})
        CHECK(refusal([&] { (void)SealedModel::open(memory_source(plain), key); }) == "plaintext_model");
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(to_data("#!/bin/sh")), key); }) == "not_sealed at 0");
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(Data(1 << 20)), key); }) == "not_sealed at 0");
}

} // namespace weightseal::testing

// Opening: from a file, memory or a callback; handles that move; one damaged slot block.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "unit/container/fixture.hpp"

namespace weightseal::testing {
namespace {

MemoryModel small_model() {
    MemoryModel model;
    model.add_tensor(make_tensor("w", "F32", {30, 1000}, 1));
    return model;
}

constexpr std::size_t block_a = layout::prelude::size;
constexpr std::size_t block_b = block_a + layout::slots::default_block_size;

} // namespace

TEST_CASE("a container opens from a file, from memory and from a callback") {
    const MemoryModel source = small_model();
    const Sealed sealed(source);
    const TemporaryFolder folder;
    write_file(folder / "m.wseal", sealed.file);
    const auto callback = callback_source(sealed.file.size(), [&](std::uint64_t offset, MutableBytes to) {
        std::copy_n(sealed.file.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
        return true;
    });
    const SealedModel models[] = {SealedModel::open(folder / "m.wseal", sealed.key),
                                  SealedModel::open(file_source(folder / "m.wseal"), sealed.key),
                                  SealedModel::open(memory_source(sealed.file), sealed.key),
                                  SealedModel::open(callback, sealed.key)};
    for (const SealedModel& model : models) {
        CHECK(equal(model.read(whole(0)).bytes(), tensors_of(source)[0]));
        CHECK_FALSE(model.damaged_slot_block());
    }
}

TEST_CASE("an open container stays readable when its name is gone") {
    const MemoryModel source = small_model();
    const Sealed sealed(source);
    const TemporaryFolder folder;
    write_file(folder / "m.wseal", sealed.file);
    const SealedModel model = SealedModel::open(folder / "m.wseal", sealed.key);
    std::filesystem::remove(folder / "m.wseal");
    CHECK(equal(model.read(whole(0)).bytes(), tensors_of(source)[0]));
}

TEST_CASE("a handle that moves keeps its views") {
    const Sealed sealed(small_model());
    SealedModel first = sealed.open();
    const TensorInfo info = first.tensor(0);
    SealedModel second(std::move(first));
    CHECK(info.name == "w");
    CHECK(second.tensor(0).name.data() == info.name.data());
    SealedModel third = sealed.open();
    third = std::move(second);
    CHECK(third.find_tensor(info.name) == 0);
    CHECK(info.shape.size() == 2);
    CHECK(info.shape[1] == 1000);
}

TEST_CASE("one damaged slot block: the file opens, the log says which, verify refuses") {
    const MemoryModel source = small_model();
    for (const char block : {'A', 'B'}) {
        Sealed sealed(source);
        const std::size_t at = (block == 'A' ? block_a : block_b) + 70;
        sealed.file[at] ^= std::byte{1};
        std::vector<std::string> lines;
        Hooks hooks;
        hooks.log = [&](std::string_view line) { lines.emplace_back(line); };
        const SealedModel model = SealedModel::open(memory_source(sealed.file, "m.wseal"), sealed.key, hooks);
        CHECK(model.damaged_slot_block() == block);
        REQUIRE(lines.size() == 1);
        CHECK_THAT(lines[0], ContainsSubstring("m.wseal"));
        CHECK_THAT(lines[0], ContainsSubstring(std::string("slot block ") + block));
        CHECK(equal(model.read(whole(0)).bytes(), tensors_of(source)[0]));
        CHECK(refusal_code([&] { model.verify(); }) == "damaged_slot_block");
        const Facts& facts = model.facts();
        CHECK(facts.slot_blocks[0].intact == (block == 'B'));
        CHECK(facts.slot_blocks[1].intact == (block == 'A'));
    }
}

TEST_CASE("an undamaged file logs nothing, and a damaged one needs no log") {
    Sealed sealed(small_model());
    Hooks hooks;
    hooks.log = [](std::string_view) { FAIL("nothing to say"); };
    (void)SealedModel::open(memory_source(sealed.file), sealed.key, hooks);
    sealed.file[block_a + 1] ^= std::byte{1};
    CHECK(sealed.open().damaged_slot_block() == 'A');
}

TEST_CASE("what is not sealed is told apart") {
    const Key key = Key::generate(KeyKind::seal);
    const auto opening = [&](const Data& file) {
        return refusal_code([&] { (void)SealedModel::open(memory_source(file), key); });
    };
    CHECK(opening(safetensors_file({make_tensor("w", "F32", {10})})) == "plaintext_model");
    CHECK(opening(to_data("GGUF\x03 and more of it")) == "plaintext_model");
    CHECK(opening(to_data("PK\x03\x04 a zip file, as torch.save writes it")) == "plaintext_model");
    CHECK(opening(to_data("not a model at all")) == "not_sealed");
    CHECK(opening({}) == "not_sealed");
    CHECK(refusal([&] { (void)SealedModel::open("/no/such/file", key); }) == "file_not_found");
}

} // namespace weightseal::testing

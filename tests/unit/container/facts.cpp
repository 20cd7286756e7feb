// What a container tells without a key.

#include "weightseal/container/facts.hpp"

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "unit/container/fixture.hpp"

namespace weightseal::testing {

TEST_CASE("the public facts of a file, with and without its key") {
    MemoryModel model;
    model.add_tensor(make_tensor("w", "U8", {100'000}));
    for (const Suite suite : {Suite::aes_256_gcm, Suite::chacha20_poly1305})
        for (const unsigned chunk_log2 : {16U, 18U, 22U}) {
            const Sealed sealed(model, {.suite = suite, .chunk_log2 = chunk_log2});
            const SealedModel open = sealed.open();
            for (const Facts& facts : {inspect(*memory_source(sealed.file)), open.facts()}) {
                CHECK(facts.suite == suite);
                CHECK(facts.chunk_size == std::uint64_t{1} << chunk_log2);
                CHECK(facts.file_size == sealed.file.size());
                CHECK(facts.body_size == 100'032);
                CHECK(facts.index_size == 1024);
                CHECK_FALSE(facts.is_signed);
                for (const SlotBlockFacts& block : facts.slot_blocks) {
                    CHECK(block.intact);
                    CHECK(block.generation == 1);
                    CHECK(block.slot_kinds == std::vector<std::uint16_t>{1});
                }
            }
        }
}

TEST_CASE("a damaged slot block shows nothing of itself") {
    Sealed sealed((MemoryModel()));
    sealed.file[layout::prelude::size + layout::slots::at_generation] = std::byte{9};
    const Facts facts = inspect(*memory_source(sealed.file));
    CHECK_FALSE(facts.slot_blocks[0].intact);
    CHECK(facts.slot_blocks[0].generation == 0);
    CHECK(facts.slot_blocks[0].slot_kinds.empty());
    CHECK(facts.slot_blocks[1].intact);
}

TEST_CASE("facts of a path, and of what is no container") {
    const TemporaryFolder folder;
    write_file(folder / "m", Sealed(MemoryModel()).file);
    CHECK(inspect(folder / "m").body_size == 0);
    write_file(folder / "text", "hello");
    CHECK(refusal_code([&] { (void)inspect(folder / "text"); }) == "not_sealed");
    CHECK(refusal_code([&] { (void)inspect(folder / "missing"); }) == "file_not_found");
    CHECK(refusal_code([&] { (void)inspect(folder.path()); }) == "unsupported_file");
}

TEST_CASE("suites have the names of the specification") {
    CHECK(suite_name(Suite::aes_256_gcm) == "AES-256-GCM");
    CHECK(suite_name(Suite::chacha20_poly1305) == "ChaCha20-Poly1305");
}

} // namespace weightseal::testing

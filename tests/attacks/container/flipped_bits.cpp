// Every single bit of a minimal container, flipped one at a time.

#include "platform/process.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/forge.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"

namespace weightseal::testing {
namespace {

// All bits; a sample under sanitizers, of a stride that meets every bit of a byte and every field.
#ifdef WEIGHTSEAL_SANITIZED
constexpr std::size_t stride = 61;
#else
constexpr std::size_t stride = 1;
#endif
constexpr std::size_t largest_minimal = 24 << 10;

struct Plain {
    Data tensor;
    Data file;
    bool operator==(const Plain&) const = default;
};

Plain read_everything(const SealedModel& model) {
    const ReadOptions options{.parallel = {.threads = 1}};
    const auto copy = [](const AlignedBuffer& buffer) { return Data(buffer.bytes().begin(), buffer.bytes().end()); };
    return {copy(model.read({model.find_tensor("w"), {}}, options)),
            copy(model.read_file(model.find_file("config.json"), options))};
}

// What went wrong with one flipped bit, or nothing. `opened_before` reads the same bytes as `flipped`.
std::string examine(std::shared_ptr<const ByteSource> flipped, const Key& key, const SealedModel& opened_before,
                    const Plain& expected, bool is_in_gap) {
    const ReadOptions options{.parallel = {.threads = 1}};
    if (refusal([&] { opened_before.verify(options); }) == "nothing refused") return "verify accepts it";
    try {
        const SealedModel model = SealedModel::open(std::move(flipped), key);
        try {
            if (read_everything(model) != expected) return "other plaintext comes out";
        } catch (const Error& error) {
            return error.errc() == Errc::corrupt_data ? "" : error.what();
        }
        // Readers of tensors need not look at the bytes between entries.
        return model.damaged_slot_block() || is_in_gap ? "" : "it opens and reports nothing";
    } catch (const Error&) {
        return "";
    }
}

} // namespace

TEST_CASE("every flipped bit of a minimal container is refused, or is one damaged slot block") {
    const Suite suite = GENERATE(Suite::aes_256_gcm, Suite::chacha20_poly1305);
    const Key key = Key::generate(KeyKind::seal);
    const Data file = minimal_container(key, {.suite = suite, .chunk_log2 = 16});
    REQUIRE(file.size() <= largest_minimal);
    const Facts facts = inspect(*memory_source(file));
    const std::size_t body = facts.file_size - facts.index_size - facts.body_size;
    const SealedModel original = SealedModel::open(memory_source(file), key);
    const Plain expected = read_everything(original);
    const std::size_t config_end = body + original.file(0).bytes;
    const std::size_t tensor_begin = original.plan({{0, {}}}).items.at(0).file_offset;
    const std::size_t tensor_end = tensor_begin + original.tensor(0).bytes;
    REQUIRE(config_end < tensor_begin);
    const auto is_in_gap = [&](std::size_t byte) {
        return (byte >= config_end && byte < tensor_begin) || (byte >= tensor_end && byte < body + facts.body_size);
    };

    // Processes, because opening maps guarded memory for keys, and threads would wait for each other to do
    // that.
    const std::size_t children = platform::available_processors();
    const TemporaryFolder reports;
    const std::vector<int> ends = in_children(children, [&](std::size_t child) {
        Data copy = file;
        const SealedModel opened_before = SealedModel::open(memory_source(copy), key);
        for (std::size_t bit = child * stride; bit < file.size() * 8; bit += children * stride) {
            const std::size_t byte = bit / 8;
            copy[byte] ^= std::byte(1U << bit % 8);
            const std::string problem = examine(memory_source(copy), key, opened_before, expected, is_in_gap(byte));
            copy[byte] = file[byte];
            if (problem.empty()) continue;
            write_file(reports / std::to_string(child), "bit " + std::to_string(bit) + ": " + problem);
            return 1;
        }
        return 0;
    });
    for (std::size_t child = 0; child < children; ++child) {
        CHECK(ends[child] == 0);
        if (ends[child] == 1) CHECK(as_text(read_file(reports / std::to_string(child))) == "");
    }
}

TEST_CASE("a flipped bit in a slot block is reported, logged and named by verify") {
    const Key key = Key::generate(KeyKind::seal);
    Data file = minimal_container(key);
    const std::size_t size = layout::slots::default_block_size;
    const std::size_t block = GENERATE(std::size_t{0}, std::size_t{1});
    const std::size_t at = GENERATE(std::size_t{0}, std::size_t{8}, std::size_t{100}, std::size_t{5000},
                                    layout::slots::default_block_size - 1);
    const std::size_t block_offset = layout::prelude::size + block * size;
    file[block_offset + at] ^= std::byte{0x10};

    std::string logged;
    const Hooks hooks{.log = [&](std::string_view message) { logged = message; }};
    const SealedModel model = SealedModel::open(memory_source(file, "model.wseal"), key, hooks);
    const char name = block == 0 ? 'A' : 'B';
    CHECK(model.damaged_slot_block() == name);
    CHECK_THAT(logged, ContainsSubstring(std::string("slot block ") + name));
    CHECK(model.facts().slot_blocks[block].intact == false);
    CHECK(model.facts().slot_blocks[1 - block].intact == true);
    CHECK(refusal([&] { model.verify(); }) == "damaged_slot_block at " + std::to_string(block_offset));
}

} // namespace weightseal::testing

// Buffers of a caller's allocator, and wiping.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "weightseal/core/aligned_buffer.hpp"

#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace weightseal::testing {
namespace {

// Hands out memory of malloc, and keeps what stood in it when it came back.
struct Recorder {
    std::size_t asked_size = 0;
    std::size_t asked_alignment = 0;
    int given = 0;
    int returned = 0;
    void* memory = nullptr;
    std::size_t offset = 0; ///< how far off its alignment the memory is
    std::vector<std::byte> at_release;

    [[nodiscard]] BufferOptions options(bool wipe) {
        BufferOptions options;
        options.wipe = wipe;
        options.allocator.allocate = [this](std::size_t size, std::size_t alignment) {
            ++given;
            asked_size = size;
            asked_alignment = alignment;
            memory = std::aligned_alloc(alignment, align_up(size + offset, alignment));
            return static_cast<std::byte*>(memory) + offset;
        };
        options.allocator.release = [this](void* data, std::size_t size) {
            ++returned;
            const auto* const bytes = static_cast<const std::byte*>(data);
            at_release.assign(bytes, bytes + size);
            std::free(memory);
        };
        return options;
    }
};

} // namespace

TEST_CASE("a caller's allocator gives the memory and gets it back once, with its size") {
    Recorder recorder;
    {
        AlignedBuffer buffer(1000, [&] {
            BufferOptions options = recorder.options(false);
            options.alignment = 4096;
            return options;
        }());
        CHECK(recorder.asked_size == 1000);
        CHECK(recorder.asked_alignment == 4096);
        CHECK(buffer.data() == recorder.memory);
        std::fill_n(buffer.data(), 1000, std::byte{0xAB});
        const AlignedBuffer moved(std::move(buffer));
        CHECK(recorder.returned == 0);
    }
    CHECK(recorder.given == 1);
    CHECK(recorder.returned == 1);
    CHECK(recorder.at_release == std::vector<std::byte>(1000, std::byte{0xAB}));
}

TEST_CASE("an allocator is asked for 64 at least, and never for nothing") {
    Recorder recorder;
    BufferOptions options = recorder.options(false);
    options.alignment = 1;
    { const AlignedBuffer buffer(10, options); }
    CHECK(recorder.asked_alignment == 64);
    { const AlignedBuffer buffer(0, options); }
    CHECK(recorder.given == 1);
    CHECK(recorder.returned == 1);
}

TEST_CASE("memory is wiped before it is released, when asked") {
    Recorder recorder;
    {
        AlignedBuffer buffer(5000, recorder.options(true));
        std::fill_n(buffer.data(), 5000, std::byte{0xCD});
    }
    CHECK(recorder.at_release == std::vector<std::byte>(5000));
}

TEST_CASE("assigning over a buffer wipes and releases the old one") {
    Recorder recorder;
    AlignedBuffer buffer(100, recorder.options(true));
    std::fill_n(buffer.data(), 100, std::byte{1});
    buffer = AlignedBuffer(10, {});
    CHECK(recorder.returned == 1);
    CHECK(recorder.at_release == std::vector<std::byte>(100));
    CHECK(buffer.size() == 10);
}

TEST_CASE("an allocator without memory is out_of_memory") {
    BufferOptions options;
    options.allocator.allocate = [](std::size_t, std::size_t) -> void* { return nullptr; };
    options.allocator.release = [](void*, std::size_t) { FAIL("nothing was given"); };
    CHECK(refusal([&] { AlignedBuffer(10, options); }) == "out_of_memory");
}

TEST_CASE("misaligned memory of an allocator is refused and given back") {
    Recorder recorder;
    recorder.offset = 8;
    CHECK(refusal([&] { AlignedBuffer(100, recorder.options(false)); }) == "callback_failed");
    CHECK(recorder.given == 1);
    CHECK(recorder.returned == 1);
}

TEST_CASE("an exception of an allocator passes through") {
    BufferOptions options;
    options.allocator.allocate = [](std::size_t, std::size_t) -> void* { throw std::runtime_error("no"); };
    CHECK_THROWS_AS(AlignedBuffer(10, options), std::runtime_error);
}

TEST_CASE("wipe writes zeros") {
    std::vector<std::byte> bytes(100, std::byte{9});
    wipe(bytes);
    CHECK(bytes == std::vector<std::byte>(100));
    wipe({});
}

} // namespace weightseal::testing

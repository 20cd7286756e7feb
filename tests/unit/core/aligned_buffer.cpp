// Buffers of our own pages: alignment, zeros, what the kernel is told about them.

#include "weightseal/core/aligned_buffer.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/refusal.hpp"

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace weightseal::testing {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

std::uintptr_t address(const AlignedBuffer& buffer) {
    return reinterpret_cast<std::uintptr_t>(buffer.data());
}

// The flags the kernel keeps for the mapping that holds `at`, each between spaces: " rd wr mr mw me ac dd ".
std::string vm_flags(std::uintptr_t at) {
    std::ifstream maps("/proc/self/smaps");
    bool inside = false;
    for (std::string line; std::getline(maps, line);) {
        const std::size_t dash = line.find('-');
        if (line.find(':') > line.find(' ')) { // a mapping: "begin-end perms …"
            const std::uintptr_t begin = std::stoull(line.substr(0, dash), nullptr, 16);
            const std::uintptr_t end = std::stoull(line.substr(dash + 1), nullptr, 16);
            inside = begin <= at && at < end;
        } else if (inside && line.starts_with("VmFlags:")) {
            return line.substr(8) + " ";
        }
    }
    return "no such mapping";
}

bool kernel_has_huge_pages() {
    return std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled").good();
}

} // namespace

TEST_CASE("a buffer has the alignment that was asked for, and 64 at least") {
    for (std::size_t alignment = 1; alignment <= 2 * mib; alignment *= 2) {
        INFO("alignment " << alignment);
        const AlignedBuffer buffer(1000, {.alignment = alignment});
        CHECK(address(buffer) % std::max<std::size_t>(alignment, 64) == 0);
        CHECK(buffer.size() == 1000);
        CHECK(buffer.bytes().size() == 1000);
        CHECK(all_zero(buffer.bytes()));
    }
}

TEST_CASE("an alignment that is not a power of two up to 2 MiB is refused") {
    for (const std::size_t alignment :
         {std::size_t{0}, std::size_t{3}, std::size_t{65}, std::size_t{100}, 3 * mib, 4 * mib})
        CHECK(refusal([&] { AlignedBuffer(10, {.alignment = alignment}); }) == "invalid_argument");
}

TEST_CASE("from 2 MiB on a buffer starts on a huge page unless the caller does not want that") {
    CHECK(address(AlignedBuffer(2 * mib, {})) % (2 * mib) == 0);
    CHECK(address(AlignedBuffer(5 * mib + 1, {})) % (2 * mib) == 0);
    const AlignedBuffer buffer(2 * mib, {.huge_pages = false});
    CHECK(address(buffer) % 4096 == 0);
    CHECK(vm_flags(address(buffer)).find(" hg ") == std::string::npos);
}

TEST_CASE("buffers are kept out of core dumps, and large ones ask for huge pages") {
    const AlignedBuffer small(100, {});
    const AlignedBuffer large(4 * mib, {});
    for (const AlignedBuffer* const buffer : {&small, &large}) {
        const std::string flags = vm_flags(address(*buffer));
        INFO(flags);
        CHECK(flags.find(" dd ") != std::string::npos);
        CHECK(vm_flags(address(*buffer) + buffer->size() - 1).find(" dd ") != std::string::npos);
    }
    CHECK(vm_flags(address(small)).find(" hg ") == std::string::npos);
    if (kernel_has_huge_pages()) CHECK(vm_flags(address(large)).find(" hg ") != std::string::npos);
}

TEST_CASE("a buffer of no bytes is fine") {
    AlignedBuffer buffer(0, {});
    CHECK(buffer.size() == 0);
    CHECK(buffer.data() == nullptr);
    CHECK(buffer.bytes().empty());
    CHECK(AlignedBuffer().size() == 0);
}

TEST_CASE("a buffer that no machine can give is out_of_memory") {
    const auto sizes = {~std::size_t{0}, ~std::size_t{0} - 4096, ~std::size_t{0} - 2 * mib, std::size_t{1} << 62};
    for (const std::size_t size : sizes)
        CHECK(refusal([&] { AlignedBuffer(size, {}); }) == "out_of_memory");
}

TEST_CASE("moving a buffer moves its memory") {
    AlignedBuffer first(100, {});
    first.data()[99] = std::byte{7};
    const std::byte* const data = first.data();
    AlignedBuffer second(std::move(first));
    CHECK(second.data() == data);
    CHECK(second.size() == 100);
    AlignedBuffer third(50, {});
    third = std::move(second);
    CHECK(third.data() == data);
    CHECK(third.data()[99] == std::byte{7});
    CHECK(third.size() == 100);
}

TEST_CASE("memory is given back: a hundred buffers one after the other fit where two do") {
    const int status = in_child([] {
        limit_memory(150 * mib);
        for (int i = 0; i < 100; ++i)
            AlignedBuffer(64 * mib, {}).data()[0] = std::byte{1};
        return 0;
    });
    CHECK(status == 0);
}

} // namespace weightseal::testing

// Loads, stores and checked arithmetic on untrusted sizes.

#include "weightseal/core/bytes.hpp"
#include "support/catch.hpp"

#include <array>

namespace weightseal::testing {

TEST_CASE("integers are stored little-endian") {
    std::array<std::byte, 8> bytes{};
    store_le(bytes, 1, std::uint32_t{0x01020304});
    CHECK(bytes == std::array<std::byte, 8>{std::byte{0}, std::byte{4}, std::byte{3}, std::byte{2}, std::byte{1}});
    CHECK(load_le<std::uint32_t>(bytes, 1) == 0x01020304);
    CHECK(load_le<std::uint16_t>(bytes, 3) == 0x0102);
}

TEST_CASE("sums and products that do not fit in 64 bits are reported") {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t result = 7;
    CHECK(checked_add(most - 1, 1, result));
    CHECK(result == most);
    CHECK_FALSE(checked_add(most, 1, result));
    CHECK(checked_mul(std::uint64_t{1} << 32, (std::uint64_t{1} << 32) - 1, result));
    CHECK(result == most - 0xFFFFFFFF);
    CHECK_FALSE(checked_mul(std::uint64_t{1} << 32, std::uint64_t{1} << 32, result));
    CHECK(checked_mul(most, 0, result));
    CHECK(result == 0);
}

TEST_CASE("align_up gives the next multiple, and the value itself where it is one") {
    CHECK(align_up(0, 64) == 0);
    CHECK(align_up(1, 64) == 64);
    CHECK(align_up(64, 64) == 64);
    CHECK(align_up(65, 64) == 128);
    CHECK(align_up(4097, 4096) == 8192);
}

TEST_CASE("all_zero sees a single bit anywhere") {
    std::array<std::byte, 100> bytes{};
    CHECK(all_zero(bytes));
    CHECK(all_zero({}));
    for (const std::size_t at : {std::size_t{0}, std::size_t{50}, std::size_t{99}}) {
        bytes[at] = std::byte{0x80};
        CHECK_FALSE(all_zero(bytes));
        bytes[at] = std::byte{0};
    }
}

TEST_CASE("texts and bytes view the same memory") {
    const std::string_view text("a\0b", 3);
    CHECK(as_bytes(text).size() == 3);
    CHECK(as_text(as_bytes(text)) == text);
}

} // namespace weightseal::testing

// Offsets and sizes of the format, against the sentences of FORMAT.md.

#include "weightseal/container/layout.hpp"

#include "support/catch.hpp"

#include <bit>
#include <vector>

namespace weightseal::testing {

TEST_CASE("the index is padded to a multiple of max(1024, 2^(floor(log2 size) - 4))") {
    std::vector<std::uint64_t> sizes;
    for (unsigned log2 = 5; log2 <= 29; ++log2)
        for (const std::uint64_t delta : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << (log2 - 1)})
            sizes.insert(sizes.end(), {(std::uint64_t{1} << log2) + delta, (std::uint64_t{1} << log2) - delta});
    for (const std::uint64_t size : sizes) {
        INFO(size);
        const unsigned log2 = static_cast<unsigned>(std::bit_width(size)) - 1;
        const std::uint64_t step = log2 < 14 ? 1024 : std::uint64_t{1} << (log2 - 4);
        const std::uint64_t padded = layout::index::padded_size(size);
        CHECK(padded >= size);
        CHECK(padded % step == 0);
        CHECK(padded - size < step);
        CHECK(static_cast<double>(padded - size) <= std::max(1023.0, static_cast<double>(size) / 16));
    }
    CHECK(layout::index::padded_size(32) == 1024);
    CHECK(layout::index::padded_size(1024) == 1024);
    CHECK(layout::index::padded_size(1025) == 2048);
    CHECK(layout::index::padded_size(32768) == 32768);
    CHECK(layout::index::padded_size(32769) == 34816);
    CHECK(layout::index::padded_size(layout::index::max_size) == layout::index::max_size);
}

TEST_CASE("an entry has as many chunks as cells it touches") {
    constexpr std::uint64_t cell = 65536;
    const auto by_counting = [&](std::uint64_t offset, std::uint64_t length) {
        std::uint64_t chunks = 0;
        for (std::uint64_t at = 0; at < length; at += cell - (offset + at) % cell)
            ++chunks;
        return chunks;
    };
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{64}, cell - 64, cell, 5 * cell + 4096})
        for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{63}, std::uint64_t{64},
                                           std::uint64_t{65}, cell - 1, cell, cell + 1, 10 * cell, 10 * cell + 7}) {
            INFO(offset << " " << length);
            CHECK(layout::chunk_count(offset, length, 16) == by_counting(offset, length));
        }
    CHECK(layout::cell_count(0, 16) == 0);
    CHECK(layout::cell_count(64, 16) == 1);
    CHECK(layout::cell_count(cell, 16) == 1);
    CHECK(layout::cell_count(cell + 64, 16) == 2);
}

TEST_CASE("entries of 64 KiB and more start on 4096 bytes, smaller ones on 64") {
    CHECK(layout::entry_alignment(0) == 64);
    CHECK(layout::entry_alignment(65535) == 64);
    CHECK(layout::entry_alignment(65536) == 4096);
    CHECK(layout::entry_alignment(std::uint64_t{1} << 40) == 4096);
}

} // namespace weightseal::testing

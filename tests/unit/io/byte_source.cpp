// Byte sources: exact ranges, and refusals that name the source and the offset.

#include "weightseal/io/byte_source.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/refusal.hpp"

#include <sys/stat.h>

namespace weightseal::testing {
namespace {

Data read(const ByteSource& source, std::uint64_t offset, std::size_t size) {
    Data data(size);
    source.read_at(offset, data);
    return data;
}

Data part(const Data& data, std::size_t offset, std::size_t size) {
    return {data.begin() + static_cast<std::ptrdiff_t>(offset),
            data.begin() + static_cast<std::ptrdiff_t>(offset + size)};
}

// Every source of the same bytes behaves the same.
void check_ranges(const ByteSource& source, const Data& data) {
    CHECK(source.size() == data.size());
    CHECK(read(source, 0, data.size()) == data);
    CHECK(read(source, 10, 7) == part(data, 10, 7));
    CHECK(read(source, data.size() - 1, 1) == part(data, data.size() - 1, 1));
    CHECK(read(source, data.size(), 0).empty());
    const auto refused = [&](std::uint64_t offset, std::size_t size) {
        return refusal_code([&] { (void)read(source, offset, size); }) != "nothing refused";
    };
    CHECK(refused(data.size(), 1));
    CHECK(refused(data.size() - 1, 2));
    CHECK(refused(~std::uint64_t{0} >> 1, 1));
}

} // namespace

TEST_CASE("a file gives exactly the ranges asked for") {
    const TemporaryFolder folder;
    const Data data = patterned(10'000, 3);
    write_file(folder / "f", data);
    const auto source = file_source(folder / "f");
    CHECK(source->name() == (folder / "f").native());
    check_ranges(*source, data);
    CHECK(refusal([&] { (void)read(*source, 9'999, 5); }) == "source_changed at 10000");
}

TEST_CASE("memory gives exactly the ranges asked for") {
    const Data data = patterned(10'000, 4);
    check_ranges(*memory_source(data), data);
    CHECK(memory_source(data)->name() == "memory");
    CHECK(memory_source(data, "blob")->name() == "blob");
    CHECK(memory_source({})->size() == 0);
    CHECK(refusal([&] { (void)read(*memory_source(data), ~std::uint64_t{0}, 2); }) ==
          "source_changed at 18446744073709551615");
}

TEST_CASE("a callback gives exactly the ranges asked for, and is never asked for more") {
    const Data data = patterned(10'000, 5);
    const auto source = callback_source(data.size(), [&](std::uint64_t offset, MutableBytes to) {
        REQUIRE(offset + to.size() <= data.size());
        REQUIRE_FALSE(to.empty());
        std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
        return true;
    });
    check_ranges(*source, data);
    CHECK(source->name() == "callback");
}

TEST_CASE("a callback that fails is io_failed at its offset, its exceptions pass through") {
    const auto failing = callback_source(
        100, [](std::uint64_t, MutableBytes) { return false; }, "store");
    CHECK(refusal([&] { (void)read(*failing, 40, 10); }) == "io_failed at 40");
    const auto throwing =
        callback_source(100, [](std::uint64_t, MutableBytes) -> bool { throw std::out_of_range("x"); });
    CHECK_THROWS_AS(read(*throwing, 0, 1), std::out_of_range);
    CHECK(refusal([] { (void)callback_source(100, nullptr); }) == "invalid_argument");
}

TEST_CASE("only regular files are sources, and links to them") {
    const TemporaryFolder folder;
    write_file(folder / "file", "abc");
    std::filesystem::create_symlink("file", folder / "link");
    std::filesystem::create_directory(folder / "folder");
    std::filesystem::create_symlink("nowhere", folder / "dangling");
    REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
    const auto opening = [&](std::string_view name) { return refusal([&] { (void)file_source(folder / name); }); };
    CHECK(file_source(folder / "link")->size() == 3);
    CHECK(opening("folder") == "unsupported_file");
    CHECK(opening("pipe") == "unsupported_file"); // and does not wait for a writer
    CHECK(opening("dangling") == "file_not_found");
    CHECK(opening("nothing") == "file_not_found");
    CHECK(opening("file/below") == "file_not_found");
    CHECK(refusal([] { (void)file_source("/dev/null"); }) == "unsupported_file");
}

TEST_CASE("a file that became shorter is source_changed where it ends") {
    const TemporaryFolder folder;
    write_file(folder / "f", patterned(1000, 6));
    const auto source = file_source(folder / "f");
    std::filesystem::resize_file(folder / "f", 400);
    CHECK(refusal([&] { (void)read(*source, 0, 1000); }) == "source_changed at 400");
    CHECK(read(*source, 0, 400).size() == 400);
}

} // namespace weightseal::testing

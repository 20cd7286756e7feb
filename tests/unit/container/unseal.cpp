// Unsealing: the original files, byte for byte, and never over somebody's work.

#include "weightseal/container/unseal.hpp"

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "unit/container/fixture.hpp"

#include <map>
#include <sys/stat.h>

namespace weightseal::testing {
namespace {

// Every file below a folder with its content.
std::map<std::string, Data> content_of(const std::filesystem::path& folder) {
    std::map<std::string, Data> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.is_regular_file()) files[entry.path().lexically_relative(folder)] = read_file(entry.path());
    return files;
}

std::size_t count_in(const std::filesystem::path& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

void write_folder(const std::filesystem::path& folder) {
    write_file(
        folder / "a-1.safetensors",
        safetensors_file({make_tensor("x", "BF16", {300, 700}, 1), make_tensor("e", "U8", {0})}, {{"format", "pt"}}));
    write_file(folder / "a-2.safetensors",
               safetensors_file({make_tensor("y", "F4", {10, 2}, 2), make_tensor("s", "F64", {}, 3)}));
    write_file(folder / "none.safetensors", safetensors_raw("{ }   ", {}));
    write_file(folder / "sub/deep/vocab.txt", patterned(200'000, 4));
    write_file(folder / "config.json", "{}");
    write_file(folder / "empty.txt", "");
}

struct Folder {
    TemporaryFolder folder;
    Key key = Key::generate(KeyKind::seal);
    Folder() {
        write_folder(folder / "model");
        seal(folder / "model", folder / "m.wseal", key, {.chunk_log2 = 16});
    }
    [[nodiscard]] SealedModel open() const { return SealedModel::open(folder / "m.wseal", key); }
};

} // namespace

TEST_CASE("a folder comes back byte for byte, for its owner only") {
    const Folder f;
    const SealedModel model = f.open();
    CHECK(model.is_folder());
    unseal(model, f.folder / "out");
    CHECK(content_of(f.folder / "out") == content_of(f.folder / "model"));
    CHECK(count_in(f.folder.path()) == 3);
    struct stat status {};
    REQUIRE(stat((f.folder / "out").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0700);
    REQUIRE(stat((f.folder / "out/sub/deep/vocab.txt").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0600);

    unseal(model, f.folder / "again/"); // with a slash at its end
    CHECK(content_of(f.folder / "again") == content_of(f.folder / "model"));
}

TEST_CASE("a single file comes back byte for byte, under whatever name, for its owner only") {
    const TemporaryFolder folder;
    const Key key = Key::generate(KeyKind::seal);
    const Data file = safetensors_raw(
        R"({"__metadata__":{"k":"v"},"b":{"dtype":"I8","shape":[3],"data_offsets":[4,7]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}  )",
        patterned(7, 1));
    write_file(folder / "in.safetensors", file);
    seal(folder / "in.safetensors", folder / "m.wseal", key);
    const SealedModel model = SealedModel::open(folder / "m.wseal", key);
    CHECK_FALSE(model.is_folder());
    CHECK(model.file(0).name == "in.safetensors");
    unseal(model, folder / "other.name");
    CHECK(read_file(folder / "other.name") == file);
    struct stat status {};
    REQUIRE(stat((folder / "other.name").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0600);

    CHECK(refusal([&] { unseal(model, folder / "other.name"); }) == "file_exists");
    write_file(folder / "other.name", "old");
    unseal(model, folder / "other.name", {.overwrite = true});
    CHECK(read_file(folder / "other.name") == file);
}

TEST_CASE("an existing folder is replaced only when asked, and only if it holds nothing else") {
    const Folder f;
    const SealedModel model = f.open();
    unseal(model, f.folder / "out");
    CHECK(refusal([&] { unseal(model, f.folder / "out"); }) == "file_exists");

    write_file(f.folder / "out/config.json", "changed");
    std::filesystem::remove(f.folder / "out/empty.txt");
    unseal(model, f.folder / "out", {.overwrite = true});
    CHECK(content_of(f.folder / "out") == content_of(f.folder / "model"));

    write_file(f.folder / "out/sub/notes.txt", "somebody's work");
    CHECK(refusal([&] { unseal(model, f.folder / "out", {.overwrite = true}); }) == "file_exists");
    CHECK(read_file(f.folder / "out/sub/notes.txt") == to_data("somebody's work"));
    CHECK(count_in(f.folder.path()) == 3);
}

TEST_CASE("a file, or a link to a folder, is not replaced by a folder") {
    const Folder f;
    const SealedModel model = f.open();
    write_file(f.folder / "file", "x");
    std::filesystem::create_directory(f.folder / "real");
    std::filesystem::create_directory_symlink("real", f.folder / "link");
    for (const char* const name : {"file", "link"}) {
        CHECK(refusal([&] { unseal(model, f.folder / name); }) == "file_exists");
        CHECK(refusal([&] { unseal(model, f.folder / name, {.overwrite = true}); }) == "unsupported_file");
    }
    CHECK(count_in(f.folder / "real") == 0);
    CHECK(read_file(f.folder / "file") == to_data("x"));
    CHECK(refusal([&] { unseal(model, f.folder / "no/such/folder"); }) == "file_not_found");
}

TEST_CASE("damage in the middle: no output, or the old one as it was") {
    const Folder f;
    Data file = read_file(f.folder / "m.wseal");
    {
        const SealedModel model = f.open();
        const Plan plan = model.plan({whole(model.find_tensor("x"))});
        file[plan.items.at(0).file_offset + 5] ^= std::byte{1};
    }
    const SealedModel model = SealedModel::open(memory_source(file), f.key);
    CHECK(refusal_code([&] { unseal(model, f.folder / "out"); }) == "corrupt_data");
    CHECK(count_in(f.folder.path()) == 2);
    write_file(f.folder / "out/config.json", "old");
    CHECK(refusal_code([&] { unseal(model, f.folder / "out", {.overwrite = true}); }) == "corrupt_data");
    CHECK(content_of(f.folder / "out") == std::map<std::string, Data>{{"config.json", to_data("old")}});
    CHECK(count_in(f.folder.path()) == 3);
}

TEST_CASE("tensors that belong to no file can be read, not unsealed") {
    MemoryModel source;
    source.add_tensor(make_tensor("w", "F32", {3}));
    const Sealed sealed(source);
    const TemporaryFolder folder;
    CHECK(refusal([&] { unseal(sealed.open(), folder / "out"); }) == "unsupported");
    CHECK(count_in(folder.path()) == 0);
}

TEST_CASE("dropped keys unseal nothing") {
    const Folder f;
    SealedModel model = f.open();
    model.drop_keys();
    CHECK(refusal([&] { unseal(model, f.folder / "out"); }) == "keys_dropped");
    CHECK(count_in(f.folder.path()) == 2);
}

} // namespace weightseal::testing

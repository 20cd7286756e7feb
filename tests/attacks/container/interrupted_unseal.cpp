// Unsealing that ends in the middle: a full disk, a damaged chunk, a read error, a kill. The output appears
// complete or not at all; what stood there stays.

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/forge.hpp"
#include "support/interruption.hpp"
#include "support/models.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/unseal.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <sys/stat.h>

namespace weightseal::testing {
namespace {

namespace fs = std::filesystem;

// A model sealed from a file or from a folder of two shards and a config, several cells long.
struct Sealed {
    Key key = Key::generate(KeyKind::seal);
    Data file;
    Data plain; ///< of the single file
    explicit Sealed(bool from_folder) {
        const TemporaryFolder folder;
        plain = safetensors_file({make_tensor("a", "U8", {300'000}, 1), make_tensor("b", "F32", {100, 100}, 2)});
        if (from_folder) {
            write_file(folder / "in/one.safetensors", plain);
            write_file(folder / "in/two.safetensors", safetensors_file({make_tensor("c", "U8", {100'000}, 3)}));
            write_file(folder / "in/sub/config.json", "{}");
            seal(folder / "in", folder / "sealed", key, {.chunk_log2 = 16});
        } else {
            write_file(folder / "in.safetensors", plain);
            seal(folder / "in.safetensors", folder / "sealed", key, {.chunk_log2 = 16});
        }
        file = read_file(folder / "sealed");
    }
    // Opened over a source that calls `at_read` before each read after opening.
    [[nodiscard]] SealedModel open(const std::function<void(int read)>& at_read) {
        reads = -1000;
        SealedModel model =
            SealedModel::open(callback_source(file.size(),
                                              [this, at_read](std::uint64_t offset, MutableBytes to) {
                                                  const int number = ++reads;
                                                  if (number > 0 && at_read) at_read(number);
                                                  std::memcpy(to.data(), file.data() + offset, to.size());
                                                  return true;
                                              }),
                              key);
        reads = 0;
        return model;
    }
    [[nodiscard]] int count_reads() {
        const TemporaryFolder folder;
        const SealedModel model = open({});
        unseal(model, folder / "out", options(false));
        return reads;
    }
    static UnsealOptions options(bool overwrite, unsigned threads = 1) {
        return {.overwrite = overwrite, .parallel = {.threads = threads}};
    }
    std::atomic<int> reads{0};
};

// A kill cannot remove the folder that is being filled; it is hidden and only its owner may enter it.
bool is_private_staging(const fs::path& parent, const std::string& name) {
    struct stat status {};
    return name.starts_with(".out.") && name.ends_with(".tmp") && stat((parent / name).c_str(), &status) == 0 &&
           S_ISDIR(status.st_mode) && (status.st_mode & 0777) == 0700;
}

} // namespace

TEST_CASE("unseal: a read error at each read leaves no output, or the old one") {
    const bool from_folder = GENERATE(false, true);
    Sealed sealed(from_folder);
    const int reads = sealed.count_reads();
    REQUIRE(reads > 4);
    for (const bool overwrite : {false, true}) {
        if (overwrite && from_folder) continue; // replacing folders: below
        for (int n = 1; n <= reads; ++n) {
            const Output output(overwrite);
            const SealedModel model = sealed.open([n](int read) {
                if (read == n) throw Error(Errc::io_failed, "disk", "does not answer", 77);
            });
            CAPTURE(n, from_folder, overwrite);
            CHECK(refusal([&] { unseal(model, output.path(), Sealed::options(overwrite, 2)); }) == "io_failed at 77");
            CHECK(output.is_untouched());
            CHECK(output.left_over().empty());
        }
    }
}

TEST_CASE("unseal: a damaged last chunk leaves no output") {
    const bool from_folder = GENERATE(false, true);
    Sealed sealed(from_folder);
    const Facts facts = inspect(*memory_source(sealed.file));
    // The last entry's last byte may be followed by bytes of a gap.
    Data damaged = sealed.file;
    damaged[facts.file_size - facts.index_size - 64] ^= std::byte{1};
    const Output output(false);
    const SealedModel model = SealedModel::open(memory_source(damaged), sealed.key);
    CHECK(refusal_code([&] { unseal(model, output.path()); }) == "corrupt_data");
    CHECK(output.is_untouched());
    CHECK(output.left_over().empty());
}

TEST_CASE("unseal: a full disk leaves no output, or the old one") {
    const bool from_folder = GENERATE(false, true);
    Sealed sealed(from_folder);
    const SealedModel model = sealed.open({});
    for (const bool overwrite : {false, true}) {
        if (overwrite && from_folder) continue;
        for (const std::size_t room : {std::size_t{0}, std::size_t{1}, std::size_t{50'000}, std::size_t{65536},
                                       std::size_t{100'000}, sealed.plain.size() - 1}) {
            const Output output(overwrite);
            const int code = errc_in_child([&] {
                limit_file_size(room);
                unseal(model, output.path(), Sealed::options(overwrite));
            });
            CAPTURE(room, from_folder, overwrite);
            CHECK(std::string(errc_name(static_cast<Errc>(code))) == "no_space");
            CHECK(output.is_untouched());
            CHECK(output.left_over().empty());
        }
    }
}

TEST_CASE("unseal: a kill at each read leaves no output, or the old one") {
    const bool from_folder = GENERATE(false, true);
    Sealed sealed(from_folder);
    const int reads = sealed.count_reads();
    for (const bool overwrite : {false, true}) {
        if (overwrite && from_folder) continue;
        for (int n = 1; n <= reads; ++n) {
            const Output output(overwrite);
            const SealedModel model = sealed.open([n](int read) {
                if (read == n) std::raise(SIGKILL);
            });
            CAPTURE(n, from_folder, overwrite);
            CHECK(in_child([&] {
                      unseal(model, output.path(), Sealed::options(overwrite));
                      return 0;
                  }) == -SIGKILL);
            CHECK(output.is_untouched());
            const std::vector<std::string> left = output.left_over();
            if (from_folder)
                CHECK(std::ranges::all_of(left, [&](const std::string& name) {
                    return is_private_staging(output.path().parent_path(), name);
                }));
            else if (output.has_unnamed_files())
                CHECK(left.empty());
        }
    }
}

TEST_CASE("unseal: cancelled, or a hook that throws") {
    const bool from_folder = GENERATE(false, true);
    Sealed sealed(from_folder);
    const SealedModel model = sealed.open({});
    const Output output(false);
    UnsealOptions cancelled;
    cancelled.hooks.cancelled = [] { return true; };
    CHECK(refusal([&] { unseal(model, output.path(), cancelled); }) == "cancelled");
    UnsealOptions throwing;
    throwing.hooks.progress = [](std::uint64_t, std::uint64_t) { throw std::string("mine"); };
    CHECK_THROWS_AS(unseal(model, output.path(), throwing), std::string);
    CHECK(output.is_untouched());
    CHECK(output.left_over().empty());
}

TEST_CASE("unseal: a folder that is replaced stays as it is until the new one is complete") {
    Sealed sealed(true);
    const int reads = sealed.count_reads();
    const TemporaryFolder place;
    const fs::path out = place / "out";
    write_file(out / "one.safetensors", "old one");
    write_file(out / "sub/config.json", "old config");
    const auto is_old = [&] {
        return read_file(out / "one.safetensors") == to_data("old one") &&
               read_file(out / "sub/config.json") == to_data("old config") &&
               std::distance(fs::directory_iterator(out), {}) == 2;
    };
    for (int n = 1; n <= reads; ++n) {
        const SealedModel failing = sealed.open([n](int read) {
            if (read == n) throw Error(Errc::io_failed, "disk", "does not answer");
        });
        CHECK(refusal([&] { unseal(failing, out, Sealed::options(true)); }) == "io_failed");
        CHECK(is_old());
        CHECK(std::distance(fs::directory_iterator(place.path()), {}) == 1);
    }
    const SealedModel dying = sealed.open([&](int read) {
        if (read == reads) std::raise(SIGKILL);
    });
    CHECK(in_child([&] {
              unseal(dying, out, Sealed::options(true));
              return 0;
          }) == -SIGKILL);
    CHECK(is_old());

    const SealedModel model = sealed.open({});
    CHECK(refusal([&] { unseal(model, out, Sealed::options(false)); }) == "file_exists");
    CHECK(is_old());
    // Somebody's own file in it is not lost.
    write_file(out / "sub/notes.txt", "my work");
    CHECK(refusal([&] { unseal(model, out, Sealed::options(true)); }) == "file_exists");
    CHECK(read_file(out / "sub/notes.txt") == to_data("my work"));
    fs::remove(out / "sub/notes.txt");
    CHECK(is_old());
    unseal(model, out, Sealed::options(true));
    CHECK(read_file(out / "one.safetensors") == sealed.plain);
}

TEST_CASE("unseal: outputs that are links are neither followed nor replaced") {
    const bool from_folder = GENERATE(false, true);
    Sealed sealed(from_folder);
    const SealedModel model = sealed.open({});
    const TemporaryFolder place;
    fs::create_directory(place / "elsewhere");
    write_file(place / "file", "mine");
    for (const char* const target : {"elsewhere", "file", "nowhere"}) {
        fs::create_symlink(place / target, place / "out");
        CHECK(refusal([&] { unseal(model, place / "out", Sealed::options(false)); }) == "file_exists");
        CHECK(refusal([&] { unseal(model, place / "out", Sealed::options(true)); }) == "unsupported_file");
        fs::remove(place / "out");
    }
    CHECK(fs::is_empty(place / "elsewhere"));
    CHECK(read_file(place / "file") == to_data("mine"));
    CHECK_FALSE(fs::exists(place / "nowhere"));
}

TEST_CASE("unseal: plaintext on disk is readable by its owner only") {
    const mode_t old_mask = umask(0);
    Sealed file(false);
    Sealed folder(true);
    const TemporaryFolder place;
    unseal(file.open({}), place / "file");
    unseal(folder.open({}), place / "folder");
    umask(old_mask);
    const auto mode = [](const fs::path& path) { return fs::status(path).permissions(); };
    CHECK(mode(place / "file") == fs::perms(0600));
    CHECK(mode(place / "folder") == fs::perms(0700));
    CHECK(mode(place / "folder/one.safetensors") == fs::perms(0600));
}

} // namespace weightseal::testing

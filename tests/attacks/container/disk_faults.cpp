// A disk that fails at any call: this file takes the place of the C library's pwrite and fsync in the test
// program.

#include "support/catch.hpp"
#include "support/forge.hpp"
#include "support/interruption.hpp"
#include "support/models.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/unseal.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

// The n-th call from now fails with this errno; 0 for none.
std::atomic<int> writes_left{0};
std::atomic<int> syncs_left{0};
std::atomic<int> failure{0};
// Most bytes one write takes; a disk may take fewer than asked.
std::atomic<std::size_t> most{SIZE_MAX};
std::atomic<int> write_count{0};
std::atomic<int> sync_count{0};

bool is_due(std::atomic<int>& left) {
    return left > 0 && --left == 0;
}

} // namespace

extern "C" {

// 64-bit offsets have another name where both exist.
ssize_t pwrite(int fd, const void* from, std::size_t size, off_t offset) {
    ++write_count;
    if (is_due(writes_left)) {
        errno = failure;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, from, std::min(size, most.load()), offset);
}

int fsync(int fd) {
    ++sync_count;
    if (is_due(syncs_left)) {
        errno = failure;
        return -1;
    }
    return static_cast<int>(syscall(SYS_fsync, fd));
}
}

namespace weightseal::testing {
namespace {

struct Faults {
    Faults() { reset(); }
    ~Faults() { reset(); }
    static void reset() {
        writes_left = syncs_left = failure = write_count = sync_count = 0;
        most = SIZE_MAX;
    }
};

MemoryModel model_of_some_cells() {
    MemoryModel model;
    model.add_file("config.json", to_data("{}"));
    model.add_tensor(make_tensor("a", "U8", {200'000}, 1));
    return model;
}

const char* code_of(int error) {
    return error == EIO ? "io_failed" : "no_space";
}

constexpr auto errors = {EIO, ENOSPC, EDQUOT};

} // namespace

TEST_CASE("disk: a write of seal that fails, whichever it is, leaves no output, or the old one") {
    const Faults faults;
    const MemoryModel model = model_of_some_cells();
    const Key key = Key::generate(KeyKind::seal);
    const auto sealing = [&](const Output& output, bool overwrite) {
        return refusal_code([&] {
            seal(model, output.path(), key, {.chunk_log2 = 16, .overwrite = overwrite, .parallel = {.threads = 1}});
        });
    };
    REQUIRE(sealing(Output(false), false) == "nothing refused");
    const int writes = write_count;
    const int syncs = sync_count;
    REQUIRE(writes > 5);
    REQUIRE(syncs >= 1);
    for (const int error : errors) {
        failure = error;
        for (const bool overwrite : {false, true}) {
            for (int n = 1; n <= writes; ++n) {
                const Output output(overwrite);
                writes_left = n;
                CAPTURE(error, overwrite, n);
                CHECK(sealing(output, overwrite) == code_of(error));
                CHECK(output.is_untouched());
                CHECK(output.left_over().empty());
            }
            const Output output(overwrite);
            syncs_left = 1; // of the file's content, before it has its name
            CHECK(sealing(output, overwrite) == code_of(error));
            CHECK(output.is_untouched());
            CHECK(output.left_over().empty());
        }
    }
}

TEST_CASE("disk: a write of unseal that fails, whichever it is, leaves no output") {
    const Faults faults;
    const bool from_folder = GENERATE(false, true);
    const Key key = Key::generate(KeyKind::seal);
    const TemporaryFolder folder;
    const Data plain = safetensors_file({make_tensor("a", "U8", {200'000}, 1)});
    write_file(folder / "in/model.safetensors", plain);
    if (from_folder) write_file(folder / "in/sub/config.json", "{}");
    seal(from_folder ? folder / "in" : folder / "in/model.safetensors", folder / "sealed", key, {.chunk_log2 = 16});
    const SealedModel model = SealedModel::open(folder / "sealed", key);
    const auto unsealing = [&](const Output& output) {
        return refusal_code([&] { unseal(model, output.path(), {.parallel = {.threads = 1}}); });
    };
    Faults::reset();
    REQUIRE(unsealing(Output(false)) == "nothing refused");
    const int writes = write_count;
    const int syncs = sync_count;
    REQUIRE(writes >= 4);
    for (const int error : errors) {
        failure = error;
        for (int n = 1; n <= writes; ++n) {
            const Output output(false);
            writes_left = n;
            CHECK(unsealing(output) == code_of(error));
            CHECK(output.is_untouched());
            CHECK(output.left_over().empty());
        }
        // All but the last, which flushes the folder above the complete output.
        for (int n = 1; n < syncs; ++n) {
            const Output output(false);
            syncs_left = n;
            CHECK(unsealing(output) == code_of(error));
            CHECK(output.is_untouched());
            CHECK(output.left_over().empty());
        }
        syncs_left = 0;
    }
}

TEST_CASE("disk: one that takes a few bytes at a time, and is interrupted, writes a whole file") {
    const Faults faults;
    const MemoryModel model = model_of_some_cells();
    const Key key = Key::generate(KeyKind::seal);
    const Output output(false);
    most = 4097;
    failure = EINTR;
    writes_left = 7;
    seal(model, output.path(), key, {.chunk_log2 = 16});
    Faults::reset();
    const SealedModel sealed = SealedModel::open(output.path(), key);
    sealed.verify();
    CHECK(std::ranges::equal(sealed.read({0, {}}).bytes(), model.data(1)));
}

} // namespace weightseal::testing

// Files that change while they are read: each byte is fetched once, and what was copied is what was
// authenticated.

#include "support/catch.hpp"
#include "support/forge.hpp"
#include "support/models.hpp"
#include "support/parts.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"
#include "weightseal/formats/safetensors.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <mutex>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace weightseal::testing {
namespace {

constexpr std::uint64_t body = layout::prelude::size + 2 * layout::slots::default_block_size;

// Three tensors of several chunks, which share cells, and a file entry.
struct Sealed {
    Key key = Key::generate(KeyKind::seal);
    MemoryModel model;
    Data file;
    explicit Sealed(Suite suite = Suite::aes_256_gcm) {
        model.add_file("config.json", to_data("{}"));
        model.add_tensor(make_tensor("a", "U8", {200'000}, 1));
        model.add_tensor(make_tensor("b", "BF16", {7, 11}, 2));
        model.add_tensor(make_tensor("c", "F32", {300, 500}, 3));
        const TemporaryFolder folder;
        seal(model, folder / "sealed", key, {.suite = suite, .chunk_log2 = 16});
        file = read_file(folder / "sealed");
    }
};

// A file in memory that says which of its bytes were read, and may alter what a read returns.
class Watched {
  public:
    explicit Watched(const Data& file) : file_(file), times_(file.size()) {}
    std::function<void(std::size_t read, std::uint64_t offset, MutableBytes bytes)> alter;

    [[nodiscard]] std::shared_ptr<const ByteSource> source() {
        return callback_source(file_.size(), [this](std::uint64_t offset, MutableBytes to) {
            const std::lock_guard lock(mutex_);
            std::copy_n(file_.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
            for (std::size_t i = 0; i < to.size(); ++i)
                ++times_[offset + i];
            if (alter) alter(reads_, offset, to);
            ++reads_;
            return true;
        });
    }
    [[nodiscard]] std::size_t reads() const { return reads_; }
    [[nodiscard]] unsigned most_reads_of_a_byte() const { return *std::ranges::max_element(times_); }
    void forget() { times_.assign(times_.size(), 0); }

  private:
    const Data& file_;
    std::mutex mutex_;
    std::vector<unsigned> times_;
    std::size_t reads_ = 0;
};

bool is_original(const Arena& arena, const Sealed& sealed) {
    for (std::size_t i = 0; i < arena.offsets.size(); ++i)
        if (!std::ranges::equal(arena.buffer.bytes().subspan(arena.offsets[i], arena.sizes[i]),
                                sealed.model.data(i + 1)))
            return false;
    return true;
}

const ReadOptions one_thread{.parallel = {.threads = 1}};

} // namespace

TEST_CASE("double fetch: opening and loading read no byte twice") {
    const Sealed sealed;
    Watched watched(sealed.file);
    const SealedModel model = SealedModel::open(watched.source(), sealed.key);
    CHECK(watched.most_reads_of_a_byte() == 1);
    for (const unsigned threads : {1U, 4U}) {
        watched.forget();
        CHECK(is_original(model.load({.parallel = {.threads = threads}}), sealed));
        CHECK(watched.most_reads_of_a_byte() == 1);
    }
    watched.forget();
    model.verify();
    CHECK(watched.most_reads_of_a_byte() == 1);
    watched.forget();
    CHECK(as_text(model.read_file(0).bytes()) == "{}");
    CHECK(watched.most_reads_of_a_byte() == 1);
}

TEST_CASE("double fetch: a slice reads none of its chunks twice") {
    const Sealed sealed;
    Watched watched(sealed.file);
    const SealedModel model = SealedModel::open(watched.source(), sealed.key);
    watched.forget();
    // Many runs in each chunk.
    const AlignedBuffer slice = model.read({model.find_tensor("c"), {{0, 300}, {17, 23}}}, one_thread);
    CHECK(slice.size() == 300 * 6 * 4);
    CHECK(watched.most_reads_of_a_byte() == 1);
}

TEST_CASE("double fetch: the n-th read returns an altered byte, for every read of opening and loading") {
    const Suite suite = GENERATE(Suite::aes_256_gcm, Suite::chacha20_poly1305);
    const Sealed sealed(suite);
    Watched counting(sealed.file);
    (void)SealedModel::open(counting.source(), sealed.key).load(one_thread);
    REQUIRE(counting.reads() > 5);

    std::size_t refused = 0;
    for (std::size_t n = 0; n < counting.reads(); ++n) {
        for (int place = 0; place < 8; ++place) {
            Watched watched(sealed.file);
            watched.alter = [&](std::size_t read, std::uint64_t, MutableBytes bytes) {
                if (read == n) bytes[(bytes.size() - 1) * static_cast<std::size_t>(place) / 7] ^= std::byte{0x40};
            };
            try {
                const Arena arena = SealedModel::open(watched.source(), sealed.key).load(one_thread);
                CAPTURE(n, place);
                REQUIRE(is_original(arena, sealed));
            } catch (const Error&) {
                ++refused;
            }
        }
    }
    // All but the two slot blocks and the gap between entries.
    CHECK(refused >= (counting.reads() - 3) * 8 - 1);
}

TEST_CASE("double fetch: the file becomes another one of the same key after the n-th read") {
    const Sealed sealed;
    Sealed twin;
    { // The same key, names and sizes, other data.
        MemoryModel evil;
        evil.add_file("config.json", to_data("{}"));
        evil.add_tensor(make_tensor("a", "U8", {200'000}, 11));
        evil.add_tensor(make_tensor("b", "BF16", {7, 11}, 12));
        evil.add_tensor(make_tensor("c", "F32", {300, 500}, 13));
        const TemporaryFolder folder;
        seal(evil, folder / "sealed", sealed.key, {.chunk_log2 = 16});
        twin.file = read_file(folder / "sealed");
    }
    REQUIRE(twin.file.size() == sealed.file.size());
    Watched counting(sealed.file);
    (void)SealedModel::open(counting.source(), sealed.key).load(one_thread);
    for (std::size_t n = 1; n < counting.reads(); ++n) {
        Watched watched(sealed.file);
        watched.alter = [&](std::size_t read, std::uint64_t offset, MutableBytes bytes) {
            if (read >= n)
                std::copy_n(twin.file.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
        };
        CAPTURE(n);
        CHECK(refusal([&] { (void)SealedModel::open(watched.source(), sealed.key).load(one_thread); }) !=
              "nothing refused");
    }
}

TEST_CASE("double fetch: an index that changes after opening does not move the reads") {
    const Sealed sealed;
    Parts parts = take_apart(sealed.file, sealed.key);
    // The same file key and salt; only names differ, which are part of every entry's key.
    const Bytes name = as_bytes("config.json");
    const auto found = std::search(parts.index.begin(), parts.index.end(), name.begin(), name.end());
    REQUIRE(found != parts.index.end());
    std::ranges::copy(as_bytes("../../x.txt"), found);
    const Data evil = put_together(parts);
    REQUIRE(evil.size() == sealed.file.size());

    std::atomic<bool> is_evil{false};
    const auto source = callback_source(evil.size(), [&](std::uint64_t offset, MutableBytes to) {
        const Data& file = is_evil ? evil : sealed.file;
        std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
        return true;
    });
    const SealedModel model = SealedModel::open(source, sealed.key);
    is_evil = true;
    CHECK(is_original(model.load(), sealed));
    CHECK(model.file(0).name == "config.json");
    CHECK(as_text(model.read_file(0).bytes()) == "{}");
    CHECK(refusal([&] { model.verify(); }) == "unsafe_name"); // reads the file as it is now
}

TEST_CASE("double fetch: a writer changes the mapped file all the time") {
    const Suite suite = GENERATE(Suite::aes_256_gcm, Suite::chacha20_poly1305);
    const Sealed sealed(suite);
    const TemporaryFolder folder;
    write_file(folder / "sealed", sealed.file);
    const int fd = ::open((folder / "sealed").c_str(), O_RDWR | O_CLOEXEC);
    void* const mapping = mmap(nullptr, sealed.file.size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    REQUIRE(mapping != MAP_FAILED);
    auto* const bytes = static_cast<volatile unsigned char*>(mapping);

    const SealedModel model = SealedModel::open(folder / "sealed", sealed.key);
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        // Flips one byte of a chunk in the middle of "a", and puts it back.
        for (unsigned i = 0; !stop.load(std::memory_order_relaxed); ++i) {
            bytes[body + 100'000 + i % 30'000] = bytes[body + 100'000 + i % 30'000] ^ 0x80;
            bytes[body + 100'000 + i % 30'000] = bytes[body + 100'000 + i % 30'000] ^ 0x80;
        }
    });
    Data destination(sealed.model.data(1).size());
    unsigned wrong = 0;
    for (int i = 0; i < 300; ++i) {
        std::ranges::fill(destination, std::byte{0xAA});
        const ReadItem item{{0, {}}, destination};
        const std::string result = refusal([&] { model.read_into({&item, 1}, {.staged = i % 2 == 1}); });
        if (result == "nothing refused")
            wrong += destination != sealed.model.data(1);
        else
            wrong += !all_zero(destination) || !result.starts_with("corrupt_data");
    }
    stop = true;
    writer.join();
    munmap(mapping, sealed.file.size());
    CHECK(wrong == 0);
}

TEST_CASE("double fetch: another process changes the fetched bytes while they are decrypted") {
    const Sealed sealed;
    const SealedModel model = SealedModel::open(memory_source(sealed.file), sealed.key);
    const Plan plan = model.plan({{0, {}}});
    REQUIRE(plan.items.size() == 1);
    const std::size_t size = plan.items[0].length;
    // Shared with the child that writes, as with a device.
    void* const mapping = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(mapping != MAP_FAILED);
    std::copy_n(sealed.file.begin() + static_cast<std::ptrdiff_t>(plan.items[0].file_offset), size,
                static_cast<std::byte*>(mapping));
    const pid_t writer = fork();
    REQUIRE(writer >= 0);
    if (writer == 0) {
        auto* const bytes = static_cast<volatile unsigned char*>(mapping);
        for (unsigned i = 0;; ++i)
            bytes[70'000 + i / 2 % 20'000] = bytes[70'000 + i / 2 % 20'000] ^ 0x01;
    }
    Data destination(sealed.model.data(1).size());
    unsigned wrong = 0;
    for (int i = 0; i < 300; ++i) {
        std::ranges::fill(destination, std::byte{0xAA});
        const std::string result = refusal([&] {
            model.decrypt(plan, 0, {static_cast<const std::byte*>(mapping), size}, destination);
        });
        wrong += result == "nothing refused" ? destination != sealed.model.data(1)
                                             : !all_zero(destination) || !result.starts_with("corrupt_data");
    }
    kill(writer, SIGKILL);
    int status = 0;
    while (waitpid(writer, &status, 0) < 0 && errno == EINTR) {
    }
    munmap(mapping, size);
    CHECK(wrong == 0);
}

TEST_CASE("double fetch: a safetensors file that is sealed is read once, too") {
    const Data plain = safetensors_file({make_tensor("w", "F32", {100, 100}), make_tensor("v", "U8", {3})});
    Watched watched(plain);
    const auto model = safetensors_model(watched.source(), "m.safetensors");
    CHECK(watched.most_reads_of_a_byte() == 1);
    // From here on the header lies: it was parsed, and it is what is sealed.
    watched.alter = [&](std::size_t, std::uint64_t offset, MutableBytes bytes) {
        if (offset < 100) std::ranges::fill(bytes, std::byte{'!'});
    };
    const TemporaryFolder folder;
    const Key key = Key::generate(KeyKind::seal);
    seal(*model, folder / "sealed", key);
    CHECK(watched.most_reads_of_a_byte() == 1);
    const SealedModel sealed = SealedModel::open(folder / "sealed", key);
    const AlignedBuffer head = sealed.read_file(0);
    CHECK(std::ranges::equal(head.bytes(), Bytes(plain).first(head.size())));
}

} // namespace weightseal::testing

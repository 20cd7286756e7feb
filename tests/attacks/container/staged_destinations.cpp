// Destinations that another process or a device can see: with `staged`, unverified plaintext never stands in
// them.

#include "support/catch.hpp"
#include "support/forge.hpp"
#include "support/models.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weightseal::testing {
namespace {

constexpr std::size_t chunk = 64 << 10;
constexpr std::size_t size = 3 * chunk;

// Memory shared with a child, which ends with status 1 once it sees anything but zeros in the middle chunk.
class WatchedMemory {
  public:
    WatchedMemory()
        : memory_(static_cast<unsigned char*>(
              mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
        REQUIRE(memory_ != MAP_FAILED);
        child_ = fork();
        REQUIRE(child_ >= 0);
        if (child_ == 0) {
            const volatile unsigned char* const watched = memory_ + chunk;
            for (;;)
                for (std::size_t i = 0; i < 256; ++i)
                    if (watched[i * 256] != 0) _exit(1);
        }
    }
    WatchedMemory(const WatchedMemory&) = delete;
    WatchedMemory& operator=(const WatchedMemory&) = delete;
    ~WatchedMemory() {
        if (child_ > 0) (void)end();
        munmap(memory_, size);
    }
    [[nodiscard]] MutableBytes bytes() const { return std::as_writable_bytes(std::span(memory_, size)); }
    // True when the child never saw anything. It watches until then.
    [[nodiscard]] bool end() {
        kill(child_, SIGKILL);
        int status = 0;
        while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
        }
        child_ = -1;
        return WIFSIGNALED(status);
    }

  private:
    unsigned char* memory_;
    pid_t child_ = -1;
};

} // namespace

TEST_CASE("staged: bytes of a damaged chunk never reach the destination, not even for a moment") {
    const Suite suite = GENERATE(Suite::aes_256_gcm, Suite::chacha20_poly1305);
    const Key key = Key::generate(KeyKind::seal);
    MemoryModel plain(false);
    TensorData tensor = make_tensor("w", "U8", {size});
    std::ranges::fill(tensor.data, std::byte{0x77}); // easy to see
    plain.add_tensor(std::move(tensor));
    const TemporaryFolder folder;
    seal(plain, folder / "sealed", key, {.suite = suite, .chunk_log2 = 16});
    Data file = read_file(folder / "sealed");
    file[layout::prelude::size + 2 * layout::slots::default_block_size + 2 * chunk - 1] ^= std::byte{1};
    const SealedModel model = SealedModel::open(memory_source(file), key);
    const Plan plan = model.plan({{0, {}}});
    const Bytes fetched = Bytes(file).subspan(plan.items[0].file_offset, plan.items[0].length);

    WatchedMemory memory;
    const ReadItem item{{0, {}}, memory.bytes()};
    unsigned refused = 0;
    for (int i = 0; i < 300; ++i) {
        refused += refusal_code([&] { model.read_into({&item, 1}, {.staged = true}); }) == "corrupt_data";
        refused += refusal_code([&] { model.decrypt(plan, 0, fetched, memory.bytes(), true); }) == "corrupt_data";
    }
    CHECK(refused == 600);
    CHECK(all_zero(memory.bytes()));
    CHECK(memory.end());
}

} // namespace weightseal::testing

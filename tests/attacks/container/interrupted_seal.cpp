// Sealing that ends in the middle: a full disk, a read error, a kill. No output appears, an old one stays as
// it was, and nothing temporary is left.

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/forge.hpp"
#include "support/interruption.hpp"
#include "support/models.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <atomic>
#include <csignal>

namespace weightseal::testing {
namespace {

// A model of several cells that calls `at_read` before the n-th read of its bytes.
class Interrupted final : public ModelSource {
  public:
    Interrupted() {
        model_.add_file("config.json", to_data("{}"));
        model_.add_tensor(make_tensor("a", "U8", {300'000}, 1));
        model_.add_tensor(make_tensor("b", "F32", {100, 100}, 2));
    }
    std::function<void(int read)> at_read;
    [[nodiscard]] const std::vector<SourceEntry>& entries() const override { return model_.entries(); }
    [[nodiscard]] bool is_folder() const override { return true; }
    void read(std::size_t entry, std::uint64_t offset, MutableBytes to) const override {
        const int number = ++reads_;
        if (at_read) at_read(number);
        model_.read(entry, offset, to);
    }
    [[nodiscard]] int reads() const { return reads_; }
    void start_over() { reads_ = 0; }

  private:
    MemoryModel model_;
    mutable std::atomic<int> reads_{0};
};

SealOptions options(bool overwrite, unsigned threads = 1) {
    return {.chunk_log2 = 16, .overwrite = overwrite, .parallel = {.threads = threads}};
}

int count_reads(Interrupted& model) {
    const TemporaryFolder folder;
    seal(model, folder / "sealed", Key::generate(KeyKind::seal), options(false));
    const int reads = model.reads();
    model.start_over();
    return reads;
}

} // namespace

TEST_CASE("seal: a read error at each read leaves no output, or the old one") {
    Interrupted model;
    const int reads = count_reads(model);
    REQUIRE(reads > 5);
    const Key key = Key::generate(KeyKind::seal);
    for (const bool overwrite : {false, true}) {
        for (const unsigned threads : {1U, 4U}) {
            for (int n = 1; n <= reads; ++n) {
                const Output output(overwrite);
                model.start_over();
                model.at_read = [n](int read) {
                    if (read == n) throw Error(Errc::io_failed, "disk", "does not answer", 4242);
                };
                CAPTURE(n, overwrite, threads);
                CHECK(refusal([&] { seal(model, output.path(), key, options(overwrite, threads)); }) ==
                      "io_failed at 4242");
                CHECK(output.is_untouched());
                CHECK(output.left_over().empty());
            }
        }
    }
}

TEST_CASE("seal: a full disk at any place leaves no output, or the old one") {
    Interrupted model;
    const Key key = Key::generate(KeyKind::seal);
    std::size_t complete = 0;
    {
        const Output output(false);
        seal(model, output.path(), key, options(false));
        complete = std::filesystem::file_size(output.path());
    }
    for (const bool overwrite : {false, true}) {
        for (const std::size_t room :
             {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{4096}, std::size_t{12288},
              std::size_t{20480}, std::size_t{100'000}, complete / 2, complete - 1025, complete - 1}) {
            const Output output(overwrite);
            const int code = errc_in_child([&] {
                limit_file_size(room);
                seal(model, output.path(), key, options(overwrite));
            });
            CAPTURE(room, overwrite);
            CHECK(std::string(errc_name(static_cast<Errc>(code))) == "no_space");
            CHECK(output.is_untouched());
            CHECK(output.left_over().empty());
        }
    }
    const Output output(false);
    CHECK(errc_in_child([&] {
              limit_file_size(complete);
              seal(model, output.path(), key, options(false));
          }) == 0);
    CHECK(refusal([&] { SealedModel::open(output.path(), key).verify(); }) == "nothing refused");
}

TEST_CASE("seal: a kill at each read leaves no output, or the old one") {
    Interrupted model;
    const int reads = count_reads(model);
    const Key key = Key::generate(KeyKind::seal);
    for (const bool overwrite : {false, true}) {
        for (int n = 1; n <= reads; ++n) {
            const Output output(overwrite);
            model.start_over();
            model.at_read = [n](int read) {
                if (read == n) std::raise(SIGKILL);
            };
            CAPTURE(n, overwrite);
            CHECK(in_child([&] {
                      seal(model, output.path(), key, options(overwrite));
                      return 0;
                  }) == -SIGKILL);
            CHECK(output.is_untouched());
            if (output.has_unnamed_files()) CHECK(output.left_over().empty());
        }
    }
}

TEST_CASE("seal: a kill after the last byte of the body, before the file has its name") {
    const Interrupted model;
    const Key key = Key::generate(KeyKind::seal);
    for (const bool overwrite : {false, true}) {
        const Output output(overwrite);
        SealOptions dying = options(overwrite);
        dying.hooks.progress = [](std::uint64_t done, std::uint64_t total) {
            if (done == total) std::raise(SIGKILL);
        };
        CHECK(in_child([&] {
                  seal(model, output.path(), key, dying);
                  return 0;
              }) == -SIGKILL);
        CHECK(output.is_untouched());
        if (output.has_unnamed_files()) CHECK(output.left_over().empty());
    }
}

TEST_CASE("seal: cancelled, or a hook that throws") {
    const Interrupted model;
    const Key key = Key::generate(KeyKind::seal);
    for (const bool overwrite : {false, true}) {
        const Output output(overwrite);
        SealOptions cancelled = options(overwrite);
        cancelled.hooks.cancelled = [] { return true; };
        CHECK(refusal([&] { seal(model, output.path(), key, cancelled); }) == "cancelled");
        SealOptions throwing = options(overwrite);
        throwing.hooks.progress = [](std::uint64_t, std::uint64_t) { throw std::string("mine"); };
        CHECK_THROWS_AS(seal(model, output.path(), key, throwing), std::string);
        SealOptions idle = options(overwrite, 4);
        idle.parallel.run = [](std::size_t, const std::function<void(std::size_t)>&) {};
        CHECK(refusal([&] { seal(model, output.path(), key, idle); }) == "callback_failed");
        CHECK(output.is_untouched());
        CHECK(output.left_over().empty());
    }
}

TEST_CASE("seal: an output that exists, or is no regular file, is not replaced") {
    const Interrupted model;
    const Key key = Key::generate(KeyKind::seal);
    const Output output(true);
    CHECK(refusal([&] { seal(model, output.path(), key, options(false)); }) == "file_exists");
    CHECK(output.is_untouched());

    // A link is neither followed nor replaced.
    const std::filesystem::path link = output.path().parent_path() / "link";
    std::filesystem::create_symlink(output.path(), link);
    CHECK(refusal([&] { seal(model, link, key, options(false)); }) == "file_exists");
    CHECK(refusal([&] { seal(model, link, key, options(true)); }) == "unsupported_file");
    CHECK(std::filesystem::is_symlink(link));
    std::filesystem::remove(link);
    std::filesystem::create_symlink("nowhere", link);
    CHECK(refusal([&] { seal(model, link, key, options(false)); }) == "file_exists");
    std::filesystem::remove(link);
    std::filesystem::create_directory(link);
    CHECK(refusal([&] { seal(model, link, key, options(true)); }) == "unsupported_file");
    std::filesystem::remove(link);
    CHECK(output.is_untouched());
    CHECK(output.left_over().empty());
}

TEST_CASE("seal: an output that appears meanwhile is not replaced") {
    Interrupted model;
    const Key key = Key::generate(KeyKind::seal);
    const Output output(false);
    model.at_read = [&](int read) {
        if (read == 1) write_file(output.path(), "somebody else's");
    };
    CHECK(refusal([&] { seal(model, output.path(), key, options(false)); }) == "file_exists");
    CHECK(read_file(output.path()) == to_data("somebody else's"));
    CHECK(output.left_over().empty());
}

} // namespace weightseal::testing

// Marking that ends in the middle: a full disk, a read error, a kill, a source that changes. No output appears, an old
// one stays as it was, and nothing temporary is left.

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/interruption.hpp"
#include "support/refusal.hpp"
#include "support/watermark.hpp"
#include "weightseal/core/error.hpp"

#include <atomic>
#include <csignal>

namespace weightseal::testing {
namespace {

// A single file of several tensors that calls `at_read` before the n-th read of its bytes.
class Interrupted final : public ModelSource {
  public:
    explicit Interrupted(bool is_folder = false) : model_(is_folder) {
        const std::size_t head = model_.add_file("model.safetensors", to_data("head"));
        if (is_folder) model_.add_file("sub/config.json", to_data("{}"));
        model_.add_tensor(normal_tensor("a", "F32", {300, 1000}, 1), head);
        model_.add_tensor(normal_tensor("b", "BF16", {64, 100}, 2), head);
        model_.add_tensor(make_tensor("ids", "I64", {100}), head);
    }
    std::function<void(int read)> at_read;
    std::function<void(std::size_t entry, MutableBytes to)> after_read;
    [[nodiscard]] const std::vector<SourceEntry>& entries() const override { return model_.entries(); }
    [[nodiscard]] bool is_folder() const override { return model_.is_folder(); }
    void read(std::size_t entry, std::uint64_t offset, MutableBytes to) const override {
        const int number = ++reads_;
        if (at_read) at_read(number);
        model_.read(entry, offset, to);
        if (after_read) after_read(entry, to);
    }
    [[nodiscard]] int reads() const { return reads_; }
    void start_over() { reads_ = 0; }

  private:
    MemoryModel model_;
    mutable std::atomic<int> reads_{0};
};

MarkOptions options(bool overwrite, unsigned threads = 1) {
    MarkOptions result = mark_options(0.005, threads);
    result.overwrite = overwrite;
    return result;
}

// Reads of single elements, for sketches, are too many to interrupt each.
std::vector<int> some_reads(Interrupted& model) {
    const TemporaryFolder folder;
    (void)mark(model, folder / "marked", watermark_key(1), options(false));
    const int reads = model.reads();
    model.start_over();
    REQUIRE(reads > 1030);
    std::vector<int> chosen{1, 2, 3, 4, 5, 500, 1029};
    for (int n = reads - 6; n <= reads; ++n)
        chosen.push_back(n);
    return chosen;
}

} // namespace

TEST_CASE("mark: a read error leaves no output, or the old one") {
    for (const bool is_folder : {false, true}) {
        Interrupted model(is_folder);
        const std::vector<int> reads = some_reads(model);
        for (const bool overwrite : {false, true}) {
            if (is_folder && overwrite) continue; // a file is not replaced by a folder
            for (const unsigned threads : {1U, 4U})
                for (const int n : reads) {
                    const Output output(overwrite);
                    model.start_over();
                    model.at_read = [n](int read) {
                        if (read == n) throw Error(Errc::io_failed, "disk", "does not answer", 4242);
                    };
                    CAPTURE(n, overwrite, threads, is_folder);
                    CHECK(refusal([&] {
                              (void)mark(model, output.path(), watermark_key(1), options(overwrite, threads));
                          }) == "io_failed at 4242");
                    CHECK(output.is_untouched());
                    CHECK(output.left_over().empty());
                }
        }
    }
}

TEST_CASE("mark: a full disk at any place leaves no output, or the old one") {
    const Interrupted model;
    std::size_t complete = 0;
    {
        const Output output(false);
        (void)mark(model, output.path(), watermark_key(1), options(false));
        complete = std::filesystem::file_size(output.path());
    }
    for (const bool overwrite : {false, true})
        for (const std::size_t room :
             {std::size_t{0}, std::size_t{1}, std::size_t{4096}, complete / 2, complete - 801, complete - 1}) {
            const Output output(overwrite);
            const int code = errc_in_child([&] {
                limit_file_size(room);
                (void)mark(model, output.path(), watermark_key(1), options(overwrite));
            });
            CAPTURE(room, overwrite);
            CHECK(std::string(errc_name(static_cast<Errc>(code))) == "no_space");
            CHECK(output.is_untouched());
            CHECK(output.left_over().empty());
        }
}

TEST_CASE("mark: a kill leaves no output, or the old one") {
    Interrupted model;
    const std::vector<int> reads = some_reads(model);
    for (const bool overwrite : {false, true})
        for (const int n : reads) {
            const Output output(overwrite);
            model.start_over();
            model.at_read = [n](int read) {
                if (read == n) std::raise(SIGKILL);
            };
            CAPTURE(n, overwrite);
            CHECK(in_child([&] {
                      (void)mark(model, output.path(), watermark_key(1), options(overwrite));
                      return 0;
                  }) == -SIGKILL);
            CHECK(output.is_untouched());
            if (output.has_unnamed_files()) CHECK(output.left_over().empty());
        }
}

TEST_CASE("mark: a source that changes between the two passes is refused") {
    for (const std::size_t changed : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) { // marked or only copied
        Interrupted model;
        std::vector<std::uint64_t> seen(4);
        model.after_read = [&](std::size_t entry, MutableBytes to) {
            if (to.size() < 100) return; // a sketch's
            const std::uint64_t bytes = model.entries()[entry].bytes;
            if (entry == changed && seen[entry] >= bytes) to.back() ^= std::byte{1};
            seen[entry] += to.size();
        };
        const Output output(false);
        CAPTURE(changed);
        CHECK(refusal([&] { (void)mark(model, output.path(), watermark_key(1), options(false)); }) == "source_changed");
        CHECK(output.is_untouched());
        CHECK(output.left_over().empty());
    }
}

TEST_CASE("mark: cancelled, or a hook that throws") {
    const Interrupted model;
    for (const bool overwrite : {false, true}) {
        const Output output(overwrite);
        MarkOptions cancelled = options(overwrite);
        cancelled.hooks.cancelled = [] { return true; };
        const auto marking = [&](const MarkOptions& with) {
            return refusal([&] { (void)mark(model, output.path(), watermark_key(1), with); });
        };
        CHECK(marking(cancelled) == "cancelled");
        MarkOptions throwing = options(overwrite);
        throwing.hooks.progress = [](std::uint64_t done, std::uint64_t total) {
            if (2 * done > total) throw std::string("mine");
        };
        CHECK_THROWS_AS(mark(model, output.path(), watermark_key(1), throwing), std::string);
        MarkOptions idle = options(overwrite, 4);
        idle.parallel.run = [](std::size_t, const std::function<void(std::size_t)>&) {};
        CHECK(marking(idle) == "callback_failed");
        CHECK(output.is_untouched());
        CHECK(output.left_over().empty());
    }
}

TEST_CASE("mark: an output that exists is not replaced unasked, and is refused before the work") {
    Interrupted model;
    const Output output(true);
    CHECK(refusal([&] { (void)mark(model, output.path(), watermark_key(1), options(false)); }) == "file_exists");
    CHECK(model.reads() == 0);
    CHECK(output.is_untouched());
    CHECK(output.left_over().empty());

    const Output meanwhile(false);
    model.at_read = [&](int read) {
        if (read == 1) write_file(meanwhile.path(), "somebody else's");
    };
    CHECK(refusal([&] { (void)mark(model, meanwhile.path(), watermark_key(1), options(false)); }) == "file_exists");
    CHECK(read_file(meanwhile.path()) == to_data("somebody else's"));
    CHECK(meanwhile.left_over().empty());
}

TEST_CASE("mark: tensors that belong to no file are refused") {
    MemoryModel model;
    model.add_file("config.json", to_data("{}"));
    model.add_tensor(normal_tensor("a", "F32", {100, 100}));
    const Output output(false);
    CHECK(refusal([&] { (void)mark(model, output.path(), watermark_key(1), options(false)); }) == "unsupported");
    CHECK(output.is_untouched());
}

} // namespace weightseal::testing

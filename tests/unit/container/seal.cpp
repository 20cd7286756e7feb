// Sealing: what stands at the output and what does not, and what the output gives away.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "unit/container/fixture.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace weightseal::testing {
namespace {

MemoryModel small_model() {
    MemoryModel model;
    model.add_file("config.json", to_data(R"({"architecture":"secret-architecture"})"));
    model.add_tensor(make_tensor("secret.layer.name", "F32", {64, 300}, 1));
    return model;
}

std::vector<std::string> names_in(const TemporaryFolder& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
        names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}
using Names = std::vector<std::string>;

mode_t mode_of(const std::filesystem::path& path) {
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

bool holds(const Data& file, std::string_view text) {
    return as_text(file).find(text) != std::string_view::npos;
}

std::string sealing(const ModelSource& model) {
    const TemporaryFolder folder;
    const std::string text = refusal([&] { seal(model, folder / "out", Key::generate(KeyKind::seal)); });
    if (text != "nothing refused") CHECK(names_in(folder).empty());
    return text;
}

} // namespace

TEST_CASE("a sealed file is complete, alone in its folder, and readable by its owner only") {
    const TemporaryFolder folder;
    const Key key = Key::generate(KeyKind::seal);
    const mode_t before = umask(0);
    seal(small_model(), folder / "m.wseal", key);
    umask(before);
    CHECK(names_in(folder) == Names{"m.wseal"});
    CHECK(mode_of(folder / "m.wseal") == 0600);
    SealedModel::open(folder / "m.wseal", key).verify();
}

TEST_CASE("an existing file is replaced only when asked") {
    const TemporaryFolder folder;
    const Key key = Key::generate(KeyKind::seal);
    write_file(folder / "out", "somebody's work");
    std::filesystem::permissions(folder / "out", std::filesystem::perms(0644));
    CHECK(refusal([&] { seal(small_model(), folder / "out", key); }) == "file_exists");
    CHECK(read_file(folder / "out") == to_data("somebody's work"));
    seal(small_model(), folder / "out", key, {.overwrite = true});
    SealedModel::open(folder / "out", key).verify();
    CHECK(mode_of(folder / "out") == 0600);
    CHECK(names_in(folder) == Names{"out"});
}

TEST_CASE("what is no regular file is never replaced") {
    const TemporaryFolder folder;
    const Key key = Key::generate(KeyKind::seal);
    write_file(folder / "target", "x");
    std::filesystem::create_symlink("target", folder / "link");
    std::filesystem::create_directory(folder / "folder");
    for (const char* const name : {"link", "folder"}) {
        CHECK(refusal([&] { seal(small_model(), folder / name, key); }) == "file_exists");
        CHECK(refusal([&] { seal(small_model(), folder / name, key, {.overwrite = true}); }) == "unsupported_file");
    }
    CHECK(read_file(folder / "target") == to_data("x"));
    CHECK(refusal([&] { seal(small_model(), folder / "no/such/folder", key); }) == "file_not_found");
    CHECK(names_in(folder) == Names{"folder", "link", "target"});
}

TEST_CASE("sealing the same model twice: the same layout, and different bytes everywhere") {
    const Sealed first(small_model());
    const Sealed second(small_model());
    REQUIRE(first.file.size() == second.file.size());
    const Facts a = inspect(*memory_source(first.file));
    const Facts b = inspect(*memory_source(second.file));
    CHECK(a.body_size == b.body_size);
    CHECK(a.index_size == b.index_size);
    const Plan plan_a = first.open().plan({whole(0)}, 1);
    const Plan plan_b = second.open().plan({whole(0)}, 1);
    REQUIRE(plan_a.items.size() == plan_b.items.size());
    for (std::size_t i = 0; i < plan_a.items.size(); ++i) {
        const PlanItem& item = plan_a.items[i];
        CHECK(item.file_offset == plan_b.items[i].file_offset);
        CHECK(item.length == plan_b.items[i].length);
        CHECK_FALSE(equal(Bytes(first.file).subspan(item.file_offset, item.length),
                          Bytes(second.file).subspan(item.file_offset, item.length)));
    }
    CHECK_FALSE(equal(Bytes(first.file).subspan(64, 64), Bytes(second.file).subspan(64, 64))); // salt and commitment
}

TEST_CASE("the layout does not depend on the number of threads") {
    MemoryModel model;
    for (std::uint64_t i = 0; i < 20; ++i)
        model.add_tensor(make_tensor(std::to_string(i), "U8", {i * 9001}, i));
    const Sealed one(model, {.chunk_log2 = 16, .parallel = {1, {}}});
    const Sealed many(model, {.chunk_log2 = 16, .parallel = {8, {}}});
    CHECK(one.file.size() == many.file.size());
    many.open().verify();
    one.open().verify();
}

TEST_CASE("a sealed file shows neither names nor data nor its key") {
    const MemoryModel model = small_model();
    for (const Suite suite : {Suite::aes_256_gcm, Suite::chacha20_poly1305}) {
        const Sealed sealed(model, {.suite = suite});
        CHECK_FALSE(holds(sealed.file, "secret"));
        CHECK_FALSE(holds(sealed.file, "config"));
        CHECK_FALSE(holds(sealed.file, "F32"));
        for (const std::size_t at : {std::size_t{0}, std::size_t{1000}, std::size_t{70'000}})
            CHECK_FALSE(holds(sealed.file, as_text(Bytes(model.data(1)).subspan(at, 16))));
        CHECK_FALSE(holds(sealed.file, as_text(sealed.key.secret.bytes())));
    }
}

TEST_CASE("the size of the index tells the length of names only roughly") {
    std::vector<std::uint64_t> sizes;
    for (const std::size_t length : {std::size_t{1}, std::size_t{100}, std::size_t{500}}) {
        MemoryModel model;
        model.add_tensor(make_tensor(std::string(length, 'n'), "U8", {10}));
        sizes.push_back(inspect(*memory_source(Sealed(model).file)).index_size);
    }
    CHECK(sizes == std::vector<std::uint64_t>{1024, 1024, 1024});
}

TEST_CASE("tensors of 64 KiB and more start on 4096 bytes of the file, smaller ones on 64, small gaps between") {
    MemoryModel model;
    for (std::uint64_t i = 1; i < 40; ++i)
        model.add_tensor(make_tensor(std::to_string(i), "U8", {i * 4321}, i));
    const Sealed sealed(model);
    const SealedModel open = sealed.open();
    std::uint64_t end = sealed.file.size() - open.facts().index_size - open.facts().body_size;
    for (std::size_t i = 0; i < open.tensor_count(); ++i) {
        const Plan plan = open.plan({whole(i)}, std::uint64_t{1} << 30);
        REQUIRE(plan.items.size() == 1);
        CHECK(plan.items[0].file_offset % (open.tensor(i).bytes >= 65536 ? 4096 : 64) == 0);
        CHECK(plan.items[0].file_offset - end < 4096);
        end = plan.items[0].file_offset + plan.items[0].length;
    }
}

TEST_CASE("options and keys that cannot be are refused before anything is written") {
    const TemporaryFolder folder;
    const Key key = Key::generate(KeyKind::seal);
    const auto refused = [&](const Key& with, const SealOptions& options) {
        return refusal([&] { seal(small_model(), folder / "out", with, options); });
    };
    CHECK(refused(key, {.chunk_log2 = 15}) == "invalid_argument");
    CHECK(refused(key, {.chunk_log2 = 23}) == "invalid_argument");
    CHECK(refused(key, {.suite = static_cast<Suite>(3)}) == "unknown_suite");
    CHECK(refused(key, {.suite = static_cast<Suite>(0)}) == "unknown_suite");
    CHECK(refused({}, {}) == "invalid_argument");
    CHECK(refused(Key::generate(KeyKind::signing), {}) == "key_kind");
    CHECK(names_in(folder).empty());
}

TEST_CASE("a model that no reader would accept is not sealed") {
    const TensorData tensor = make_tensor("w", "F32", {4});
    const auto with = [&](const auto& add) {
        MemoryModel model;
        add(model);
        return sealing(model);
    };
    CHECK(with([&](MemoryModel& m) { m.add_tensor(tensor); }) == "nothing refused");
    CHECK(with([&](MemoryModel& m) { m.add_tensor(tensor), m.add_tensor(tensor); }) == "duplicate_name");
    CHECK(with([&](MemoryModel& m) { m.add_file("a", {}), m.add_file("a", {}); }) == "duplicate_name");
    CHECK(with([&](MemoryModel& m) { m.add_file("w", {}), m.add_tensor(tensor); }) == "nothing refused");
    CHECK(with([&](MemoryModel& m) { m.add_file("../a", {}); }) == "unsafe_name");
    CHECK(with([&](MemoryModel& m) { m.add_file("a", {}), m.add_file("a/b", {}); }) == "unsafe_name");
    CHECK(with([&](MemoryModel& m) { m.add_file("a/b", {}), m.add_file("a", {}); }) == "unsafe_name");
    CHECK(with([&](MemoryModel& m) { m.add_tensor(make_tensor("\xff", "F32", {4})); }) == "unsafe_name");
    CHECK(with([&](MemoryModel& m) {
              TensorData wrong = tensor;
              wrong.shape = {5};
              m.add_tensor(wrong);
          }) == "invalid_argument");
    CHECK(with([&](MemoryModel& m) { m.add_tensor(make_tensor("deep", "U8", std::vector<std::uint64_t>(33, 1))); }) ==
          "invalid_argument");
    CHECK(with([&](MemoryModel& m) { m.add_tensor(make_tensor("deep", "U8", std::vector<std::uint64_t>(32, 1))); }) ==
          "nothing refused");
    CHECK(with([&](MemoryModel& m) { m.add_tensor(tensor, m.add_file("whole", {})); }) == "invalid_argument");
    CHECK(with([&](MemoryModel& m) { m.add_tensor(tensor, 0); }) == "invalid_argument");
    CHECK(with([&](MemoryModel& m) { m.add_alias("tied", "F32", {3}, m.add_tensor(tensor)); }) == "invalid_argument");
}

TEST_CASE("an error of the model comes out, and nothing stands at the output") {
    class Failing final : public ModelSource {
      public:
        [[nodiscard]] const std::vector<SourceEntry>& entries() const override { return entries_; }
        [[nodiscard]] bool is_folder() const override { return true; }
        void read(std::size_t, std::uint64_t offset, MutableBytes) const override {
            if (offset >= 600'000) throw Error(Errc::io_failed, "disk", "read error", offset);
        }

      private:
        std::vector<SourceEntry> entries_{{.kind = SourceEntry::Kind::file, .name = "f", .bytes = 1'000'000}};
    };
    CHECK(sealing(Failing()).starts_with("io_failed at "));
}

} // namespace weightseal::testing

// Names that would leave the folder, collide, or confuse, in containers forged by a holder of the key and in
// models that are to be sealed.

#include "support/catch.hpp"
#include "support/forge.hpp"
#include "support/models.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/unseal.hpp"

#include <algorithm>
#include <set>

namespace weightseal::testing {
namespace {

container::Draft files(const std::vector<std::string>& names) {
    container::Draft draft;
    draft.is_folder = true;
    for (const std::string& name : names)
        draft.entries.push_back({.name = name, .length = 5});
    return draft;
}

Data forge_files(const std::vector<std::string>& names, const Key& key) {
    return forge(files(names), std::vector<Data>(names.size(), to_data("owned")), key);
}

// Everything below a folder, by relative path.
std::set<std::string> content(const std::filesystem::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        names.insert(entry.path().lexically_relative(folder).generic_string());
    return names;
}

// How unsealing refuses a container of these files; checks that nothing appears anywhere.
std::string unsealing(const std::vector<std::string>& names) {
    const Key key = Key::generate(KeyKind::seal);
    const TemporaryFolder folder;
    std::filesystem::create_directories(folder / "inside");
    write_file(folder / "victim", "untouched");
    const Data file = forge_files(names, key);
    const std::string result =
        refusal([&] { unseal(SealedModel::open(memory_source(file), key), folder / "inside/out"); });
    CHECK(content(folder.path()) == std::set<std::string>{"inside", "victim"});
    CHECK(read_file(folder / "victim") == to_data("untouched"));
    CHECK(refusal([&] { (void)SealedModel::open(memory_source(file), key); }) == result);
    return result;
}

// How sealing a model of these files refuses; checks that nothing appears.
std::string sealing(const std::vector<std::string>& names) {
    const TemporaryFolder folder;
    MemoryModel model;
    for (const std::string& name : names)
        model.add_file(name, to_data("{}"));
    const std::string result = refusal([&] { seal(model, folder / "out", Key::generate(KeyKind::seal)); });
    CHECK(content(folder.path()).empty());
    return result;
}

const std::vector<std::string> unsafe{
    "../x",
    "../../victim",
    "..",
    "/x",
    "/etc/passwd",
    "//x",
    "a/../../x",
    "a/..",
    ".",
    "./x",
    "a/./x",
    "a//x",
    "a/",
    "",
    "/",
    "..\\x",
    "a\\b",
    "C:\\x",
    "x\n",
    "x\x1b[2J",
    std::string("x\0y", 3),
    "x\x7f",
    "\x01",
    "\xff",
    "\xc0\xae\xc0\xae/x",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "caf\xe9",
    "a/\xc3",
};

} // namespace

TEST_CASE("entries named ../x, /x and the like are refused at open, and unsealing writes nothing") {
    for (const std::string& name : unsafe) {
        CAPTURE(name);
        CHECK(unsealing({"good.json", name}) == "unsafe_name");
    }
}

TEST_CASE("models with entries named ../x, /x and the like are not sealed") {
    for (const std::string& name : unsafe) {
        CAPTURE(name);
        CHECK(sealing({"good.json", name}) == "unsafe_name");
    }
}

TEST_CASE("an entry name of 65,535 bytes is sealed, and unsealing it leaves nothing half-written") {
    const Key key = Key::generate(KeyKind::seal);
    for (const bool deep : {false, true}) {
        std::string name(65535, 'n');
        if (deep)
            for (std::size_t i = 1; i < name.size(); i += 2)
                name[i] = '/';
        const Data file = forge_files({"good.json", name}, key);
        const SealedModel model = SealedModel::open(memory_source(file), key);
        const TemporaryFolder folder;
        CHECK(refusal_code([&] { unseal(model, folder / "out"); }) == "io_failed");
        CHECK(content(folder.path()).empty());
    }
    CHECK(sealing({std::string(65536, 'n')}) == "unsafe_name");
}

TEST_CASE("two entries of one name") {
    CHECK(unsealing({"x", "x"}) == "duplicate_name");
    CHECK(unsealing({"a/x", "b", "a/x"}) == "duplicate_name");
    CHECK(sealing({"x", "x"}) == "duplicate_name");
}

TEST_CASE("a file below another file") {
    CHECK(unsealing({"a", "a/b"}) == "unsafe_name");
    CHECK(unsealing({"a/b", "a"}) == "unsafe_name");
    CHECK(unsealing({"a/b/c", "x", "a"}) == "unsafe_name");
    CHECK(unsealing({"a/b", "a/b/c/d"}) == "unsafe_name");
    CHECK(sealing({"a", "a/b"}) == "unsafe_name");
    CHECK(sealing({"a/b/c", "x", "a"}) == "unsafe_name");
}

TEST_CASE("names that only look alike are different files") {
    const Key key = Key::generate(KeyKind::seal);
    const std::vector<std::string> names{"a", "a.b", "A", "ab/c", "a-b", "...", "..a/.b", "\xc3\xa9", "e\xcc\x81", " "};
    const Data file = forge_files(names, key);
    const TemporaryFolder folder;
    unseal(SealedModel::open(memory_source(file), key), folder / "out");
    for (const std::string& name : names)
        CHECK(read_file(folder / "out" / name) == to_data("owned"));
}

TEST_CASE("two tensors, or a tensor and an alias, of one name") {
    const Key key = Key::generate(KeyKind::seal);
    container::Draft draft;
    container::EntryDraft tensor;
    tensor.kind = container::EntryKind::tensor;
    tensor.dtype = Dtype::u8;
    tensor.name = "w";
    tensor.shape = {64};
    tensor.length = 64;
    draft.entries = {tensor, tensor};
    const std::vector<Data> data{patterned(64, 1), patterned(64, 2)};
    const auto opening = [&] {
        const Data file = forge(draft, data, key);
        return refusal([&] { (void)SealedModel::open(memory_source(file), key); });
    };
    CHECK(opening() == "duplicate_name");
    draft.entries[1].kind = container::EntryKind::alias;
    draft.entries[1].link = 0;
    CHECK(opening() == "duplicate_name");
    draft.entries[1].name = std::string("w\0", 2);
    CHECK(opening() == "unsafe_name");
    draft.entries[1].name = "\xff";
    CHECK(opening() == "unsafe_name");
}

TEST_CASE("a tensor's name is no path: ../x is an ordinary name") {
    const Key key = Key::generate(KeyKind::seal);
    const TemporaryFolder folder;
    const Data plain = safetensors_file({make_tensor("../../x", "U8", {16}), make_tensor("/etc/passwd", "U8", {16})});
    write_file(folder / "m.safetensors", plain);
    seal(folder / "m.safetensors", folder / "sealed", key);
    unseal(SealedModel::open(folder / "sealed", key), folder / "out.safetensors");
    CHECK(read_file(folder / "out.safetensors") == plain);
    CHECK(content(folder.path()) == std::set<std::string>{"m.safetensors", "sealed", "out.safetensors"});
}

TEST_CASE("control characters of a hostile name do not reach a terminal through the message") {
    const Key key = Key::generate(KeyKind::seal);
    const Data file = forge_files({"x\x1b]0;owned\x07"}, key);
    try {
        (void)SealedModel::open(memory_source(file), key);
        FAIL("accepted");
    } catch (const Error& error) {
        const std::string_view message = error.what();
        CHECK(std::ranges::none_of(message, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }));
    }
}

TEST_CASE("a link from a file entry, which FORMAT.md forbids, is not sealed") {
    MemoryModel model;
    model.add_file("a", to_data("1"));
    struct Linked final : ModelSource {
        explicit Linked(const MemoryModel& from) : from_(from), entries_(from.entries()) {
            entries_.push_back({.kind = SourceEntry::Kind::file, .name = "b", .bytes = 1, .link = 0});
        }
        [[nodiscard]] const std::vector<SourceEntry>& entries() const override { return entries_; }
        [[nodiscard]] bool is_folder() const override { return true; }
        void read(std::size_t, std::uint64_t offset, MutableBytes to) const override { from_.read(0, offset, to); }

      private:
        const MemoryModel& from_;
        std::vector<SourceEntry> entries_;
    };
    const TemporaryFolder folder;
    CHECK(refusal([&] { seal(Linked(model), folder / "out", Key::generate(KeyKind::seal)); }) == "invalid_argument");
    CHECK(content(folder.path()).empty());
}

} // namespace weightseal::testing

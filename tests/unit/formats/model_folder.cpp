// Model folders: which files are shards, and what becomes of all others.

#include "weightseal/formats/model_folder.hpp"

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/refusal.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace weightseal::testing {
namespace {

using Kind = SourceEntry::Kind;

Data one_tensor(const std::string& name, std::uint64_t seed = 1) {
    return safetensors_file({make_tensor(name, "F32", {2, 3}, seed)});
}

std::string shard_index(const std::string& map) {
    return R"({"metadata":{"total_size":48},"weight_map":{)" + map + "}}";
}

// "f config.json", "h model.safetensors", "t w": kinds and names in order.
std::vector<std::string> listing(const ModelSource& model) {
    std::vector<std::string> lines;
    for (const SourceEntry& entry : model.entries())
        lines.push_back(std::string(1, "fhta"[static_cast<int>(entry.kind)]) + " " + entry.name);
    return lines;
}
using Lines = std::vector<std::string>;

Data entry_data(const ModelSource& model, std::string_view name, Kind kind) {
    for (std::size_t i = 0; i < model.entries().size(); ++i) {
        const SourceEntry& entry = model.entries()[i];
        if (entry.name != name || entry.kind != kind) continue;
        Data data(entry.bytes);
        model.read(i, 0, data);
        return data;
    }
    FAIL("no entry " << name);
    return {};
}

std::string refused(const TemporaryFolder& folder) {
    return refusal_code([&] { (void)folder_model(folder.path()); });
}

} // namespace

TEST_CASE("a folder with one safetensors file: files first in order of name, then the tensors") {
    const TemporaryFolder folder;
    write_file(folder / "tokenizer.json", "[1]");
    write_file(folder / "model.safetensors", one_tensor("w"));
    write_file(folder / "config.json", "{}");
    const auto model = folder_model(folder.path());
    CHECK(model->is_folder());
    CHECK(listing(*model) == Lines{"f config.json", "h model.safetensors", "f tokenizer.json", "t w"});
    CHECK(model->entries()[3].link == 1);
    CHECK(entry_data(*model, "tokenizer.json", Kind::file) == to_data("[1]"));
    CHECK(entry_data(*model, "w", Kind::tensor) == make_tensor("w", "F32", {2, 3}).data);
    Data whole = entry_data(*model, "model.safetensors", Kind::safetensors_head);
    const Data tensor = entry_data(*model, "w", Kind::tensor);
    whole.insert(whole.end(), tensor.begin(), tensor.end());
    CHECK(whole == one_tensor("w"));
}

TEST_CASE("shards are those that the index names, another safetensors file is a file") {
    const TemporaryFolder folder;
    write_file(folder / "part-1.safetensors", one_tensor("a", 1));
    write_file(folder / "part-2.safetensors", one_tensor("b", 2));
    write_file(folder / "extra.safetensors", one_tensor("c", 3));
    write_file(folder / "model.safetensors.index.json",
               shard_index(R"("a":"part-1.safetensors","b":"part-2.safetensors")"));
    const auto model = folder_model(folder.path());
    CHECK(listing(*model) == Lines{"f extra.safetensors", "f model.safetensors.index.json", "h part-1.safetensors",
                                   "h part-2.safetensors", "t a", "t b"});
    CHECK(entry_data(*model, "b", Kind::tensor) == make_tensor("b", "F32", {2, 3}, 2).data);
    CHECK(entry_data(*model, "extra.safetensors", Kind::file) == one_tensor("c", 3));
}

TEST_CASE("without an index, model.safetensors is the only shard") {
    const TemporaryFolder folder;
    write_file(folder / "model.safetensors", one_tensor("a"));
    write_file(folder / "adapter.safetensors", one_tensor("b"));
    CHECK(listing(*folder_model(folder.path())) == Lines{"f adapter.safetensors", "h model.safetensors", "t a"});
}

TEST_CASE("without an index and model.safetensors, every safetensors file of the folder itself is a shard") {
    const TemporaryFolder folder;
    write_file(folder / "x.safetensors", one_tensor("x"));
    write_file(folder / "b.safetensors", one_tensor("b"));
    write_file(folder / "sub/c.safetensors", one_tensor("c"));
    CHECK(listing(*folder_model(folder.path())) ==
          Lines{"h b.safetensors", "f sub/c.safetensors", "h x.safetensors", "t b", "t x"});
    write_file(folder / "copy.safetensors", one_tensor("x"));
    CHECK(refused(folder) == "duplicate_tensor");
}

TEST_CASE("files of subfolders, hidden, empty and of many kinds are kept, empty folders are not") {
    const TemporaryFolder folder;
    write_file(folder / "model.safetensors", one_tensor("w"));
    write_file(folder / "1_Pooling/config.json", "{}");
    write_file(folder / "a/b/c/deep.txt", "deep");
    write_file(folder / ".gitattributes", "x");
    write_file(folder / "empty", "");
    write_file(folder / "Gewürz 模型.txt", "y");
    std::filesystem::create_directory(folder / "nothing");
    const auto model = folder_model(folder.path());
    CHECK(listing(*model) == Lines{"f .gitattributes", "f 1_Pooling/config.json", "f Gewürz 模型.txt",
                                   "f a/b/c/deep.txt", "f empty", "h model.safetensors", "t w"});
    CHECK(entry_data(*model, "a/b/c/deep.txt", Kind::file) == to_data("deep"));
    CHECK(entry_data(*model, "empty", Kind::file).empty());
}

TEST_CASE("links to files are followed: Hugging Face's cache is made of them") {
    const TemporaryFolder folder;
    const auto blobs = folder / "blobs";
    const auto snapshot = folder / "snapshots/0123";
    write_file(blobs / "aaaa", one_tensor("w"));
    write_file(blobs / "bbbb", "{}");
    std::filesystem::create_directories(snapshot);
    std::filesystem::create_symlink("../../blobs/aaaa", snapshot / "model.safetensors");
    std::filesystem::create_symlink("../../blobs/bbbb", snapshot / "config.json");
    const auto model = folder_model(snapshot);
    CHECK(listing(*model) == Lines{"f config.json", "h model.safetensors", "t w"});
    CHECK(entry_data(*model, "config.json", Kind::file) == to_data("{}"));
    CHECK(entry_data(*model, "w", Kind::tensor) == make_tensor("w", "F32", {2, 3}).data);
}

TEST_CASE("what is neither a file nor a folder is refused, not left out") {
    const TemporaryFolder folder;
    write_file(folder / "model.safetensors", one_tensor("w"));
    REQUIRE(refused(folder) == "nothing refused");
    const auto path = folder / "odd";
    std::filesystem::create_symlink("nowhere", path);
    CHECK(refused(folder) == "unsupported_file");
    std::filesystem::remove(path);
    std::filesystem::create_directory_symlink("/", path);
    CHECK(refused(folder) == "unsupported_file");
    std::filesystem::remove(path);
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    CHECK(refused(folder) == "unsupported_file");
    std::filesystem::remove(path);
    write_file(folder / "new\nline", "x");
    CHECK(refused(folder) == "unsafe_name");
}

TEST_CASE("a folder without a safetensors file is no model") {
    const TemporaryFolder folder;
    CHECK(refused(folder) == "no_model");
    write_file(folder / "pytorch_model.bin", "x");
    write_file(folder / "sub/model.safetensors", one_tensor("w"));
    CHECK(refused(folder) == "no_model");
    CHECK(refusal([&] { (void)folder_model(folder / "missing"); }) == "io_failed");
}

TEST_CASE("an index may leave out tensors, and hold other things than the map") {
    const TemporaryFolder folder;
    write_file(folder / "s.safetensors", safetensors_file({make_tensor("a", "U8", {1}), make_tensor("b", "U8", {1})}));
    write_file(
        folder / "model.safetensors.index.json",
        R"({"weight_map":{"a":"s.safetensors"},"metadata":{"weight_map":{"x":1},"list":[1,{"y":null}]},"n":-1.5})");
    CHECK(listing(*folder_model(folder.path())) ==
          Lines{"f model.safetensors.index.json", "h s.safetensors", "t a", "t b"});
}

TEST_CASE("a file that changes its size while it is sealed is source_changed") {
    const TemporaryFolder folder;
    write_file(folder / "model.safetensors", one_tensor("w"));
    write_file(folder / "config.json", "{...}");
    const auto model = folder_model(folder.path());
    write_file(folder / "config.json", "{.......}");
    Data data(5);
    CHECK(refusal_code([&] { model->read(0, 0, data); }) == "source_changed");
}

} // namespace weightseal::testing

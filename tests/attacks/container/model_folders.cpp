// Hostile model folders: shard indexes that name other files, and things in a folder that are no files.

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealer.hpp"
#include "weightseal/formats/model_folder.hpp"

#include <filesystem>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace weightseal::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* index_name = "model.safetensors.index.json";

// A folder of two shards with a valid index; a test then spoils it.
class Folder {
  public:
    Folder() {
        write_file(path() / "config.json", "{}");
        write_file(path() / "one.safetensors", safetensors_file({make_tensor("a", "F32", {2, 3}, 1)}));
        write_file(path() / "two.safetensors", safetensors_file({make_tensor("b", "U8", {5}, 2)}));
        index(R"({"metadata":{"total_size":29},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
    }
    [[nodiscard]] fs::path path() const { return folder_ / "model"; }
    void index(std::string_view json) const { write_file(path() / index_name, json); }
    void map(const std::string& entries) const { index("{\"weight_map\":{" + entries + "}}"); }

    // How opening and sealing it is refused; nothing is left behind.
    [[nodiscard]] std::string sealing() const {
        const std::string result = refusal([&] { (void)folder_model(path()); });
        const Key key = Key::generate(KeyKind::seal);
        fs::remove_all(folder_ / "out");
        fs::create_directory(folder_ / "out");
        CHECK(refusal([&] { seal(path(), folder_ / "out/sealed", key); }) == result);
        if (result != "nothing refused") CHECK(fs::is_empty(folder_ / "out"));
        return result;
    }

  private:
    TemporaryFolder folder_;
};

const std::string b = R"(,"b":"two.safetensors")";

} // namespace

TEST_CASE("folder: a valid one is accepted") {
    const Folder folder;
    CHECK(folder.sealing() == "nothing refused");
}

TEST_CASE("folder: an index that names a shard outside the folder") {
    const Folder folder;
    write_file(folder.path().parent_path() / "x.safetensors", safetensors_file({make_tensor("a", "U8", {1})}));
    for (const std::string name :
         {"../x.safetensors", "/etc/passwd", "/x", "..", ".", "", "sub/x.safetensors", "./one.safetensors",
          "..\\\\x.safetensors", "one.safetensors/", "/", "a//b", "one.safetensors\\u0000", "\\n", "~/x\\u001b"}) {
        CAPTURE(name);
        folder.map("\"a\":\"" + name + "\"" + b);
        CHECK(folder.sealing() == "unsafe_shard_name");
    }
}

TEST_CASE("folder: an index that names a shard that is not there") {
    const Folder folder;
    folder.map(R"("a":"three.safetensors")" + b);
    CHECK(folder.sealing() == "missing_shard");
    folder.map(R"("a":"ONE.safetensors")" + b);
    CHECK(folder.sealing() == "missing_shard");
    fs::create_directory(folder.path() / "three.safetensors");
    folder.map(R"("a":"three.safetensors")" + b);
    CHECK(folder.sealing() == "missing_shard");
}

TEST_CASE("folder: an index that puts a tensor into the wrong shard, or names one that is nowhere") {
    const Folder folder;
    folder.map(R"("a":"two.safetensors")" + b);
    CHECK(folder.sealing() == "missing_tensor"); // one.safetensors is no shard now
    folder.map(R"("a":"two.safetensors","b":"one.safetensors")");
    CHECK(folder.sealing() == "wrong_shard");
    folder.map(R"("a":"one.safetensors","c":"one.safetensors")" + b);
    CHECK(folder.sealing() == "missing_tensor");
}

TEST_CASE("folder: a tensor in two shards") {
    const Folder folder;
    write_file(folder.path() / "two.safetensors",
               safetensors_file({make_tensor("b", "U8", {5}), make_tensor("a", "U8", {5})}));
    CHECK(folder.sealing() == "duplicate_tensor");
}

TEST_CASE("folder: a shard that is no safetensors file") {
    const Folder folder;
    write_file(folder.path() / "two.safetensors", "PK\x03\x04 what");
    CHECK(folder.sealing() == "header_too_long at 0");
    write_file(folder.path() / "two.safetensors", "");
    CHECK(folder.sealing() == "header_truncated at 0");
    folder.map(R"("a":"one.safetensors","b":"config.json")");
    CHECK(folder.sealing() == "header_truncated at 2");
    folder.map(std::string(R"("a":"one.safetensors","b":")") + index_name + "\"");
    CHECK(folder.sealing() == "header_too_long at 0");
}

TEST_CASE("folder: an index that is not JSON") {
    const Folder folder;
    for (const std::string_view json : {"", " ", "{", "weight_map", "{'weight_map':{}}", "{\"weight_map\":{}}}",
                                        "{\"weight_map\":{\"a\":\"one.safetensors\",}}", "\xFF\xFE{", "{\"a\":01}"}) {
        CAPTURE(json);
        folder.index(json);
        CHECK(folder.sealing().starts_with("shard_index_not_json at "));
    }
    folder.index(std::string_view("{\"weight_map\":{}}\0 anything", 27));
    CHECK(folder.sealing() == "shard_index_not_json at 17");
}

TEST_CASE("folder: an index of another shape") {
    const Folder folder;
    for (const char* const json :
         {"{}", "[]", "1", "\"weight_map\"", "null", R"({"weight_map":[]})", R"({"weight_map":null})",
          R"({"weight_map":"one.safetensors"})", R"({"weight_map":{"a":1}})", R"({"weight_map":{"a":null}})",
          R"({"weight_map":{"a":["one.safetensors"]}})", R"({"weight_map":{"a":{"b":"one.safetensors"}}})",
          R"([{"weight_map":{"a":"one.safetensors"}}])", R"({"metadata":{"weight_map":{"a":"one.safetensors"}}})"}) {
        CAPTURE(json);
        folder.index(json);
        CHECK(folder.sealing() == "shard_index_malformed");
    }
}

TEST_CASE("folder: an index with a name twice") {
    const Folder folder;
    folder.map(R"("a":"one.safetensors","a":"one.safetensors")" + b);
    CHECK(folder.sealing() == "shard_index_malformed");
    folder.map(R"("a":"one.safetensors","\u0061":"two.safetensors")" + b);
    CHECK(folder.sealing() == "shard_index_malformed");
    folder.index(R"({"weight_map":{"a":"one.safetensors"},"weight_map":{"b":"two.safetensors"}})");
    CHECK(folder.sealing() == "shard_index_malformed");
}

TEST_CASE("folder: an index without tensors") {
    const Folder folder;
    folder.map("");
    CHECK(folder.sealing() == "no_model");
}

TEST_CASE("folder: an index nested deeply is read without deep recursion") {
    const Folder folder;
    const std::size_t depth = 2'000'000;
    const std::string map = R"("weight_map":{"a":"one.safetensors","b":"two.safetensors"})";
    folder.index("{\"metadata\":" + std::string(depth, '[') + std::string(depth, ']') + "," + map + "}");
    CHECK(folder.sealing() == "nothing refused");
    folder.index("{\"metadata\":" + std::string(depth, '['));
    CHECK(folder.sealing().starts_with("shard_index_not_json"));
}

TEST_CASE("folder: an index larger than any real one") {
    const Folder folder;
    fs::resize_file(folder.path() / index_name, (256U << 20) + 1); // sparse
    CHECK(folder.sealing() == "too_large");
}

TEST_CASE("folder: without any safetensors file") {
    const TemporaryFolder empty;
    CHECK(refusal([&] { (void)folder_model(empty.path()); }) == "no_model");
    write_file(empty / "sub/model.safetensors", safetensors_file({}));
    CHECK(refusal([&] { (void)folder_model(empty.path()); }) == "no_model");
    CHECK(refusal([&] { (void)open_model(empty / "nothing"); }) == "file_not_found");
}

TEST_CASE("folder: things that are no files") {
    const Folder folder;
    const fs::path place = folder.path() / GENERATE("thing", "sub/thing", "thing.safetensors");
    fs::create_directories(place.parent_path());

    REQUIRE(mkfifo(place.c_str(), 0600) == 0); // a reader that opens it waits for ever
    CHECK(folder.sealing() == "unsupported_file");
    fs::remove(place);

    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(place.native().size() < sizeof address.sun_path);
    place.native().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(folder.sealing() == "unsupported_file");
    close(fd);
    fs::remove(place);

    fs::create_symlink("/nowhere/at/all", place);
    CHECK(folder.sealing() == "unsupported_file");
    fs::remove(place);

    fs::create_symlink("/dev/zero", place);
    CHECK(folder.sealing() == "unsupported_file");
    fs::remove(place);

    fs::create_directory_symlink(folder.path().parent_path(), place);
    CHECK(folder.sealing() == "unsupported_file");
    fs::remove(place);

    fs::create_directory_symlink(".", place); // a folder that contains itself
    CHECK(folder.sealing() == "unsupported_file");
    fs::remove(place);

    fs::create_symlink(place.filename(), place); // a link to itself
    CHECK(folder.sealing() == "io_failed");
    fs::remove(place);

    CHECK(folder.sealing() == "nothing refused");
}

TEST_CASE("folder: file names that a container cannot hold") {
    const Folder folder;
    for (const char* const name : {"a\nb", "a\\b", "\x01", "caf\xe9"}) {
        write_file(folder.path() / name, "x");
        CHECK(folder.sealing() == "unsafe_name");
        fs::remove(folder.path() / name);
    }
}

TEST_CASE("folder: a link to a regular file is followed, and one that is a pipe by then is not waited for") {
    const Folder folder;
    write_file(folder.path().parent_path() / "blob", safetensors_file({make_tensor("b", "U8", {5}, 2)}));
    fs::remove(folder.path() / "two.safetensors");
    fs::create_symlink("../blob", folder.path() / "two.safetensors");
    CHECK(folder.sealing() == "nothing refused");

    const auto model = folder_model(folder.path());
    fs::remove(folder.path() / "config.json");
    REQUIRE(mkfifo((folder.path() / "config.json").c_str(), 0600) == 0);
    const Key key = Key::generate(KeyKind::seal);
    CHECK(refusal([&] { seal(*model, folder.path().parent_path() / "sealed", key); }) == "unsupported_file");
    CHECK_FALSE(fs::exists(folder.path().parent_path() / "sealed"));
}

TEST_CASE("folder: files that change between listing and sealing") {
    const Folder folder;
    const Key key = Key::generate(KeyKind::seal);
    const fs::path out = folder.path().parent_path() / "sealed";
    const auto model = folder_model(folder.path());
    write_file(folder.path() / "config.json", "{} grown");
    CHECK(refusal([&] { seal(*model, out, key); }) == "source_changed");
    write_file(folder.path() / "config.json", "");
    CHECK(refusal([&] { seal(*model, out, key); }) == "source_changed");
    fs::remove(folder.path() / "config.json");
    CHECK(refusal([&] { seal(*model, out, key); }) == "file_not_found");
    write_file(folder.path() / "config.json", "{}");
    fs::resize_file(folder.path() / "one.safetensors", 20);
    CHECK(refusal_code([&] { seal(*model, out, key); }) == "source_changed");
    CHECK_FALSE(fs::exists(out));
}

} // namespace weightseal::testing

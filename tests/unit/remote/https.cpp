// Sealed models from a real web server.

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/nginx.hpp"
#include "support/refusal.hpp"
#include "weightseal/container/sealed_model.hpp"
#include "weightseal/container/sealer.hpp"
#include "weightseal/io/remote_source.hpp"

#include <algorithm>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

/// A sealed model of some megabytes on a server.
struct Served {
    Certificates certificates{"IP:127.0.0.1"};
    Nginx server{certificates};
    Key key = Key::generate(KeyKind::seal);
    HttpOptions options;

    Served() {
        MemoryModel model;
        model.add_file("config.json", to_data("{}"));
        for (std::uint64_t i = 0; i < 12; ++i)
            model.add_tensor(make_tensor("w" + std::to_string(i), "F32", {256 + 64 * i, 2000}, i + 1));
        seal(model, server.root() / "model.wseal", key);
        options.authorities = certificates.authorities();
    }
};

} // namespace

TEST_CASE("https: a sealed model is loaded from a server as from a file") {
    if (!have_nginx()) return;
    const Served served;
    const SealedModel local = SealedModel::open(served.server.root() / "model.wseal", served.key);
    const SealedModel remote =
        SealedModel::open(https_source(served.server.url("model.wseal"), served.options), served.key);
    const Arena expected = local.load();
    const Arena loaded =
        remote.load({.parallel = {.threads = 4, .run = {}}, .hooks = {}, .on_tensor = {}, .buffer = {}});
    REQUIRE(loaded.offsets == expected.offsets);
    CHECK(std::ranges::equal(loaded.buffer.bytes(), expected.buffer.bytes()));
    remote.verify();
    const Selection slice{7, {{5, 9}}};
    CHECK(std::ranges::equal(remote.read(slice).bytes(), local.read(slice).bytes()));
}

TEST_CASE("https: who the server is and what it has is checked") {
    if (!have_nginx()) return;
    const Served served;
    const Certificates others("IP:127.0.0.1");
    const auto open = [&](const std::string& url, const std::string& authorities) {
        HttpOptions options = served.options;
        options.authorities = authorities;
        return refusal([&] { (void)https_source(url, options); });
    };
    const std::string trusted = served.certificates.authorities();
    CHECK(open(served.server.url("model.wseal"), trusted) == "nothing refused");
    CHECK(open(served.server.url("model.wseal"), others.authorities()) == "server_unreachable");
    CHECK(open(served.server.url("model.wseal"), "") == "server_unreachable");
    CHECK(open(served.server.url("other.wseal"), trusted) == "file_not_found");
    CHECK(open(served.server.url("model.wseal"), "/no/such/file") == "bad_server_url");
    // The certificate is of the address, not of the name.
    std::string by_name = served.server.url("model.wseal");
    by_name.replace(by_name.find("127.0.0.1"), 9, "localhost");
    CHECK(open(by_name, trusted) == "server_unreachable");
}

TEST_CASE("https: an object that is replaced while it is read is refused, and an empty one is empty") {
    if (!have_nginx()) return;
    const Served served;
    const auto source = https_source(served.server.url("model.wseal"), served.options);
    Data bytes = read_file(served.server.root() / "model.wseal");
    CHECK(source->size() == bytes.size());
    bytes.resize(bytes.size() / 2);
    std::filesystem::remove(served.server.root() / "model.wseal");
    write_file(served.server.root() / "model.wseal", bytes);
    Data to(1000);
    CHECK(refusal_code([&] { source->read_at(source->size() - 2000, to); }) == "source_changed");
    CHECK(refusal_code([&] { source->read_at(source->size() - 999, to); }) == "source_changed");

    write_file(served.server.root() / "empty", Bytes());
    CHECK(https_source(served.server.url("empty"), served.options)->size() == 0);
}

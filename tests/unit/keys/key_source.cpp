// Where keys come from.

#include "weightseal/keys/key_source.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/files.hpp"
#include "support/refusal.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace weightseal::testing {
namespace {

struct Sample {
    Key key = Key::generate(KeyKind::seal);
    std::string text = std::string(key_text_size(KeyKind::seal), '?');
    Sample() { format_key(key, text); }
    [[nodiscard]] bool is(const Key& other) const {
        return other.kind == KeyKind::seal && std::ranges::equal(other.secret.bytes(), key.secret.bytes());
    }
};

// The read end of a pipe that holds `text` and ends there.
int pipe_with(const std::string& text) {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    REQUIRE(write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    close(ends[1]);
    return ends[0];
}

std::string refused(const std::string& source) {
    return refusal_code([&] { (void)key_from_source(source); });
}

// What the refusal says; empty when there is none.
std::string message(const std::string& source) {
    try {
        (void)key_from_source(source);
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

} // namespace

TEST_CASE("a key comes from a file") {
    const Sample sample;
    const TemporaryFolder folder;
    write_file(folder / "key", sample.text + "\n");
    CHECK(sample.is(key_from_source("file:" + (folder / "key").native())));
}

TEST_CASE("a key comes from a named pipe, as shells make it") {
    const Sample sample;
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "pipe";
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    std::jthread writer([&] { write_file(path, sample.text); });
    CHECK(sample.is(key_from_source("file:" + path.native())));
}

TEST_CASE("a key comes from the environment") {
    const Sample sample;
    REQUIRE(setenv("WEIGHTSEAL_TEST_KEY", sample.text.c_str(), 1) == 0);
    CHECK(sample.is(key_from_source("env:WEIGHTSEAL_TEST_KEY")));
    REQUIRE(unsetenv("WEIGHTSEAL_TEST_KEY") == 0);
    CHECK(refused("env:WEIGHTSEAL_TEST_KEY") == "key_source_failed");
}

TEST_CASE("a key comes from an open descriptor, which stays open") {
    const Sample sample;
    const int fd = pipe_with(sample.text);
    CHECK(sample.is(key_from_source("fd:" + std::to_string(fd))));
    CHECK(fcntl(fd, F_GETFD) >= 0);
    close(fd);
    CHECK(refused("fd:" + std::to_string(fd)) != "nothing refused");
}

TEST_CASE("a key comes from a command's output") {
    const Sample sample;
    CHECK(sample.is(key_from_source("cmd:printf '# from a vault\\n%s\\n' " + sample.text)));
    CHECK(sample.is(key_from_source("cmd:cat <<'END'\n" + sample.text + "\nEND")));
}

TEST_CASE("a key comes from standard input") {
    const Sample sample;
    CHECK(in_child([&] {
              dup2(pipe_with(sample.text + "\r\n"), 0);
              return sample.is(key_from_source("-")) ? 0 : 1;
          }) == 0);
}

TEST_CASE("a command that fails gives no key, even if it printed one") {
    const Sample sample;
    CHECK(refused("cmd:echo " + sample.text + "; exit 3") == "key_source_failed");
    CHECK_THAT(message("cmd:echo " + sample.text + "; exit 3"), ContainsSubstring("status 3"));
    CHECK(refused("cmd:echo " + sample.text + "; kill -9 $$") == "key_source_failed");
    CHECK(refused("cmd:no-such-command-anywhere 2>/dev/null") == "key_source_failed");
    CHECK(refused("cmd:true") == "key_format");
}

TEST_CASE("what is no key source is refused") {
    for (const char* const source : {"", "key", "file", "FILE:x", "fd:", "fd:x", "fd:-1", "fd:3x", "fd:99999999999",
                                     "env:", "file:", "file:/no/such/file"}) {
        INFO(source);
        CHECK(refused(source) == "key_source_failed");
    }
}

TEST_CASE("a key given in place of its source is not repeated") {
    const Sample sample;
    CHECK(refused(sample.text) == "key_source_failed");
    CHECK(message(sample.text).find(sample.text.substr(11, 8)) == std::string::npos);
}

TEST_CASE("refusals name the source") {
    const TemporaryFolder folder;
    const std::string path = (folder / "missing").native();
    CHECK_THAT(message("file:" + path), ContainsSubstring(path));
    CHECK_THAT(message("env:WEIGHTSEAL_NO_SUCH"), ContainsSubstring("WEIGHTSEAL_NO_SUCH"));
}

TEST_CASE("a source of more than 64 KiB is refused, one of 64 KiB is read") {
    const Sample sample;
    const TemporaryFolder folder;
    const std::string room(65536 - sample.text.size() - 1, '\n');
    write_file(folder / "full", room + "\n" + sample.text);
    CHECK(sample.is(key_from_source("file:" + (folder / "full").native())));
    write_file(folder / "over", room + "\n\n" + sample.text);
    CHECK(refused("file:" + (folder / "over").native()) == "key_source_failed");
    CHECK(refused("cmd:cat '" + (folder / "over").native() + "'") == "key_source_failed");
    CHECK(refused("cmd:yes") == "key_source_failed"); // a command that never ends by itself
}

} // namespace weightseal::testing

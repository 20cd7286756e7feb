// Event logs in files and pipes: rotation, restarts, full disks, readers that are slow or gone.

#include "support/child.hpp"
#include "support/event_log.hpp"
#include "support/files.hpp"
#include "support/refusal.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weightseal::testing {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
    return std::string(as_text(read_file(path)));
}

/// The files of a log, oldest first.
std::vector<fs::path> files_of(const fs::path& path) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(path.parent_path()))
        if (entry.path() != path) files.push_back(entry.path());
    std::ranges::sort(files);
    files.push_back(path);
    return files;
}

LogVerification verify_files(const std::vector<fs::path>& files) {
    std::vector<LogInput> inputs;
    for (const fs::path& file : files)
        inputs.push_back(open_log(file));
    return verify_log(inputs);
}

void write_log(const fs::path& path, std::uint64_t events, bool close = true, std::uint64_t max_size = 1 << 20) {
    Guard guard(one_query());
    EventLog log(guard, LogFile{path, max_size}, signing_key(), noon);
    make_events(guard, events);
    while (log.write(noon, noon) != 0) {
    }
    if (close) CHECK(log.close(noon, noon));
}

/// Both ends of a pipe or a pair of sockets.
struct Ends {
    std::array<int, 2> fds{-1, -1};
    Ends() = default;
    Ends(const Ends&) = delete;
    Ends& operator=(const Ends&) = delete;
    ~Ends() {
        for (const int fd : fds)
            if (fd >= 0) close(fd);
    }
};

// Everything that waits in a pipe or socket.
std::string drain(int fd) {
    std::string text;
    std::array<char, 65536> piece;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (ssize_t got = 0; (got = read(fd, piece.data(), piece.size())) > 0;)
        text.append(piece.data(), static_cast<std::size_t>(got));
    return text;
}

// Writes until the reader has to read, and on when it does.
void write_past_slow_reader(int writing, int reading) {
    Guard guard(one_query());
    EventLog log(guard, LogDescriptor{writing}, signing_key(), noon);
    std::string text;
    std::uint64_t next = 0;
    for (int round = 0; round < 4; ++round) {
        while (log.counters().waiting == 0) {
            make_events(guard, 100, next);
            next += 100;
            log.write(noon, noon);
        }
        CHECK(log.counters().last_failure == std::errc::resource_unavailable_try_again);
        text += drain(reading);
        log.write(noon, noon);
    }
    while (log.write(noon, noon) != 0 || log.counters().waiting != 0)
        text += drain(reading);
    while (!log.close(noon, noon))
        text += drain(reading);
    text += drain(reading);
    const LogVerification found = verify(text);
    CHECK(found.is_closed);
    CHECK(found.events + found.dropped == next);
}

} // namespace

TEST_CASE("a log in a file is its owner's, and verified") {
    const TemporaryFolder folder;
    write_log(folder / "log", 10);
    struct stat status {};
    REQUIRE(stat((folder / "log").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(verify_files({folder / "log"}).events == 10);
    CHECK(verify_files({folder / "log"}).is_closed);
}

TEST_CASE("a file that is large enough gives way to one that continues it") {
    const TemporaryFolder folder;
    const fs::path path = folder / "log";
    write_log(path, 1000, true, 16'384);
    const std::vector<fs::path> files = files_of(path);
    REQUIRE(files.size() > 20);
    CHECK(files.front().filename() == "log.000001");
    for (const fs::path& file : files) {
        CHECK(fs::file_size(file) < 16'384 + 2048);
        if (file != path) CHECK(lines_of(text_of(file)).back().find("log_rotated") != std::string::npos);
    }
    const LogVerification whole = verify_files(files);
    CHECK(whole.events == 1000);
    CHECK(whole.first == 0);
    CHECK(whole.is_closed);
    // Later files alone hold, and say that there were others; a file in between does not go missing unseen.
    const LogVerification rest = verify_files({files.begin() + 3, files.end()});
    CHECK(rest.first > 0);
    CHECK(rest.last == whole.last);
    CHECK(refusal([&] { verify_files({files[0], files[2]}); }) == "guard_log_changed");
    CHECK(refusal([&] { verify_files({files[1], files[0]}); }) == "guard_log_changed");
}

TEST_CASE("the next process continues the chain of the one before") {
    const TemporaryFolder folder;
    const fs::path path = folder / "log";
    write_log(path, 10);
    write_log(path, 20, false);
    write_log(path, 30);
    REQUIRE(files_of(path).size() == 3);
    const LogVerification whole = verify_files(files_of(path));
    CHECK(whole.events == 60);
    CHECK(whole.checkpoints == 5);
}

TEST_CASE("a process that was killed within a line leaves a log that goes on") {
    const TemporaryFolder folder;
    const fs::path path = folder / "log";
    write_log(path, 10, false);
    const std::string text = text_of(path);
    const std::size_t last = lines_of(text).back().size();
    for (const std::size_t cut : {std::size_t{1}, last / 2, last - 1, text.size() - 30, text.size()}) {
        for (const fs::path& file : files_of(path))
            fs::remove(file);
        write_file(path, std::string_view(text).substr(0, text.size() - cut));
        write_log(path, 5);
        const LogVerification whole = verify_files(files_of(path));
        CHECK(whole.events >= 5);
        CHECK(whole.first == 0);
        CHECK(whole.is_closed);
    }
    // Of the first line, or between two files.
    fs::remove(path);
    write_log(path, 5);
    CHECK(verify_files(files_of(path)).first == 0);
}

TEST_CASE("a file that is no event log is left alone") {
    const TemporaryFolder folder;
    Guard guard(one_query());
    const auto refused = [&](const std::string& content) {
        write_file(folder / "log", content);
        const std::string found =
            refusal([&] { const EventLog log(guard, LogFile{folder / "log"}, signing_key(), noon); });
        CHECK(text_of(folder / "log") == content);
        CHECK(files_of(folder / "log").size() == 1);
        return found;
    };
    CHECK(refused("my notes\n") == "not_a_guard_log");
    CHECK(refused("my notes") == "not_a_guard_log");
    CHECK(refused("\n") == "not_a_guard_log");
    CHECK(refused(std::string(300'000, 'x')) == "not_a_guard_log");
    CHECK(refused(some_log(1) + "one line more\n") == "not_a_guard_log");
    fs::create_directory(folder / "folder");
    CHECK(refusal([&] { const EventLog log(guard, LogFile{folder / "folder"}, signing_key(), noon); }) == "io_failed");
    CHECK(refusal([&] { const EventLog log(guard, LogFile{folder / "no" / "log"}, signing_key(), noon); }) ==
          "file_not_found");
    REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
    CHECK(refusal([&] { const EventLog log(guard, LogFile{folder / "pipe"}, signing_key(), noon); }) == "io_failed");
}

TEST_CASE("two writers of one file are refused") {
    const TemporaryFolder folder;
    Guard guard(one_query());
    const EventLog log(guard, LogFile{folder / "log"}, signing_key(), noon);
    CHECK(refusal([&] { const EventLog other(guard, LogFile{folder / "log"}, signing_key(), noon); }) == "io_failed");
}

TEST_CASE("a full disk is counted, and the log goes on when there is room") {
    const TemporaryFolder folder;
    const fs::path path = folder / "log";
    CHECK(in_child([&] {
              std::signal(SIGXFSZ, SIG_IGN);
              const auto limit = [](rlim_t bytes) {
                  rlimit size{};
                  getrlimit(RLIMIT_FSIZE, &size);
                  size.rlim_cur = bytes;
                  setrlimit(RLIMIT_FSIZE, &size);
              };
              Guard guard(one_query());
              EventLog log(guard, LogFile{path}, signing_key(), noon);
              limit(5000); // within a line
              make_events(guard, 300);
              if (log.write(noon, noon) != 256) return 1;
              if (log.write(noon, noon) != 0) return 2;
              if (log.counters().failures != 2 || log.counters().last_failure != std::errc::file_too_large) return 3;
              if (!guard.check(named(guard, 77'777), {}, noon).allowed) return 4;
              limit(60'000);
              if (log.write(noon, noon) != 0 || log.counters().waiting == 0) return 5;
              limit(RLIM_INFINITY);
              if (log.write(noon, noon) != 44 || log.counters().waiting != 0) return 6;
              return log.close(noon, noon) ? 0 : 7;
          }) == 0);
    const LogVerification whole = verify_files({path});
    CHECK(whole.events == 300);
    CHECK(whole.is_closed);
}

TEST_CASE("a device that is full takes nothing, and nothing else happens") {
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(full >= 0);
    Guard guard(one_query());
    EventLog log(guard, LogDescriptor{full}, signing_key(), noon);
    make_events(guard, 10);
    log.write(noon, noon);
    CHECK(log.counters().last_failure == std::errc::no_space_on_device);
    CHECK_FALSE(log.close(noon, noon));
    close(full);
}

TEST_CASE("where there can be no new file, the log stays in the old one until there can") {
    const TemporaryFolder folder;
    fs::create_directory(folder / "logs");
    const fs::path path = folder / "logs" / "log";
    Guard guard(one_query());
    EventLog log(guard, LogFile{path, 8192}, signing_key(), noon);
    fs::rename(folder / "logs", folder / "elsewhere");
    make_events(guard, 100);
    CHECK(log.write(noon, noon) == 100);
    CHECK(log.counters().waiting == 0);
    CHECK(log.counters().last_failure == std::errc::no_such_file_or_directory);
    fs::rename(folder / "elsewhere", folder / "logs");
    make_events(guard, 100, 100);
    CHECK(log.write(noon, noon) == 100);
    CHECK(log.close(noon, noon));
    CHECK(files_of(path).size() > 5);
    CHECK(verify_files(files_of(path)).events == 200);
}

TEST_CASE("a pipe that is read slowly is never waited for") {
    Ends ends;
    REQUIRE(pipe2(ends.fds.data(), O_CLOEXEC) == 0);
    write_past_slow_reader(ends.fds[1], ends.fds[0]);
    CHECK((fcntl(ends.fds[1], F_GETFL) & O_NONBLOCK) == 0); // others may share it
}

TEST_CASE("a socket that is read slowly is never waited for") {
    Ends ends;
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.fds.data()) == 0);
    write_past_slow_reader(ends.fds[1], ends.fds[0]);
}

TEST_CASE("a pipe whose reader is gone is counted, and kills nobody") {
    CHECK(in_child([] {
              std::signal(SIGPIPE, SIG_DFL);
              Ends ends;
              if (pipe2(ends.fds.data(), O_CLOEXEC) != 0) return 1;
              Guard guard(one_query());
              EventLog log(guard, LogDescriptor{ends.fds[1]}, signing_key(), noon);
              close(ends.fds[0]);
              ends.fds[0] = -1;
              make_events(guard, 10);
              log.write(noon, noon);
              if (log.counters().last_failure != std::errc::broken_pipe) return 2;
              sigset_t pending;
              sigpending(&pending);
              if (sigismember(&pending, SIGPIPE) != 0) return 3;
              return guard.check(named(guard, 77'777), {}, noon).allowed ? 0 : 4;
          }) == 0);
}

} // namespace weightseal::testing

#include "platform/process.hpp"

#include "platform/file.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace weightseal::platform {
namespace {

std::atomic<std::atomic<int>*> interrupt_target{nullptr};
static_assert(std::atomic<int>::is_always_lock_free && decltype(interrupt_target)::is_always_lock_free,
              "a signal handler may touch lock-free atomics only");

void handle_interrupt(int number) {
    if (std::atomic<int>* target = interrupt_target.load()) target->store(number);
}

} // namespace

unsigned available_processors() noexcept {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
    return std::max(1U, std::thread::hardware_concurrency());
}

int process_id() noexcept {
    return getpid();
}

void forbid_core_dumps() noexcept {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

bool is_terminal(int fd) noexcept {
    return isatty(fd) == 1;
}

unsigned terminal_columns(int fd) noexcept {
    winsize size{};
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void on_interrupt(std::atomic<int>& signal_number) {
    interrupt_target.store(&signal_number);
    struct sigaction action {};
    action.sa_handler = handle_interrupt;
    sigemptyset(&action.sa_mask);
    for (const int number : {SIGINT, SIGTERM}) {
        struct sigaction before {};
        // Who started the process with a signal ignored, as nohup does, wants it to stay so.
        if (sigaction(number, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(number, &action, nullptr);
    }
}

void write_new_file(const std::filesystem::path& path, Bytes content, bool overwrite) {
    OutputFile file(path, overwrite);
    file.write_at(0, content);
    file.commit();
}

std::size_t read_to_end(int fd, MutableBytes to, std::string_view subject) {
    std::size_t size = 0;
    for (;;) {
        std::byte one_more{};
        const bool full = size == to.size();
        const ssize_t got = full ? read(fd, &one_more, 1) : read(fd, to.data() + size, to.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw_errno(errno, subject, "cannot be read");
        if (got == 0) return size;
        if (full) throw Error(Errc::too_large, subject, fmt::format("holds more than {} bytes", to.size()));
        size += static_cast<std::size_t>(got);
    }
}

std::size_t read_command(const std::string& command, MutableBytes to, std::string_view subject) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno(errno, subject, "cannot be started");
    Descriptor reading(ends[0]);
    Descriptor writing(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
    std::string text = command;
    std::string shell = "sh";
    std::string flag = "-c";
    std::array<char*, 4> arguments{shell.data(), flag.data(), text.data(), nullptr};
    pid_t child = 0;
    const int failure = posix_spawn(&child, "/bin/sh", &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    writing = Descriptor();
    if (failure != 0) throw_errno(failure, subject, "cannot be started");

    std::size_t size = 0;
    std::exception_ptr error;
    try {
        size = read_to_end(reading.get(), to, fmt::format("output of the {}", subject));
    } catch (...) {
        error = std::current_exception();
    }
    reading = Descriptor(); // a child that still writes gets SIGPIPE and ends
    int status = 0;
    pid_t ended = 0;
    do
        ended = waitpid(child, &status, 0);
    while (ended < 0 && errno == EINTR);
    if (error) std::rethrow_exception(error);
    if (ended != child)
        throw Error(Errc::key_source_failed, subject,
                    "its status is unknown: this process reaps its children elsewhere");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw Error(Errc::key_source_failed, subject,
                    WIFEXITED(status) ? fmt::format("exited with status {}", WEXITSTATUS(status))
                                      : fmt::format("was ended by signal {}", WTERMSIG(status)));
    return size;
}

} // namespace weightseal::platform

#include "support/child.hpp"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weightseal::testing {

namespace {

[[noreturn]] void be_child(const std::function<int(std::size_t)>& work, std::size_t number) {
    int status = 255;
    try {
        status = work(number);
    } catch (...) {
    }
    _exit(status);
}

} // namespace

std::vector<int> in_children(std::size_t count, const std::function<int(std::size_t)>& work) {
    std::vector<pid_t> children(count);
    for (std::size_t i = 0; i < count; ++i) {
        children[i] = fork();
        if (children[i] < 0) throw std::runtime_error("no child process");
        if (children[i] == 0) be_child(work, i);
    }
    std::vector<int> ends;
    for (const pid_t child : children) {
        int status = 0;
        while (waitpid(child, &status, 0) < 0)
            if (errno != EINTR) throw std::runtime_error("the child is lost");
        ends.push_back(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    }
    return ends;
}

int in_child(const std::function<int()>& work) {
    return in_children(1, [&](std::size_t) { return work(); }).front();
}

int errc_in_child(const std::function<void()>& work) {
    return in_child([&] {
        try {
            work();
        } catch (const Error& error) {
            return static_cast<int>(error.errc());
        }
        return 0;
    });
}

namespace {

void limit(decltype(RLIMIT_AS) resource, std::size_t bytes) {
    const rlimit value{bytes, bytes};
    if (setrlimit(resource, &value) != 0) throw std::runtime_error("no limit can be set");
}

} // namespace

void limit_memory([[maybe_unused]] std::size_t bytes) {
#ifndef WEIGHTSEAL_SANITIZED
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    limit(RLIMIT_AS, pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + bytes);
#endif
}

void limit_file_size(std::size_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    limit(RLIMIT_FSIZE, bytes);
}

} // namespace weightseal::testing

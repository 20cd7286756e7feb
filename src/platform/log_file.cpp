#include "platform/log_file.hpp"

#include "weightseal/core/error.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weightseal::platform {
namespace {

// While it lives, a write to a closed pipe raises no signal in this thread, and none is left behind.
class NoBrokenPipeSignal {
  public:
    NoBrokenPipeSignal() noexcept {
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        sigemptyset(&broken_pipe_);
        sigaddset(&broken_pipe_, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &broken_pipe_, &before_);
    }
    NoBrokenPipeSignal(const NoBrokenPipeSignal&) = delete;
    NoBrokenPipeSignal& operator=(const NoBrokenPipeSignal&) = delete;
    ~NoBrokenPipeSignal() {
        const timespec at_once{};
        if (!was_pending_)
            while (sigtimedwait(&broken_pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
            }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

  private:
    sigset_t broken_pipe_;
    sigset_t before_;
    bool was_pending_ = false;
};

enum class Kind { file, socket, other };

Kind kind_of(int fd) noexcept {
    struct stat status {};
    if (fstat(fd, &status) != 0) return Kind::other; // what is wrong, the write says
    return S_ISREG(status.st_mode) ? Kind::file : S_ISSOCK(status.st_mode) ? Kind::socket : Kind::other;
}

// What a pipe takes at once as soon as it takes anything.
constexpr std::size_t pipe_piece = 4096;

ssize_t write_piece(int fd, Kind kind, Bytes from) noexcept {
    if (kind == Kind::socket) return send(fd, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (kind == Kind::file) return write(fd, from.data(), from.size());
    pollfd ready{fd, POLLOUT, 0};
    if (poll(&ready, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(fd, from.data(), std::min(from.size(), pipe_piece));
}

} // namespace

Written write_without_waiting(int fd, Bytes from) noexcept {
    const Kind kind = kind_of(fd);
    std::optional<NoBrokenPipeSignal> no_signal; // files raise none, and sockets are asked not to
    if (kind == Kind::other) no_signal.emplace();
    Written done;
    while (done.bytes < from.size()) {
        const ssize_t put = write_piece(fd, kind, from.subspan(done.bytes));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) {
            done.error = errno;
            break;
        }
        done.bytes += static_cast<std::size_t>(put);
    }
    return done;
}

LogFile::LogFile(std::filesystem::path path) : path_(std::move(path)) {
    if (const int error = open_file(0)) {
        if (error == EWOULDBLOCK) throw Error(Errc::io_failed, path_.native(), "is written by another process");
        throw_errno(error, path_.native(), "cannot be opened");
    }
    struct stat status {};
    if (fstat(file_.get(), &status) != 0) throw_errno(errno, path_.native(), "cannot be examined");
    if (!S_ISREG(status.st_mode)) throw Error(Errc::unsupported_file, path_.native(), "is not a regular file");
    size_ = static_cast<std::uint64_t>(status.st_size);
    const std::vector<std::filesystem::path> files = older();
    if (files.empty()) return;
    const std::string number = files.front().extension().native().substr(1);
    std::from_chars(number.data(), number.data() + number.size(), last_number_);
}

int LogFile::open_file(int flags) noexcept {
    // O_NONBLOCK: opening a named pipe must not wait for a reader before it is refused.
    Descriptor file(open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | flags, 0600));
    if (!file) return errno;
    // File systems without locks are used without.
    if (flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return errno;
    file_ = std::move(file);
    size_ = 0;
    return 0;
}

Written LogFile::append(Bytes from) noexcept {
    const Written done = write_without_waiting(file_.get(), from);
    size_ += done.bytes;
    return done;
}

int LogFile::sync() noexcept {
    return fdatasync(file_.get()) == 0 ? 0 : errno;
}

std::filesystem::path LogFile::numbered(std::uint64_t number) const {
    return fmt::format("{}.{:06}", path_.native(), number);
}

int LogFile::start_new() noexcept {
    try {
        if (const int error = sync()) return error;
        while (!moved_) {
            const std::filesystem::path target = numbered(++last_number_);
            if (renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0 ||
                // Network file systems know no flags.
                (errno == EINVAL && rename(path_.c_str(), target.c_str()) == 0)) {
                moved_ = true;
            } else if (errno != EEXIST) {
                --last_number_;
                return errno;
            }
        }
        if (const int error = open_file(O_EXCL)) return error;
        moved_ = false;
        return 0;
    } catch (...) { // of a name
        return ENOMEM;
    }
}

std::vector<std::filesystem::path> LogFile::older() const {
    const std::string start = path_.filename().native() + '.';
    const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
    std::vector<std::pair<std::uint64_t, std::filesystem::path>> found;
    std::error_code failure;
    for (std::filesystem::directory_iterator entry(folder, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        const std::string name = entry->path().filename().native();
        if (!name.starts_with(start)) continue;
        const std::string_view digits = std::string_view(name).substr(start.size());
        std::uint64_t number = 0;
        const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (error == std::errc() && last == digits.data() + digits.size() && numbered(number).filename() == name)
            found.emplace_back(number, entry->path());
    }
    std::ranges::sort(found, std::greater{});
    std::vector<std::filesystem::path> files;
    for (auto& [number, path] : found)
        files.push_back(std::move(path));
    return files;
}

} // namespace weightseal::platform

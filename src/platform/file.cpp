#include "platform/file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace weightseal::platform {
namespace {

// One system call moves at most this much, so that a cancel is not kept waiting.
constexpr std::size_t max_transfer = std::size_t{1} << 30;

Errc errc_of(int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR: return Errc::file_not_found;
    case EEXIST: return Errc::file_exists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Errc::no_space;
    case ENOMEM: return Errc::out_of_memory;
    default: return Errc::io_failed;
    }
}

} // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

Descriptor::~Descriptor() {
    if (fd_ >= 0) close(fd_);
}

void throw_errno(int error, std::string_view subject, std::string_view action, std::optional<std::uint64_t> offset) {
    throw Error(errc_of(error), subject, fmt::format("{}: {}", action, std::generic_category().message(error)), offset);
}

InputFile open_input(const std::filesystem::path& path) {
    // O_NONBLOCK: opening a named pipe must not wait for a writer before it is refused.
    Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) throw_errno(errno, path.native(), "cannot be opened");
    struct stat status {};
    if (fstat(file.get(), &status) != 0) throw_errno(errno, path.native(), "cannot be examined");
    if (!S_ISREG(status.st_mode)) throw Error(Errc::unsupported_file, path.native(), "is not a regular file");
    return {std::move(file), static_cast<std::uint64_t>(status.st_size)};
}

std::uint64_t current_size(int fd, const std::string& subject) {
    struct stat status {};
    if (fstat(fd, &status) != 0) throw_errno(errno, subject, "cannot be examined");
    return static_cast<std::uint64_t>(status.st_size);
}

Descriptor open_stream(const std::filesystem::path& path) noexcept {
    return Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

std::size_t read_some(int fd, MutableBytes to, std::string_view subject) {
    for (;;) {
        const ssize_t got = read(fd, to.data(), std::min(to.size(), max_transfer));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw_errno(errno, subject, "cannot be read");
        return static_cast<std::size_t>(got);
    }
}

void read_exactly(int fd, std::uint64_t offset, MutableBytes to, const std::string& subject) {
    while (!to.empty()) {
        const ssize_t got = pread(fd, to.data(), std::min(to.size(), max_transfer), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw_errno(errno, subject, "cannot be read", offset);
        if (got == 0) throw Error(Errc::source_changed, subject, "became shorter while it was read", offset);
        offset += static_cast<std::uint64_t>(got);
        to = to.subspan(static_cast<std::size_t>(got));
    }
}

std::string read_file(const std::filesystem::path& path, std::uint64_t most, Errc too_large) {
    const InputFile file = open_input(path);
    if (file.size > most) throw Error(too_large, path.native(), fmt::format("is larger than {} bytes", most));
    std::string content(file.size, '\0');
    read_exactly(file.descriptor.get(), 0, std::as_writable_bytes(std::span(content)), path.native());
    return content;
}

void sync_folder(const std::filesystem::path& folder) {
    const Descriptor descriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // EINVAL: a file system that has nothing to flush for folders.
    if (!descriptor || (fsync(descriptor.get()) != 0 && errno != EINVAL))
        throw_errno(errno, folder.native(), "cannot be flushed");
}

} // namespace weightseal::platform

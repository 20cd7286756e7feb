#include "platform/file.hpp"

#include "weightseal/core/error.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weightseal::platform {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// A target that is a link, device or pipe is replaced by nobody: rename would not do what the user means.
void check_target(const std::filesystem::path& target, bool overwrite) {
    struct stat status {};
    if (lstat(target.c_str(), &status) != 0) {
        if (errno == ENOENT) return;
        throw_errno(errno, target.native(), "cannot be written");
    }
    if (!overwrite) throw Error(Errc::file_exists, target.native(), "exists already");
    if (!S_ISREG(status.st_mode))
        throw Error(Errc::unsupported_file, target.native(), "is not a regular file and is not replaced");
}

} // namespace

std::filesystem::path temporary_name(const std::filesystem::path& target) {
    std::array<std::byte, 8> random{};
    // Only to be free, not to be secret: creating it fails if the name is taken.
    if (getrandom(random.data(), random.size(), 0) < 0) throw_errno(errno, target.native(), "gets no temporary name");
    return folder_of(target) /
           fmt::format(".{}.{:016x}.tmp", target.filename().native(), load_le<std::uint64_t>(random, 0));
}

OutputFile::OutputFile(std::filesystem::path target, bool overwrite)
    : target_(std::move(target)), overwrite_(overwrite) {
    check_target(target_, overwrite_);
    file_ = Descriptor(open(folder_of(target_).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    // A file without a name gets one through /proc, which a container may lack.
    if (file_ && access(fmt::format("/proc/self/fd/{}", file_.get()).c_str(), F_OK) == 0) return;
    const std::filesystem::path name = temporary_name(target_);
    file_ = Descriptor(open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    if (!file_) throw_errno(errno, target_.native(), "cannot be created");
    temporary_ = name;
}

OutputFile::~OutputFile() {
    if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::write_at(std::uint64_t offset, Bytes from) {
    while (!from.empty()) {
        const ssize_t put = pwrite(file_.get(), from.data(), from.size(), static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) throw_errno(errno, target_.native(), "cannot be written", offset);
        offset += static_cast<std::uint64_t>(put);
        from = from.subspan(static_cast<std::size_t>(put));
    }
}

void OutputFile::link_as(const std::filesystem::path& name) const {
    const std::string self = fmt::format("/proc/self/fd/{}", file_.get());
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
        throw_errno(errno, target_.native(), "cannot be named");
}

void OutputFile::commit() {
    if (fsync(file_.get()) != 0) throw_errno(errno, target_.native(), "cannot be flushed");
    if (!overwrite_) {
        // A link fails if the name was taken meanwhile; a rename would replace it.
        if (temporary_.empty())
            link_as(target_);
        else if (link(temporary_.c_str(), target_.c_str()) != 0)
            throw_errno(errno, target_.native(), "cannot be named");
    } else {
        if (temporary_.empty()) {
            const std::filesystem::path name = temporary_name(target_);
            link_as(name);
            temporary_ = name;
        }
        if (rename(temporary_.c_str(), target_.c_str()) != 0)
            throw_errno(errno, target_.native(), "cannot be replaced");
        temporary_.clear();
    }
    sync_folder(folder_of(target_));
}

} // namespace weightseal::platform

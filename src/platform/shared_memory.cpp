#include "platform/shared_memory.hpp"

#include "weightseal/core/error.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace weightseal::platform {

SharedFile::SharedFile(const std::filesystem::path& path)
    : subject_(path.native()),
      file_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, S_IRUSR | S_IWUSR)) {
    if (!file_ && errno == ELOOP) throw Error(Errc::unsupported_file, subject_, "is a link");
    if (!file_) throw_errno(errno, subject_, "cannot be opened");
    struct stat status {};
    if (fstat(file_.get(), &status) != 0) throw_errno(errno, subject_, "cannot be examined");
    if (!S_ISREG(status.st_mode)) throw Error(Errc::unsupported_file, subject_, "is not a regular file");
    if (status.st_uid != geteuid() || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        throw Error(Errc::unsupported_file, subject_, "is not this user's alone (mode 0600)");
    while (flock(file_.get(), LOCK_EX) != 0)
        if (errno != EINTR) throw_errno(errno, subject_, "cannot be locked");
}

SharedFile::~SharedFile() {
    flock(file_.get(), LOCK_UN); // closing alone does not unlock: a mapping keeps the file open
}

std::uint64_t SharedFile::size() const {
    return current_size(file_.get(), subject_);
}

bool SharedFile::read(MutableBytes to) const {
    return pread(file_.get(), to.data(), to.size(), 0) == static_cast<ssize_t>(to.size());
}

void SharedFile::allocate(std::uint64_t size) const {
    const auto length = static_cast<off_t>(size);
    if (ftruncate(file_.get(), length) != 0) throw_errno(errno, subject_, "cannot be enlarged");
    int error = 0;
    do
        error = posix_fallocate(file_.get(), 0, length); // of a table takes long enough for a signal
    while (error == EINTR);
    if (error != 0) throw_errno(error, subject_, "cannot be enlarged");
}

SharedMapping::SharedMapping(const SharedFile& file, std::size_t size) {
    void* const data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.file_.get(), 0);
    if (data == MAP_FAILED) throw_errno(errno, file.subject_, "cannot be mapped");
    bytes_ = {static_cast<std::byte*>(data), size};
    madvise(data, size, MADV_DONTDUMP);
    madvise(data, size, MADV_HUGEPAGE); // a wish
}

SharedMapping::SharedMapping(SharedMapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

SharedMapping& SharedMapping::operator=(SharedMapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
}

SharedMapping::~SharedMapping() {
    if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

} // namespace weightseal::platform

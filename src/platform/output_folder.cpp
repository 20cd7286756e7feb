#include "platform/file.hpp"

#include "weightseal/core/error.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>

namespace weightseal::platform {

OutputFolder::OutputFolder(std::filesystem::path target, bool overwrite) : target_(std::move(target)) {
    if (!target_.has_filename()) target_ = target_.parent_path(); // "out/" means "out"
    struct stat status {};
    if (lstat(target_.c_str(), &status) == 0) {
        if (!overwrite) throw Error(Errc::file_exists, target_.native(), "exists already");
        if (!S_ISDIR(status.st_mode))
            throw Error(Errc::unsupported_file, target_.native(), "is not a folder and is not replaced");
        replace_ = true;
    } else if (errno != ENOENT) {
        throw_errno(errno, target_.native(), "cannot be written");
    }
    const std::filesystem::path name = temporary_name(target_);
    if (mkdir(name.c_str(), 0700) != 0) throw_errno(errno, target_.native(), "cannot be created");
    staging_ = name;
}

OutputFolder::~OutputFolder() {
    std::error_code ignored;
    if (!staging_.empty()) std::filesystem::remove_all(staging_, ignored);
}

void OutputFolder::commit() {
    try {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(staging_))
            if (entry.is_directory()) sync_folder(entry.path());
    } catch (const std::filesystem::filesystem_error& failure) {
        throw Error(Errc::io_failed, target_.native(), failure.code().message());
    }
    sync_folder(staging_);
    const unsigned flags = replace_ ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    if (renameat2(AT_FDCWD, staging_.c_str(), AT_FDCWD, target_.c_str(), flags) != 0 &&
        // Network file systems know no flags; a plain rename replaces at most an empty folder.
        (errno != EINVAL || replace_ || rename(staging_.c_str(), target_.c_str()) != 0))
        throw_errno(errno, target_.native(), "cannot be named");
    if (!replace_) staging_.clear(); // after an exchange the old folder stands under the temporary name
    sync_folder(target_.has_parent_path() ? target_.parent_path() : ".");
}

} // namespace weightseal::platform

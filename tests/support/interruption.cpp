#include "support/interruption.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace weightseal::testing {

namespace {
constexpr std::string_view old_content = "the old file";
}

Output::Output(bool with_old_file) : with_old_file_(with_old_file) {
    if (with_old_file) write_file(path(), old_content);
}

bool Output::is_untouched() const {
    if (!with_old_file_) return !std::filesystem::exists(std::filesystem::symlink_status(path()));
    return std::filesystem::is_regular_file(std::filesystem::symlink_status(path())) &&
           read_file(path()) == to_data(old_content);
}

std::vector<std::string> Output::left_over() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
        if (entry.path() != path()) names.push_back(entry.path().filename());
    return names;
}

bool Output::has_unnamed_files() const {
    const int fd = open(folder_.path().c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    close(fd);
    return true;
}

} // namespace weightseal::testing

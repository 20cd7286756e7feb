#include "weightseal/guard/log_input.hpp"

#include "platform/file.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>

namespace weightseal {

LogInput open_log(const std::string& path) {
    if (path == "-")
        return {"standard input",
                [](MutableBytes to) { return platform::read_some(platform::standard_input, to, "standard input"); }};
    const auto file = std::make_shared<platform::Descriptor>(platform::open_stream(path));
    if (!*file) platform::throw_errno(errno, path, "cannot be opened");
    return {path, [file, path](MutableBytes to) { return platform::read_some(file->get(), to, path); }};
}

LogInput log_text(std::string_view text, std::string name) {
    return {std::move(name), [text](MutableBytes to) mutable {
                const std::size_t size = std::min(to.size(), text.size());
                std::ranges::copy(as_bytes(text.substr(0, size)), to.begin());
                text.remove_prefix(size);
                return size;
            }};
}

} // namespace weightseal
